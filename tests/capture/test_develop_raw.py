"""Pictures of raw mosaics: the colors that went in come out, LibRaw agrees."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.capture.demosaic import Demosaic
from sfumato.capture.denoise_raw import DenoiseRaw
from sfumato.capture.develop import Develop
from sfumato.capture.develop_raw import DevelopRaw
from sfumato.capture.noise_model import NoiseModel
from sfumato.color.transfer import linear_to_srgb, srgb_to_linear
from sfumato.errors import FieldError, RangeError
from sfumato.io.dng_write import write_mosaic
from sfumato.io.mosaic import mosaic_from_array, read_mosaic
from sfumato.io.mosaic_facts import PATTERNS, MosaicFacts
from sfumato.io.picture import read

MATRIX = np.array([[1.8, -0.6, -0.2], [-0.25, 1.6, -0.35], [0.05, -0.45, 1.4]])
BALANCE = (2.1, 1.0, 1.5)


def smooth_light(height=60, width=76):
    """Light in linear sRGB, smooth enough for any demosaicing, within every gamut."""
    y, x = np.mgrid[0:height, 0:width] / 70
    planes = (0.4 + 0.2 * x - 0.1 * y, 0.35 + 0.1 * x + 0.1 * y, 0.3 + 0.15 * y)
    return np.stack(planes, axis=-1)


def photographed(light, pattern="RGGB", exposure=1.0, **meta):
    """What a camera with `MATRIX` and `BALANCE` reads of linear sRGB light."""
    camera = exposure * light @ np.linalg.inv(MATRIX).T / np.array(BALANCE)
    plane = np.empty(light.shape[:2], np.float32)
    for k, letter in enumerate(pattern):
        site = np.s_[k // 2 :: 2, k % 2 :: 2]
        plane[site] = camera[(*site, "RGB".index(letter))]
    return mosaic_from_array(
        plane, pattern=pattern, white=1.0, white_balance=BALANCE, camera_to_srgb=MATRIX, meta=meta
    )


def turned(sample, orientation):
    found = MosaicFacts(**{**vars(sample.meta["mosaic"]), "orientation": orientation})
    return sample.but(meta={**sample.meta, "mosaic": found})


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("method", ["directional", "malvar", "bilinear"])
def test_the_light_that_was_photographed_comes_back(pattern, method):
    light = smooth_light()
    develop = DevelopRaw(demosaic=Demosaic(method=method), space="linear")
    out = develop(photographed(light, pattern))
    # Reflection bends the ramp at the border, and the arms reach 12 px far.
    inner = np.s_[13:-13, 13:-13] if method == "directional" else np.s_[4:-4, 4:-4]
    np.testing.assert_allclose(out.image[inner], light[inner], atol=2e-5)
    np.testing.assert_allclose(out.image, light, atol=0.01)
    assert out.space == "linear"
    shown = DevelopRaw(demosaic=Demosaic(method=method))(photographed(light, pattern))
    assert shown.space == "srgb"
    np.testing.assert_allclose(shown.image, linear_to_srgb(out.image), atol=1e-6)


def test_exposure_is_in_stops():
    sample = photographed(smooth_light(), exposure=0.25)
    dark = DevelopRaw(space="linear")(sample).image
    bright = DevelopRaw(space="linear", exposure_ev=2.0)(sample).image
    np.testing.assert_allclose(bright, 4 * dark, rtol=1e-5)


def test_what_is_blown_is_white_and_kept_light_is_told_apart():
    light = np.full((24, 24, 3), 0.4)
    light[:, 12:] = 3.0
    sample = photographed(light)
    sample = sample.but(image=np.minimum(sample.image, 1.0))
    clipped = DevelopRaw()(sample).image[4:-4, 16:-4]
    np.testing.assert_allclose(clipped, 1.0, atol=1e-4)
    kept = DevelopRaw(highlights="keep", space="linear")(sample).image[4:-4, 16:-4]
    assert kept.max() > 1.3


def test_grey_world_finds_the_balance_of_a_grey_scene():
    y, x = np.mgrid[0:40, 0:40] / 40
    light = np.repeat((0.2 + 0.3 * x + 0.1 * y)[..., None], 3, axis=2)
    sample = photographed(light)
    unknown = MosaicFacts(**{**vars(sample.meta["mosaic"]), "white_balance": (1.0, 1.0, 1.0)})
    lost = sample.but(meta={"mosaic": unknown})
    wanted = DevelopRaw()(sample).image
    np.testing.assert_allclose(
        DevelopRaw(white_balance="grey_world")(lost).image, wanted, atol=0.02
    )
    np.testing.assert_allclose(DevelopRaw(white_balance=BALANCE)(lost).image, wanted, atol=1e-6)
    with pytest.raises(RangeError, match="dark or blown"):
        DevelopRaw(white_balance="grey_world")(sample.but(image=np.zeros_like(sample.image)))


def test_the_picture_is_turned_upright_unless_told_otherwise():
    lying = photographed(smooth_light())
    upright = DevelopRaw()(turned(lying, 6)).image
    np.testing.assert_array_equal(upright, np.rot90(DevelopRaw()(lying).image, -1))
    stays = DevelopRaw(turn=False)(turned(lying, 6)).image
    np.testing.assert_array_equal(stays, DevelopRaw()(lying).image)


def test_all_frames_of_a_stack_are_balanced_alike():
    first, second = photographed(smooth_light()), photographed(smooth_light(), exposure=0.5)
    other = MosaicFacts(**{**vars(second.meta["mosaic"]), "white_balance": (1.0, 1.0, 3.0)})
    metas = (first.meta, {"mosaic": other})
    stack = first.but(stack=np.stack([first.image, second.image]),
                      meta={**first.meta, "frames": metas})  # fmt: skip
    out = DevelopRaw(space="linear")(stack)
    np.testing.assert_allclose(out.stack[1], 0.5 * out.stack[0], atol=1e-5)
    np.testing.assert_array_equal(out.image, out.stack[0])
    assert all("mosaic" not in meta for meta in (out.meta, *out.meta["frames"]))


def test_libraw_shows_the_real_colour_chart_alike(shared_data):
    path = shared_data("raw/colorchart/colorchart.dng")
    own, theirs = DevelopRaw()(read_mosaic(path)).image, read(path).image / 65535
    assert np.abs(own - theirs).mean() < 0.01
    # Averaged over what demosaicing and noise may differ in, hardly anything is left.
    blocks = [im[:1152, :1728].reshape(72, 16, 108, 16, 3).mean((1, 3)) for im in (own, theirs)]
    assert np.abs(blocks[0] - blocks[1]).max() < 0.012


def test_the_real_colour_chart_has_its_colors(shared_data):
    """Six patches of the chart, as places in the picture, by the hue that each must have."""
    out = DevelopRaw(exposure_ev=2.0, white_balance="grey_world")(
        read_mosaic(shared_data("raw/colorchart/colorchart.dng"))
    ).image
    means = {}
    for name, (x, y) in {
        "red": (930, 822), "green": (820, 822), "blue": (708, 822), "yellow": (1038, 822),
        "magenta": (1146, 822), "cyan": (1254, 822),
    }.items():  # fmt: skip
        means[name] = out[y - 12 : y + 12, x - 12 : x + 12].mean((0, 1))
    red, green, blue = (means[name] for name in ("red", "green", "blue"))
    assert red.argmax() == 0
    assert red[0] > 2 * red[1:].max()
    assert green.argmax() == 1
    assert green[1] > 1.3 * max(green[0], green[2])
    assert blue.argmax() == 2
    assert blue[2] > 1.3 * max(blue[:2])
    assert means["yellow"].argmin() == 2
    assert means["magenta"].argmin() == 1
    assert means["cyan"].argmin() == 0


def test_develop_takes_a_raw_bracket_a_burst_and_a_single():
    rng = np.random.default_rng(5)
    light = smooth_light(96, 120) * (1 + 0.3 * rng.random((96, 120, 1)))
    frames = [photographed(light, exposure=e, exposure_time_s=e, iso=100) for e in (0.15, 0.5, 1.4)]
    bracket = frames[1].but(
        stack=np.stack([f.image for f in frames]),
        meta={**frames[1].meta, "frames": tuple(f.meta for f in frames)},
    )
    told = []
    record = Develop(align=None).develop(bracket, progress=told.append)
    assert record.recognition.kind == "bracket"
    assert told[:2] == ["raw", "recognize"]
    assert record.seconds[0][0] == "raw"
    pictures = [DevelopRaw()(frame) for frame in frames]
    stack = pictures[1].but(
        stack=np.stack([p.image for p in pictures]),
        meta={**pictures[1].meta, "frames": tuple(p.meta for p in pictures)},
    )
    wanted = Develop(align=None)(stack)
    np.testing.assert_allclose(record.result.image, wanted.image, atol=1e-6)
    single = Develop(kind="single")(frames[1])
    np.testing.assert_array_equal(single.image, pictures[1].image)
    model = NoiseModel(gain=(1e-3,), read_noise=(1e-3,), white=(1.0,))
    noisy = [model.apply(frames[1].image[..., 0], k, clip=False)[..., None] for k in range(6)]
    burst = frames[1].but(image=noisy[0], stack=np.stack(noisy))
    merged = Develop(align=None, kind="burst")(burst).image
    clean = pictures[1].image
    assert np.std(merged - clean) < 0.6 * np.std(DevelopRaw()(burst).image - clean)


def test_linear_light_is_kept_in_a_16_bit_tiff(tmp_path):
    from sfumato.io.picture import write

    out = DevelopRaw(space="linear")(photographed(smooth_light()))
    write(tmp_path / "a.tif", out, depth=16)
    again = read(tmp_path / "a.tif")
    assert (again.space, again.image.dtype) == ("linear", np.uint16)
    np.testing.assert_allclose(again.image / 65535, out.image, atol=1 / 65535)


def test_operators_on_the_mosaic_come_first(tmp_path):
    light = smooth_light(128, 128)
    clean = photographed(light)
    model = NoiseModel(gain=(2e-3,), read_noise=(2e-3,), white=(1.0,))
    noisy = clean.but(image=model.apply(clean.image[..., 0], 1, clip=False)[..., None])
    plain, denoised = (
        DevelopRaw(before=before)(noisy).image for before in ((), (DenoiseRaw(noise=model),))
    )
    wanted = DevelopRaw()(clean).image
    assert np.std(denoised - wanted) < 0.4 * np.std(plain - wanted)


def test_wrong_input_is_refused():
    with pytest.raises(FieldError, match="expected a raw mosaic"):
        DevelopRaw()(np.zeros((8, 8, 3), np.float32))
    with pytest.raises(RangeError, match="white_balance"):
        DevelopRaw(white_balance=(0.0, 1.0, 1.0))


def test_a_dng_of_ours_looks_the_same_in_libraw(tmp_path):
    light = smooth_light(80, 96)
    sample = photographed(light)
    path = write_mosaic(
        tmp_path / "a.dng",
        mosaic_from_array(
            sample.image[..., 0] * 15000 + 1000, black=1000, white=16000, white_balance=BALANCE,
            camera_to_srgb=MATRIX,
        ),
    )  # fmt: skip
    theirs = srgb_to_linear((read(path).image / 65535).astype(np.float32))
    np.testing.assert_allclose(theirs[6:-6, 6:-6], light[6:-6, 6:-6], atol=0.004)
