"""Exposure fusion against a float64 transcription of the paper, OpenCV, and known cases."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from sfumato.capture import _fuse_fast
from sfumato.capture.fuse_exposures import FuseExposures
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import RangeError, ShapeError

Array = NDArray[Any]
WHITE = {"u1": 255.0, "u2": 65535.0, "f4": 1.0}
DTYPES = [np.uint8, np.uint16, np.float32]


# --- the paper's reference code, axis by axis, in float64 ------------------------------------


def smooth_down(image: Array) -> Array:
    """Filter the first axis with the edge pixel repeated, and keep 0, 2, 4, ..."""
    padded = np.pad(image, [(2, 2)] + [(0, 0)] * (image.ndim - 1), mode="symmetric")
    size = len(image)
    taps = (1, 4, 6, 4, 1)
    return sum(tap * padded[i : i + size] for i, tap in enumerate(taps))[::2] / 16


def spread_up(image: Array, size: int) -> Array:
    """Repeat the ends, insert zeros, filter, double, and cut to the size."""
    padded = np.pad(image, [(1, 1)] + [(0, 0)] * (image.ndim - 1), mode="edge")
    zeros = np.zeros((2 * len(padded) + 4, *image.shape[1:]))
    zeros[2:-2:2] = padded
    length = 2 * len(padded)
    taps = (1, 4, 6, 4, 1)
    return sum(tap * zeros[i : i + length] for i, tap in enumerate(taps))[2 : 2 + size] / 8


def down(image: Array) -> Array:
    return smooth_down(smooth_down(image).swapaxes(0, 1)).swapaxes(0, 1)


def up(image: Array, like: Array) -> Array:
    tall = spread_up(image, like.shape[0])
    return spread_up(tall.swapaxes(0, 1), like.shape[1]).swapaxes(0, 1)


def paper_weights(frames: Array, wc: float = 1, ws: float = 1, we: float = 1) -> Array:
    maps = []
    for frame in frames:
        gray = frame[..., 0]
        if frame.shape[2] == 3:
            gray = frame @ [0.2989360212937753, 0.5870430744511212, 0.1140209042551033]
        edge = np.pad(gray, 1, mode="edge")
        around = edge[2:, 1:-1] + edge[:-2, 1:-1] + edge[1:-1, 2:] + edge[1:-1, :-2]
        weight = np.abs(around - 4 * gray) ** wc
        if frame.shape[2] == 3:
            weight = weight * np.std(frame, axis=2) ** ws
        weight = weight * np.prod(np.exp(-0.5 * (frame - 0.5) ** 2 / 0.2**2), axis=2) ** we
        maps.append(weight + 1e-12)
    return np.array(maps) / np.sum(maps, axis=0)


def paper_fusion(stack: Array, **exponents: float) -> Array:
    frames = stack / WHITE[stack.dtype.str[1:]]
    levels = int(np.floor(np.log2(min(frames.shape[1:3]))))
    fused: list[Array] = []
    for frame, weight in zip(frames, paper_weights(frames, **exponents), strict=True):
        images, shares = [frame.astype(float)], [weight[..., None]]
        for _ in range(levels - 1):
            images.append(down(images[-1]))
            shares.append(down(shares[-1]))
        bands = [a - up(b, a) for a, b in pairwise(images)] + images[-1:]
        mixed = [share * band for share, band in zip(shares, bands, strict=True)]
        fused = [a + b for a, b in zip(fused, mixed, strict=True)] if fused else mixed
    result = fused[-1]
    for band in fused[-2::-1]:
        result = band + up(result, band)
    return result


def bracket(size: tuple[int, int], count: int = 3, dtype: Any = np.uint8, seed: int = 0) -> Array:
    """Expose a smooth scene with texture, two stops apart, into clipping at both ends."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    light = np.exp(2.5 * np.sin(x / width * 7) + 1.5 * np.cos(y / height * 5))[..., None]
    light = light * (0.7 + 0.6 * np.random.default_rng(seed).random((height, width, 3)))
    evs = 2.0 * (np.arange(count) - (count - 1) / 2)
    frames = np.clip(0.2 * light * 2.0 ** evs[:, None, None, None], 0, 1) ** (1 / 2.2)
    return in_range_of(frames, dtype)


