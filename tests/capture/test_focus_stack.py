"""FocusStack against focus series whose sharp picture and layers are known exactly."""

from __future__ import annotations

import shutil
import subprocess
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.capture._focus_depth import depth_between_frames, fill_depth, majority
from sfumato.capture._focus_measure import Contest
from sfumato.capture.focus_stack import FocusStack
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FieldError, RangeError, ShapeError
from sfumato.raster.pyramid import collapse, gaussian_pyramid, laplacian_pyramid

NOISE = 0.01


class Series(NamedTuple):
    """Frames, the picture they would be if all were in focus, where each pixel lies."""

    frames: np.ndarray
    sharp: np.ndarray
    layer: np.ndarray
    around: np.ndarray | None = None

    def psnr(self, picture):
        return -10 * np.log10(np.mean((picture.astype(np.float64) - self.sharp) ** 2))

    def error_around(self, picture):
        return float(np.sqrt(np.mean((picture - self.sharp)[self.around] ** 2)))


def gaussian_blur(image, sigma):
    if sigma < 0.1:
        return image
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def disc_blur(image, radius):
    if radius < 0.5:
        return image
    half = int(np.ceil(radius))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def texture(size, rng):
    total = np.zeros((*size, 3), np.float32)
    for sigma in (0, 1, 2, 4, 10):
        grey = rng.standard_normal((*size, 1)) + 0.5 * rng.standard_normal((*size, 3))
        part = gaussian_blur(grey.astype(np.float32), sigma)
        total += 0.08 * part / part.std()
    return np.clip(0.5 + total, 0.02, 0.98)


def with_noise(frames, rng):
    noisy = frames + NOISE * rng.standard_normal(frames.shape)
    return np.clip(noisy, 0, 1).astype(np.float32)


def ramp_series(rng, *, count=5, holes=False):
    """A textured slope from the first layer to the last; with holes, parts without texture."""
    size = (160, 241)
    sharp = texture(size, rng)
    if holes:
        cover = np.zeros(size, np.float32)
        for x in range(20, 240, 50):
            cv2.circle(cover, (x, 80), 16, 1.0, -1)
        cover = gaussian_blur(cover, 1.0)[..., None]
        sharp = sharp * (1 - cover) + 0.45 * cover
    layer = np.broadcast_to(np.linspace(0, count - 1, size[1], dtype=np.float32), size)
    step = 0.25
    blurred = [gaussian_blur(sharp, 1.6 * step * i) for i in range(int(count / step) + 2)]
    frames = []
    for k in range(count):
        place = np.abs(layer - k) / step
        low = place.astype(int)
        part = (place - low)[..., None]
        frame = np.zeros_like(sharp)
        for i in range(low.max() + 1):
            mix = (1 - part) * blurred[i] + part * blurred[i + 1]
            frame = np.where((low == i)[..., None], mix, frame)
        frames.append(frame)
    return Series(with_noise(np.stack(frames), rng), sharp, layer)


def steps_series(rng, *, count=5):
    """Textured discs before a textured wall; a blurred disc lets the wall shine through."""
    size = (161, 200)
    wall, discs = texture(size, rng), texture(size, rng) * 0.8 + 0.1
    cover = np.zeros(size, np.float32)
    for centre in ((50, 50), (140, 110), (150, 30)):
        cv2.circle(cover, centre, 28, 1.0, -1, cv2.LINE_AA)
    frames = []
    for k in range(count):
        alpha = gaussian_blur(cover, 1.5 * abs(k - (count - 1)))[..., None]
        front = gaussian_blur(discs * cover[..., None], 1.5 * abs(k - (count - 1)))
        frames.append(gaussian_blur(wall, 1.5 * k) * (1 - alpha) + front)
    sharp = wall * (1 - cover[..., None]) + discs * cover[..., None]
    layer = np.where(cover > 0.5, count - 1.0, 0.0)
    return Series(with_noise(np.stack(frames), rng), sharp, layer)


