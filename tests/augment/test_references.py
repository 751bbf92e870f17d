"""Transforms that go by another picture, and those that write or hand over."""

from __future__ import annotations

import albumentations as peer
import cv2
import numpy as np
import pytest
from skimage.exposure import match_histograms

import sfumato.augment as A
from sfumato.errors import FieldError, FileError, ShapeError
from sfumato.io import write
from sfumato.testing import practice_sample

PICTURE = practice_sample(size=(64, 80)).image
OTHER = np.ascontiguousarray(255 - practice_sample(size=(50, 70)).image[:, ::-1])


def unit(image):
    return (image / 255).astype(np.float32)


def test_matched_histograms_are_those_of_scikit_image():
    resized = cv2.resize(OTHER, (80, 64))
    ours = A.HistogramMatching([OTHER], (1, 1), p=1)(PICTURE, 0)
    book = match_histograms(PICTURE, resized, channel_axis=2)
    assert np.abs(ours - book.astype(float)).max() <= 1
    floats = A.HistogramMatching([unit(resized)], (1, 1), p=1)(unit(PICTURE), 0)
    book = match_histograms(unit(PICTURE), unit(resized), channel_axis=2)
    np.testing.assert_allclose(floats, book, atol=1e-5)


def test_matched_histograms_are_those_of_albumentations():
    theirs = peer.Compose([peer.HistogramMatching(blend_ratio=(0.7, 0.7), p=1)])(
        image=PICTURE, hm_metadata=[OTHER]
    )["image"]
    ours = A.HistogramMatching(blend_ratio=(0.7, 0.7), p=1)(image=PICTURE, hm_metadata=[OTHER])
    assert np.abs(ours["image"].astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("name", ["HistogramMatching", "FDA", "PixelDistributionAdaptation"])
def test_a_picture_that_goes_by_itself_stays_as_it_is(name):
    key = {"HistogramMatching": "hm", "FDA": "fda", "PixelDistributionAdaptation": "pda"}[name]
    for image in (PICTURE, unit(PICTURE), PICTURE.astype(np.uint16) * 257):
        out = getattr(A, name)(p=1)(image=image, **{f"{key}_metadata": [image]})["image"]
        assert out.dtype == image.dtype
        apart = np.abs(out.astype(float) - image).max()
        assert apart <= (1e-3 if image.dtype == np.float32 else 2)


@pytest.mark.parametrize("kind", ["standard", "minmax", "pca"])
def test_the_distribution_of_values_is_that_of_the_other_picture(kind):
    image, other = unit(PICTURE) * 0.3 + 0.4, unit(OTHER) * 0.2 + 0.4
    op = A.PixelDistributionAdaptation([other], (1, 1), transform_type=kind, p=1)
    out = op(image, 0).reshape(-1, 3)
    wanted = other.reshape(-1, 3)
    if kind == "minmax":
        np.testing.assert_allclose(out.min(axis=0), wanted.min(axis=0), atol=1e-5)
        np.testing.assert_allclose(out.max(axis=0), wanted.max(axis=0), atol=1e-5)
    else:
        np.testing.assert_allclose(out.mean(axis=0), wanted.mean(axis=0), atol=2e-3)
    if kind == "standard":
        np.testing.assert_allclose(out.std(axis=0), wanted.std(axis=0), atol=2e-3)
    if kind == "pca":
        axis = [np.linalg.eigh(np.cov(v, rowvar=False))[1][:, -1] for v in (out, wanted)]
        assert abs(axis[0] @ axis[1]) > 0.98


def by_numpy(image, other, beta):
    """Fourier domain adaptation written down with NumPy."""
    out = np.empty(image.shape)
    height, width = image.shape[:2]
    b = int(min(height, width) * beta)
    y, x = height // 2, width // 2
    place = slice(y - b, y + b + 1), slice(x - b, x + b + 1)
    for c in range(image.shape[2]):
        own, its = (np.fft.fftshift(np.fft.fft2(p[..., c])) for p in (image, other))
        amplitude = np.abs(own)
        amplitude[place] = np.abs(its)[place]
        mixed = amplitude * np.exp(1j * np.angle(own))
        out[..., c] = np.real(np.fft.ifft2(np.fft.ifftshift(mixed)))
    return out


@pytest.mark.parametrize("beta", [0.0, 0.02, 0.1])
def test_the_coarse_spectrum_is_that_of_the_other_picture(beta):
    image, other = unit(PICTURE), unit(cv2.resize(OTHER, (80, 64)))
    ours = A.FDA([other], (beta, beta), p=1)(image, 0)
    np.testing.assert_allclose(ours, by_numpy(image, other, beta).clip(0, 1), atol=1e-4)


def test_a_template_is_mixed_in_by_its_weight():
    small = np.full((8, 8, 3), 100, np.uint8)
    out = A.TemplateTransform([small], img_weight=0.25, template_weight=0.5, p=1)(PICTURE, 0)
    np.testing.assert_allclose(out, PICTURE * 0.25 + 50, atol=0.51)
    turned = A.TemplateTransform(
        [small], template_transform=A.InvertImg(p=1), img_weight=0.0, template_weight=1.0, p=1
    )
    assert (turned(PICTURE, 0) == 155).all()


def test_models_may_be_files_and_may_be_read_by_a_function(tmp_path):
    path = tmp_path / "other.png"
    write(path, OTHER)
    from_file = A.HistogramMatching([str(path)], (1, 1), p=1)(PICTURE, 0)
    from_array = A.HistogramMatching([OTHER], (1, 1), p=1)(PICTURE, 0)
    read = A.HistogramMatching(["a name"], (1, 1), read_fn=lambda name: OTHER, p=1)(PICTURE, 0)
    np.testing.assert_array_equal(from_file, from_array)
    np.testing.assert_array_equal(read, from_array)


def test_without_a_model_the_call_is_refused():
    with pytest.raises(FieldError, match="fda_metadata"):
        A.FDA(p=1)(image=PICTURE)
    with pytest.raises(ShapeError, match="5 channels"):
        A.FDA([OTHER], p=1)(np.repeat(PICTURE[..., :1], 5, axis=2), 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tensors_hold_the_picture_channels_first_and_share_nothing(dtype):
    torch = pytest.importorskip("torch")
    image = unit(PICTURE) if dtype == np.float32 else PICTURE.astype(dtype)
    mask = np.zeros((64, 80, 2), np.uint8)
    out = A.Compose([A.ToTensorV2(transpose_mask=True)])(image=image, mask=mask)
    assert isinstance(out["image"], torch.Tensor)
    assert tuple(out["image"].shape) == (3, 64, 80)
    assert tuple(out["mask"].shape) == (2, 64, 80)
    np.testing.assert_array_equal(out["image"].numpy(), image.transpose(2, 0, 1))
    before = image.copy()
    out["image"].zero_()
    np.testing.assert_array_equal(image, before)
    flat = A.ToTensorV2()(image=image[..., 0])["image"]
    assert tuple(flat.shape) == (1, 64, 80)


WHITE = np.full((60, 200, 3), 255, np.uint8)
SAID = {"bbox": (0.1, 0.2, 0.6, 0.8), "text": "one two three"}


def test_words_are_written_into_their_box_only():
    out = A.TextImage(p=1)(image=WHITE, textimage_metadata=SAID)["image"]
    inked = (out < 128).any(axis=2)
    assert inked[12:48, 20:120].sum() > 100
    assert not inked[:, :20].any()
    assert not inked[:, 120:].any()


def test_words_have_their_color_and_lie_on_a_cleared_ground():
    op = A.TextImage(font_color=(255, 0, 0), clear_bg=True, p=1)
    noisy = WHITE.copy()
    noisy[20:40, 40:80] = 7
    out = op(image=noisy, textimage_metadata=[SAID])["image"]
    red = (out[..., 0] > 200) & (out[..., 1] < 60)
    assert red.sum() > 50
    assert not (out == 7).all(axis=2).any()


@pytest.mark.parametrize(
    ("change", "count"), [("insertion", 4), ("swap", 3), ("deletion", 2), (None, 3)]
)
def test_texts_are_changed_as_asked(change, count):
    chain = A.ReplayCompose([A.TextImage(augmentations=(change,), p=1)], seed=1)
    out = chain(image=WHITE, textimage_metadata=SAID)
    (text,) = out["replay"]["transforms"][0]["params"]["texts"]
    assert len(text["text"].split()) == count
    assert (text["text"] == SAID["text"]) == (change is None)


def test_a_font_that_cannot_be_read_is_refused_when_built(tmp_path):
    with pytest.raises(FileError, match="is no font"):
        A.TextImage(font_path=tmp_path / "none.ttf")
    with pytest.raises(FieldError, match="'bbox' and 'text'"):
        A.TextImage(p=1)(image=WHITE, textimage_metadata=[{"text": "x"}])


def test_elements_lie_in_their_box_and_label_the_mask():
    sticker = np.full((5, 5, 3), 200, np.uint8)
    shape = np.zeros((5, 5), np.uint8)
    shape[1:4] = 1
    said = {"image": sticker, "bbox": (0.25, 0.5, 0.5, 1.0), "mask": shape, "mask_id": 7}
    mask = np.zeros((64, 80), np.uint8)
    out = A.OverlayElements(p=1)(image=PICTURE, mask=mask, overlay_metadata=said)
    laid = (out["image"] == 200).all(axis=2)
    assert laid[40:56, 20:40].all()
    assert (out["image"][:, :20] == PICTURE[:, :20]).all()
    assert (out["image"][:32] == PICTURE[:32]).all()
    assert (out["mask"][40:56, 20:40] == 7).all()
    assert out["mask"].sum() == 7 * (out["mask"] == 7).sum()


def test_an_element_without_a_box_lies_somewhere_whole():
    dot = {"image": np.full((4, 6, 3), 255, np.uint8)}
    out = A.OverlayElements(p=1)(image=np.zeros_like(PICTURE), overlay_metadata=[dot, dot])
    assert 24 <= (out["image"] == 255).all(axis=2).sum() <= 48
    with pytest.raises(FieldError, match="has no 'image'"):
        A.OverlayElements(p=1)(image=PICTURE, overlay_metadata=[{"bbox": (0, 0, 1, 1)}])