def edges(dtype: Any) -> Array:
    """Two frames of hard edges, whose fusion leaves the unit range on both sides."""
    blocks = np.random.default_rng(2).integers(0, 2, (2, 9, 8, 3)).repeat(8, 1).repeat(8, 2)
    noise = np.random.default_rng(3).random((2, 72, 64, 3))
    return in_range_of(np.clip(blocks * 0.9 + 0.1 * noise, 0, 1), dtype)


def in_range_of(frames: Array, dtype: Any) -> Array:
    white = WHITE[np.dtype(dtype).str[1:]]
    return frames.astype(dtype) if white == 1 else np.rint(white * frames).astype(dtype)


# --- known answers ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["exact", "fast"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_both_modes_equal_the_transcription_of_the_paper(
    mode: Any, dtype: Any, channels: int
) -> None:
    stack = bracket((75, 610), dtype=dtype)[..., :channels]
    expected = np.clip(paper_fusion(stack), 0, 1)
    fused = FuseExposures(mode=mode)(stack)
    white = WHITE[stack.dtype.str[1:]]
    assert fused.dtype == stack.dtype
    step = 0.5 / white if white > 1 else 0.0
    assert np.abs(fused / white - expected).max() < step + 1e-4


@pytest.mark.parametrize(
    "exponents",
    [{"wc": 0.0}, {"ws": 0.0}, {"we": 0.0}, {"wc": 0.0, "ws": 0.0}, {"ws": 2.0, "we": 0.3}],
)
def test_exponents_act_as_in_the_paper_and_zero_switches_off(exponents: dict[str, float]) -> None:
    stack = bracket((64, 90), dtype=np.float32)
    names = {"wc": "contrast", "ws": "saturation", "we": "exposure"}
    given_names: Any = {names[name]: value for name, value in exponents.items()}
    expected = np.clip(paper_fusion(stack, **exponents), 0, 1)
    for mode in ("exact", "fast"):
        fused = FuseExposures(mode=mode, **given_names)(stack)
        np.testing.assert_allclose(fused, expected, atol=1e-4)


@pytest.mark.parametrize("border", ["symmetric", "reflect"])
@pytest.mark.parametrize(
    ("size", "levels"),
    [((32, 32), 3), ((33, 1031), None), ((515, 34), 9), ((97, 130), 20), ((400, 41), 4)],
)
def test_fast_equals_exact_at_any_size_depth_and_border(
    size: tuple[int, int], levels: int | None, border: Any
) -> None:
    stack = bracket(size, count=2, dtype=np.float32, seed=3)
    exact = FuseExposures(mode="exact", levels=levels, border=border)(stack)
    fast = FuseExposures(levels=levels, border=border)(stack)
    np.testing.assert_allclose(fast, exact, atol=1e-5)