def bright_series(rng, blur, *, count=7, brightness=0.95, radii=(22, 15)):
    """Bright shapes, sharp in frame 2, before a dark ground that is sharp in none."""
    size = (220, 261)
    ground = gaussian_blur(texture(size, rng), 12) * 0.25
    cover = np.zeros(size, np.float32)
    for centre, radius in zip(((70, 80), (190, 150)), radii, strict=True):
        cv2.circle(cover, centre, radius, 1.0, -1, cv2.LINE_AA)
    if radii[0] > 10:
        cv2.line(cover, (20, 190), (240, 40), 1.0, 2, cv2.LINE_AA)
    frames = []
    for k in range(count):
        alpha = np.clip(blur(cover, 2.5 * abs(k - 2)), 0, 1)[..., None]
        frames.append(np.minimum(ground * (1 - alpha) + brightness * alpha, 1))
    sharp = np.minimum(ground * (1 - cover[..., None]) + brightness * cover[..., None], 1)
    distance = cv2.distanceTransform((cover == 0).astype(np.uint8), cv2.DIST_L2, 5)
    around = (distance > 2) & (distance < 30)
    layer = np.full(size, 2.0)
    return Series(with_noise(np.stack(frames), rng), sharp, layer, around)


def grey_of(frame):
    return frame @ np.float32([0.299, 0.587, 0.114])


def plain_arg_max(frames):
    scores = [gaussian_blur(np.abs(cv2.Laplacian(grey_of(f), cv2.CV_32F)), 1.1) for f in frames]
    index = np.argmax(scores, axis=0)
    return np.take_along_axis(frames, index[None, ..., None], axis=0)[0], index


def soft_contrast_weights(frames, levels=6):
    weights = np.stack([np.abs(cv2.Laplacian(grey_of(f), cv2.CV_32F)) for f in frames]) + 1e-12
    weights /= weights.sum(axis=0)
    total = None
    for weight, frame in zip(weights, frames, strict=True):
        shares = gaussian_pyramid(weight, levels)
        bands = laplacian_pyramid(frame, levels)
        part = [s[..., None] * b for s, b in zip(shares, bands, strict=True)]
        total = part if total is None else [t + p for t, p in zip(total, part, strict=True)]
    return collapse(total)


def largest_regional_energy(frames, levels=6):
    """Burt and Kolczynski's selection in its plain form."""
    pyramids = [laplacian_pyramid(frame, levels) for frame in frames]
    result = []
    for level in range(levels - 1):
        bands = np.stack([pyramid[level] for pyramid in pyramids])
        energy = [gaussian_blur((band**2).sum(axis=-1), 1.1) for band in bands]
        index = np.argmax(energy, axis=0)
        result.append(np.take_along_axis(bands, index[None, ..., None], axis=0)[0])
    return collapse([*result, np.mean([pyramid[-1] for pyramid in pyramids], axis=0)])


def stack_sample(series, **settings):
    return FocusStack(**settings)(Sample(series.frames[0], stack=series.frames))


@pytest.fixture
def slope(rng):
    return ramp_series(rng)


@pytest.mark.parametrize("method", ["pyramid", "depth_map"])
def test_the_frame_in_focus_is_found_wherever_there_is_texture(slope, method):
    out = stack_sample(slope, method=method)
    right = np.abs(out.meta["focus_index"] - slope.layer) <= 0.501
    assert right.mean() > 0.97
    assert (out.meta["focus_confidence"] > 0.5).mean() > 0.9


def test_depth_is_known_to_a_fraction_of_a_frame(slope):
    error = np.abs(stack_sample(slope).depth - slope.layer)
    # Rounding to whole frames would give 0.25 on average.
    assert error.mean() < 0.16
    assert np.quantile(error, 0.99) < 0.5


def test_depth_is_filled_where_there_is_no_texture(rng):
    series = ramp_series(rng, holes=True)
    out = stack_sample(series)
    assert out.meta["focus_confidence"][80, 20] < 0.5
    assert np.quantile(np.abs(out.depth - series.layer), 0.95) < 0.6


@pytest.mark.parametrize("method", ["pyramid", "depth_map"])
@pytest.mark.parametrize("scene", [ramp_series, steps_series])
def test_the_result_is_far_closer_to_the_sharp_picture_than_any_frame(rng, scene, method):
    series = scene(rng)
    best = max(series.psnr(frame) for frame in series.frames)
    fused = series.psnr(stack_sample(series, method=method).image)
    assert fused > best + 6
    assert fused > series.psnr(soft_contrast_weights(series.frames)) + 4


def test_noise_does_not_choose_in_flat_parts_as_it_does_in_a_plain_arg_max(rng):
    series = ramp_series(rng, holes=True)
    flat = np.ptp(series.sharp, axis=-1) < 1e-3
    out = stack_sample(series)
    picture, index = plain_arg_max(series.frames)
    assert flat.mean() > 0.05
    wrong = np.abs(out.meta["focus_index"] - series.layer)[flat] > 0.6
    wrong_peer = np.abs(index - series.layer)[flat] > 0.6
    assert wrong.mean() < 0.3 * wrong_peer.mean()
    assert series.psnr(out.image) > series.psnr(picture)