@pytest.mark.parametrize("sigma", [0.05, 0.5])
def test_sigma_and_optimum_mean_the_same_in_both_modes(sigma: float) -> None:
    stack = bracket((80, 81), dtype=np.float32)
    exact = FuseExposures(mode="exact", sigma=sigma, optimum=0.7)(stack)
    fast = FuseExposures(sigma=sigma, optimum=0.7)(stack)
    np.testing.assert_allclose(fast, exact, atol=1e-4)
    assert np.abs(fast - FuseExposures()(stack)).max() > 0.01


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_no_pixel(threads: int) -> None:
    stack = bracket((300, 64))
    before = cv2.getNumThreads()
    expected = FuseExposures()(stack)
    try:
        cv2.setNumThreads(threads)
        np.testing.assert_array_equal(FuseExposures()(stack), expected)
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("mode", ["exact", "fast"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_frames_give_themselves_back(mode: Any, dtype: Any) -> None:
    frame = bracket((60, 70), dtype=dtype)[1]
    fused = FuseExposures(mode=mode)([frame] * 3)
    limit = 1e-6 if dtype is np.float32 else 0
    assert np.abs(fused.astype(float) - frame.astype(float)).max() <= limit


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_frame_gives_itself_back_exactly(dtype: Any) -> None:
    stack = bracket((40, 50), dtype=dtype)[:1]
    np.testing.assert_array_equal(FuseExposures()(stack), stack[0])


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_flat_frames_without_contrast_share_equally(mode: Any) -> None:
    # Every worth is the least one here; rounding must not decide between the frames.
    x = np.arange(120, dtype=np.uint8)
    ramp = np.broadcast_to(x[None, :, None], (64, 120, 3))
    fused = FuseExposures(mode=mode)(np.stack([ramp, ramp + 100]))
    middle = fused[:, 20:-20].astype(int)
    np.testing.assert_array_equal(middle, np.broadcast_to(ramp[:, 20:-20] + 50, middle.shape))


def test_integers_are_rounded_and_clipped_not_stretched() -> None:
    stack = edges(np.uint8)
    exact = FuseExposures(mode="exact").unclipped(stack)
    assert exact.min() < -0.01
    assert exact.max() > 1.01
    expected = np.rint(255 * np.clip(exact, 0, 1))
    np.testing.assert_array_equal(FuseExposures(mode="exact")(stack), expected)


def test_floats_are_clipped_unless_asked_otherwise() -> None:
    stack = edges(np.float32)
    fused, free = FuseExposures()(stack), FuseExposures().unclipped(stack)
    np.testing.assert_array_equal(fused, np.clip(free, 0, 1))
    assert free.min() < -0.01
    assert free.max() > 1.01


def test_linear_light_above_white_is_fused_without_harm() -> None:
    stack = 3.0 * bracket((70, 64), dtype=np.float32) ** 2
    np.testing.assert_allclose(
        FuseExposures().unclipped(stack), FuseExposures(mode="exact").unclipped(stack), atol=2e-3
    )


def test_weights_equal_the_paper_and_add_up_to_one() -> None:
    stack = bracket((30, 41))
    maps = FuseExposures().weights(stack)
    assert (maps.shape, maps.dtype) == ((3, 30, 41), np.float32)
    np.testing.assert_allclose(maps, paper_weights(stack / 255), atol=1e-6)
    np.testing.assert_allclose(maps.sum(axis=0), 1.0, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (3, 2), (5, 31)])
@pytest.mark.parametrize("border", ["symmetric", "reflect"])
def test_tiny_pictures_are_fused(size: tuple[int, int], border: Any) -> None:
    stack = bracket(size, dtype=np.float32)
    fused = FuseExposures(border=border)(stack)
    assert fused.shape == (*size, 3)
    if border == "symmetric":
        np.testing.assert_allclose(fused, np.clip(paper_fusion(stack), 0, 1), atol=1e-5)


def test_fifty_frames_are_taken() -> None:
    stack = np.repeat(bracket((32, 33), count=5), 10, axis=0)
    fast = FuseExposures()(stack).astype(int)
    assert np.abs(fast - FuseExposures(mode="exact")(stack)).max() <= 1


# --- real frames and OpenCV ------------------------------------------------------------------


@pytest.fixture
def house(shared_data: Callable[[str], Path]) -> Array:
    folder = shared_data("brackets/house")
    return np.stack([np.asarray(Image.open(folder / f"{name}.jpg")) for name in "ABCD"])


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_the_house_has_the_range_that_users_of_the_paper_code_report(
    house: Array, mode: Any
) -> None:
    fused = FuseExposures(mode=mode).unclipped(house)
    assert fused.min() == pytest.approx(-0.3767, abs=5e-4)
    assert fused.max() == pytest.approx(1.3534, abs=5e-4)


def test_the_house_agrees_with_opencv_as_far_as_levels_and_border_do(house: Array) -> None:
    theirs = np.clip(cv2.createMergeMertens(1, 1, 1).process(list(house)), 0, 1)

    def psnr(**settings: Any) -> float:
        ours = np.clip(FuseExposures(**settings).unclipped(house), 0, 1)
        return float(-10 * np.log10(np.mean((ours - theirs) ** 2)))

    assert psnr() == pytest.approx(26.6, abs=0.2)
    assert psnr(levels=9) == pytest.approx(40.0, abs=0.3)
    assert psnr(levels=9, border="reflect") > 54.9


def test_fast_is_within_one_level_of_exact_on_the_house(house: Array) -> None:
    gap = np.abs(FuseExposures()(house).astype(int) - FuseExposures(mode="exact")(house))
    assert gap.max() <= 1
    assert (gap > 0).mean() < 1e-3


# --- properties ------------------------------------------------------------------------------


@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    count=st.integers(1, 4),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_shape_dtype_range_and_input_are_kept(
    size: tuple[int, int], count: int, channels: int, seed: int
) -> None:
    stack = bracket(size, count=count, seed=seed)[..., :channels]
    kept = stack.copy()
    fused = FuseExposures()(stack, seed)
    assert (fused.shape, fused.dtype) == ((*size, channels), np.uint8)
    np.testing.assert_array_equal(stack, kept)
    np.testing.assert_array_equal(FuseExposures()(stack, seed + 1), fused)
    if count > 1:
        exact = FuseExposures(mode="exact")(stack)
        assert np.abs(fused.astype(int) - exact).max() <= 1


@pytest.mark.parametrize("view", ["read-only", "reversed channels", "every second column"])
def test_frames_may_lie_in_memory_as_they_like(view: str) -> None:
    stack = bracket((64, 80))
    if view == "read-only":
        stack.flags.writeable = False
        odd = stack
    else:
        odd = stack[..., ::-1] if view == "reversed channels" else stack[:, :, ::2]
    np.testing.assert_array_equal(FuseExposures()(odd), FuseExposures()(odd.copy()))


def test_a_sample_gets_the_picture_in_place_of_the_frames() -> None:
    stack = bracket((32, 40))
    out = FuseExposures()(Sample(stack[0], stack=stack, meta={"iso": 100}))
    assert out.stack is None
    np.testing.assert_array_equal(out.image, FuseExposures()(stack))
    assert out.meta["iso"] == 100


def test_a_long_first_compilation_is_announced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow:
        signatures: tuple[Any, ...] = ()

        def compile(self, signature: Any) -> None:
            _fuse_fast.threading.Event().wait(0.2)

    monkeypatch.setattr(_fuse_fast, "PATIENCE_S", 0.01)
    monkeypatch.setattr(_fuse_fast, "reduce_tiles", Slow())
    monkeypatch.setattr(_fuse_fast, "finish_tiles", Slow())
    with caplog.at_level(logging.WARNING):
        _fuse_fast.compile_once(np.dtype(np.uint8), np.dtype(np.uint8))
    assert "preparing the fusion of uint8 frames" in caplog.text


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_refused_with_the_way_out(channels: int) -> None:
    with pytest.raises(ShapeError, match=r"gray or RGB.*alpha\n.*stack\[\.\.\., :-1\]"):
        FuseExposures()(np.zeros((2, 8, 8, channels), np.uint8))


def test_five_channels_are_refused() -> None:
    with pytest.raises(ShapeError, match="got 5 channels"):
        FuseExposures()(np.zeros((2, 8, 8, 5), np.uint8))


def test_more_than_fifty_frames_are_refused() -> None:
    with pytest.raises(ShapeError, match="at most 50 frames, got 51"):
        FuseExposures()(np.zeros((51, 4, 4, 1), np.uint8))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused_by_frame(bad: float) -> None:
    stack = bracket((8, 8), dtype=np.float32)
    stack[1, 3, 3, 0] = bad
    for call in (FuseExposures(), FuseExposures().weights, FuseExposures().unclipped):
        with pytest.raises(RangeError, match="frame 2 holds NaN or infinite"):
            call(stack)


def test_values_far_from_any_picture_are_refused() -> None:
    with pytest.raises(RangeError, match=r"frame 1 reaches from 1e\+09 to 1e\+09"):
        FuseExposures()(np.full((2, 8, 8, 3), 1e9, np.float32))


@pytest.mark.parametrize(
    "setting", [{"contrast": -1.0}, {"sigma": 0.0}, {"levels": 0}, {"border": "wrap"}]
)
def test_settings_out_of_bounds_are_refused_by_name(setting: dict[str, Any]) -> None:
    with pytest.raises(RangeError, match=f"FuseExposures.{next(iter(setting))}"):
        FuseExposures(**setting)