@pytest.mark.parametrize("blur", [gaussian_blur, disc_blur])
def test_a_bright_edge_leaves_no_halo_on_a_ground_that_is_never_sharp(rng, blur):
    series = bright_series(rng, blur)
    ours = series.error_around(stack_sample(series).image)
    # The noise of one frame is all that is left.
    assert ours < 1.08 * NOISE
    plain = series.error_around(largest_regional_energy(series.frames))
    assert np.sqrt(ours**2 - 0.9 * NOISE**2) < 0.4 * np.sqrt(plain**2 - 0.9 * NOISE**2)
    assert ours < 0.9 * series.error_around(stack_sample(series, reach=0.0, clamp=False).image)


@pytest.mark.skipif(shutil.which("enfuse") is None, reason="the peer enfuse is not installed")
def test_sharper_and_with_less_halo_than_enfuse(rng, tmp_path):
    def enfuse(frames):
        names = [str(tmp_path / f"{k}.tif") for k in range(len(frames))]
        for name, frame in zip(names, frames, strict=True):
            cv2.imwrite(name, np.rint(65535 * frame[..., ::-1]).astype(np.uint16))
        options = ["--exposure-weight=0", "--saturation-weight=0", "--contrast-weight=1"]
        options += ["--hard-mask", "--contrast-window-size=5", "--gray-projector=l-star"]
        result = str(tmp_path / "out.tif")
        subprocess.run(["enfuse", *options, "-o", result, *names], check=True, capture_output=True)
        return cv2.imread(result, cv2.IMREAD_UNCHANGED)[..., 2::-1] / np.float32(65535)

    bright, steps = bright_series(rng, gaussian_blur), steps_series(rng)
    ours = bright.error_around(stack_sample(bright).image)
    assert ours < 0.6 * bright.error_around(enfuse(bright.frames))
    assert steps.psnr(stack_sample(steps).image) > steps.psnr(enfuse(steps.frames)) + 0.3


def test_asked_to_it_removes_the_discs_of_clipped_highlights(rng):
    series = bright_series(rng, disc_blur, brightness=4.0, radii=(4, 3))
    left = series.error_around(stack_sample(series).image)
    assert series.error_around(stack_sample(series, highlights=1.0).image) < 0.5 * left


def test_reversing_the_series_mirrors_the_depth_and_keeps_the_picture(slope):
    last = len(slope.frames) - 1
    forth = stack_sample(slope)
    back = stack_sample(slope._replace(frames=slope.frames[::-1].copy()))
    assert np.mean(np.abs(last - back.depth - forth.depth)) < 0.01
    assert np.mean(np.abs(back.image - forth.image)) < 1e-4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_all_dtypes_say_the_same(slope, dtype):
    white = np.iinfo(dtype).max
    whole = np.rint(slope.frames * white).astype(dtype)
    out = FocusStack()(whole)
    assert out.dtype == dtype
    same = np.abs(out / white - FocusStack()(slope.frames)) < 1.5 / 255
    assert same.mean() > 0.99


@pytest.mark.parametrize("method", ["pyramid", "depth_map"])
@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_equal_frames_give_the_frame_bit_for_bit(rng, method, clamp, dtype):
    frame = rng.integers(0, np.iinfo(dtype).max, (47, 62, 3), dtype, endpoint=True)
    out = FocusStack(method=method, clamp=clamp)(Sample(frame, stack=np.stack([frame] * 3)))
    np.testing.assert_array_equal(out.image, frame)
    assert out.meta["focus_confidence"].max() < 1e-6


def test_one_frame_gives_itself_back(picture):
    out = FocusStack()(Sample(picture, stack=picture[None]))
    np.testing.assert_array_equal(out.image, picture)
    assert not out.depth.any()


def test_linear_light_above_one_is_kept(slope):
    out = FocusStack()(Sample(slope.frames[0], stack=4 * slope.frames, space="linear"))
    assert out.image.max() > 2


@given(
    frames=st.integers(1, 4),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    channels=st.sampled_from([1, 3]),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    method=st.sampled_from(["pyramid", "depth_map"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_any_stack_keeps_shape_dtype_and_range(frames, size, channels, dtype, method, seed):
    rng = np.random.default_rng(seed)
    stack = rng.random((frames, *size, channels))
    stack = (stack * (1 if dtype == np.float32 else np.iinfo(dtype).max)).astype(dtype)
    before = stack.copy()
    operator = FocusStack(method=method, highlights=0.5)
    out = operator(Sample(stack[0], stack=stack))
    np.testing.assert_array_equal(stack, before)
    assert out.image.shape == stack.shape[1:]
    assert out.image.dtype == dtype
    assert (out.image >= stack.min(axis=0)).all()
    assert (out.image <= stack.max(axis=0)).all()
    assert out.depth.shape == out.meta["focus_confidence"].shape == size
    assert out.depth.dtype == out.meta["focus_confidence"].dtype == np.float32
    assert 0 <= out.depth.min() <= out.depth.max() <= frames - 1
    assert 0 <= out.meta["focus_confidence"].min() <= out.meta["focus_confidence"].max() <= 1
    assert out.meta["focus_index"].max() < frames
    np.testing.assert_array_equal(operator(stack), out.image)


def test_the_parabola_finds_the_peak_of_a_gaussian_exactly():
    peak = np.array([[0.8, 1.0, 2.3, 2.49, 0.0, 4.0]], np.float32)
    contest = Contest()
    for k in range(5):
        contest.enter([np.exp(-((k - peak) ** 2) / 3)])
    np.testing.assert_allclose(depth_between_frames(contest), peak, atol=1e-4)


def test_the_majority_is_the_most_frequent_label_of_the_window(rng):
    index = rng.integers(0, 4, (24, 31)).astype(np.uint16)
    padded = np.pad(index, 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    counts = np.stack([(windows == label).sum(axis=(2, 3)) for label in range(4)])
    voted = majority(index, 4, 5)
    chosen = np.take_along_axis(counts, voted[None].astype(int), axis=0)[0]
    np.testing.assert_array_equal(chosen, counts.max(axis=0))
    draw = (counts == counts.max(axis=0)).sum(axis=0) > 1
    own = np.take_along_axis(counts, index[None].astype(int), axis=0)[0] == counts.max(axis=0)
    np.testing.assert_array_equal(voted[draw & own], index[draw & own])
    assert (draw & own).any()


def test_unknown_depth_is_filled_from_both_sides():
    depth = np.full((32, 64), 9.0, np.float32)
    depth[:, :16], depth[:, 48:] = 1.0, 3.0
    confidence = np.where(depth == 9, 0, 1).astype(np.float32)
    filled = fill_depth(depth, confidence, 0.0)
    np.testing.assert_allclose(filled[:, :16], 1, atol=1e-4)
    np.testing.assert_allclose(filled[:, 48:], 3, atol=1e-4)
    assert filled.max() < 3.001
    assert 1.5 < filled[16, 32] < 2.5


def test_a_real_pair_gets_sharper_than_both(shared_data):
    folder = shared_data("focus/lytro")
    frames = [cv2.imread(str(folder / f"lytro_03_{side}.jpg"))[..., ::-1] for side in "AB"]
    fused = FocusStack()(frames)

    def sharpness(image):
        return np.square(cv2.Laplacian(grey_of(image), cv2.CV_32F)).mean()

    assert sharpness(fused) > 1.2 * max(sharpness(frame) for frame in frames)


def test_alpha_is_refused():
    with pytest.raises(ShapeError, match="1 or 3 channels, got 4"):
        FocusStack()(np.zeros((2, 8, 8, 4), np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_with_the_frame(value):
    stack = np.zeros((3, 8, 8, 3), np.float32)
    stack[1, 4, 4, 0] = value
    with pytest.raises(RangeError, match="frame 2 has values that are not finite"):
        FocusStack()(stack)


@pytest.mark.parametrize("name", ["window_px", "majority_px"])
def test_a_window_without_a_middle_is_refused(name):
    with pytest.raises(RangeError, match=f"{name}: 4 is even"):
        FocusStack(**{name: 4})


@pytest.mark.parametrize(
    ("name", "value"), [("reach", 1.5), ("smoothness", -1.0), ("bands", 0), ("method", "magic")]
)
def test_a_setting_out_of_bounds_is_refused_by_name(name, value):
    with pytest.raises(RangeError, match=name):
        FocusStack(**{name: value})


def test_a_single_picture_is_not_a_series(picture):
    with pytest.raises(FieldError, match="reads 'stack'"):
        FocusStack()(picture)


def test_frames_of_other_types_are_refused():
    with pytest.raises(DtypeError, match="float64"):
        FocusStack()(np.zeros((2, 8, 8, 3)))
