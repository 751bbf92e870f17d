"""Structural similarity of a fused picture to the exposures it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import Metric
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, Stack, check_stack, full_range
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.measure.similarity import check_window

__all__ = ["MEFSSIM"]

Array: TypeAlias = NDArray[np.float64]
Plane: TypeAlias = NDArray[np.float32]

PATCH_PX = 8
BAND_ROWS = 128
STABLE = (0.03 * 255.0) ** 2
EXPONENTS = np.array([0.0448, 0.2856, 0.3001])
GREY = np.array([0.29893602, 0.58704307, 0.11402090])
NOISE = 1e-3
"""Added to the strength of a patch, in grey levels, so that flat ones have a direction."""
STEEPEST = 10.0
TINY = float(np.finfo(np.float64).eps)


class MEFSSIM(Metric):
    """Say how much structure of a series of exposures a fused picture holds.

    Every patch x_k of 8 x 8 px of the exposures is taken apart into its mean, its
    strength ||x_k - mu_k|| and its structure (x_k - mu_k) / ||x_k - mu_k||. The patch
    one wishes for has the largest strength c, and the mean of the structures s,
    weighted by strength ** p with p = tan(pi R / 2), where R = ||sum of (x_k - mu_k)|| /
    sum ||x_k - mu_k|| says how well they agree (p is held below 10). The fused patch y
    is compared with r = c s / ||s||::

        (2 cov(r, y) + C) / (var r + var y + C),   C = (0.03 * 255)²

    Means, and with them brightness, do not count. The mean over all patches inside
    the picture is the score of a scale; with three scales their powers, exponents
    0.0448, 0.2856, 0.3001 divided by their sum, are multiplied, a mean below 0 counting
    as 0. Each further scale has means of 2 x 2 pixels. Color is turned to
    0.29893602 R + 0.58704307 G + 0.11402090 B of 0 to 255, not rounded.

    What other code calls MEF-SSIM is often a training loss that takes the exposure
    of largest variance and a Gaussian window: another number.

    Range 0 to 1 (-1 to 1 with one scale), best 1, which only exposures of one structure
    allow; 0.9 and more is good. Flat pictures are defined: a flat patch in all
    exposures scores C / (C + var y), so 1 where the fused one is flat too. NaN is refused.

    Args:
        scales: 1 compares the picture as it is, 3 is the published measure.

    Shape:
        prediction (h, w, 1 or 3) or (h, w); target, the exposures, (n, h, w, c) with
        n >= 1; sides of 8 px at least with one scale, of 29 px with three.

    Raises:
        ShapeError: the exposures do not fit the picture, or a side is too small.
        DtypeError: the dtypes differ.
        RangeError: NaN or infinity.

    Example:
        >>> y, x = np.mgrid[0:64, 0:64]
        >>> scene = np.exp2(1.5 * np.sin(x / 9) * np.cos(y / 5)) / 3
        >>> series = np.stack([np.clip(scene * g, 0, 1) for g in (0.5, 1, 2)])
        >>> series = np.rint(255 * series[..., None]).astype(np.uint8)
        >>> metric = MEFSSIM()
        >>> round(metric(series[0], series), 2), round(metric(series[1], series), 2)
        (0.64, 0.9)

    References:
        K. Ma, K. Zeng, Z. Wang. Perceptual Quality Assessment for Multi-Exposure Image
        Fusion. IEEE Transactions on Image Processing, 2015. doi:10.1109/TIP.2015.2442920
    """

    higher_is_better = True
    value_range = (-1.0, 1.0)

    scales: Annotated[int, Between(1, 3)] = 3

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        image, stack = self._picture(prediction, "fused picture"), np.asarray(target)
        if stack.ndim == 3 and np.ndim(prediction) == 2:
            stack = stack[..., None]
        stack = check_stack(stack, "MEFSSIM: the series of exposures")
        if stack.shape[1:] != image.shape:
            raise ShapeError(
                f"MEFSSIM: the fused picture is {image.shape}, the exposures {stack.shape[1:]}",
                hint="the second input is the stack (n, h, w, c) that the picture was fused from",
            )
        if stack.dtype != image.dtype:
            raise DtypeError(
                f"MEFSSIM: the fused picture is {image.dtype}, the exposures {stack.dtype}"
            )
        if image.shape[2] not in (1, 3):
            raise ShapeError(f"MEFSSIM: expected 1 or 3 channels, got {image.shape[2]}")
        if stack.dtype.kind == "f" and not np.isfinite(stack).all():
            raise RangeError("MEFSSIM: the exposures hold NaN or infinity")
        shrink = 2 ** (self.scales - 1)
        hint = "use MEFSSIM(scales=1)" if self.scales > 1 else "a patch must fit the picture"
        check_window(image, (PATCH_PX - 1) * shrink + 1, f"MEFSSIM(scales={self.scales})", hint)
        return image, stack

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        y, x = np.mgrid[0:40, 0:48]
        wave = np.rint(120 + 50 * np.sin(x / 3.0) * np.cos(y / 5.0)).astype(np.uint8)[..., None]
        steep = np.clip(wave.astype(int) * 2 - 120, 0, 255).astype(np.uint8)
        flat = np.full_like(wave, 128)
        same, series = np.stack([wave, wave]), np.stack([wave, steep, flat])
        return (wave, same), (steep, same), (255 - wave, series), (wave, series), (flat, series)

    def score(self, prediction: Image, target: Stack) -> float:
        return self._score_all([prediction], target)[0]

    def score_each(
        self, predictions: Sequence[NDArray[Any]], target: NDArray[Any]
    ) -> tuple[float, ...]:
        """Score several pictures of one series, what one wishes for being found only once.

        Args:
            predictions: one picture at least, each as for the score.
            target: the exposures.

        Raises:
            ShapeError: a picture does not fit the exposures.
            DtypeError: the dtypes differ.
            RangeError: NaN or infinity, or no picture.
        """
        pairs = [self.check_pair(prediction, target) for prediction in predictions]
        if not pairs:
            raise self._nothing()
        return self._score_all([picture for picture, _ in pairs], pairs[0][1])

    def _score_all(self, predictions: Sequence[Image], target: Stack) -> tuple[float, ...]:
        frames, pictures = ([_grey(image) for image in images] for images in (target, predictions))
        products = np.ones(len(pictures))
        powers = EXPONENTS[: self.scales] / EXPONENTS[: self.scales].sum()
        for level, power in enumerate(powers):
            if level:
                frames, pictures = (
                    [_halve(plane) for plane in planes] for planes in (frames, pictures)
                )
            means = np.array([np.mean(found) for found in quality_maps(frames, pictures)])
            if self.scales == 1:
                return tuple(means.tolist())
            products *= np.maximum(means, 0.0) ** power
        return tuple(products.tolist())

    def map(self, prediction: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float32]:
        """Give the score of every patch of the finest scale.

        Shape:
            as for the score; returns float32 (h - 7, w - 7), the patch with the upper
            left corner at that pixel.
        """
        image, stack = self.check_pair(prediction, target)
        return quality_maps([_grey(frame) for frame in stack], [_grey(image)])[0]


def _grey(image: Image) -> Plane:
    """Give the grey of 0 to 255 in float32, which holds 16 bits; sums of it are in float64."""
    scale = 255.0 / full_range(image.dtype)
    weights = np.array([scale]) if image.shape[2] == 1 else GREY * scale
    out = np.empty(image.shape[:2], np.float32)
    for top in range(0, len(out), BAND_ROWS):
        out[top : top + BAND_ROWS] = image[top : top + BAND_ROWS] @ weights
    return out


def _halve(plane: Plane) -> Plane:
    padded = np.pad(plane, [(0, n % 2) for n in plane.shape], mode="edge")
    rows = padded[::2] + padded[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / np.float32(4.0))


def quality_maps(frames: list[Plane], pictures: list[Plane]) -> list[NDArray[np.float32]]:
    """Score every patch of each picture, a band of rows at a time: the sums need much room."""
    height, width = frames[0].shape
    size = height - PATCH_PX + 1, width - PATCH_PX + 1
    maps = [np.empty(size, np.float32) for _ in pictures]
    for top in range(0, size[0], BAND_ROWS):
        rows = slice(top, min(top + BAND_ROWS, size[0]) + PATCH_PX - 1)
        seen = [frame[rows].astype(np.float64) for frame in frames]
        wish = _wish(seen)
        for found, picture in zip(maps, pictures, strict=True):
            found[top : top + BAND_ROWS] = _quality(wish, seen, picture[rows].astype(np.float64))
    return maps


class _Wish(NamedTuple):
    """The patch one wishes for, as a sum of the frames: their shares, and its variance."""

    means: list[Array]
    share: Array
    variance: Array


def _wish(frames: list[Array]) -> _Wish:
    count, size = len(frames), PATCH_PX**2
    means = [_box(frame) for frame in frames]
    cov = {
        (k, m): _box(frames[k] * frames[m]) - means[k] * means[m]
        for k in range(count)
        for m in range(k, count)
    }
    strength = np.stack([np.sqrt(np.maximum(size * cov[k, k], 0.0)) + NOISE for k in range(count)])
    together = np.sqrt(np.maximum(size * _variance(np.ones_like(strength), cov), 0.0))
    agreement = np.clip((together + TINY) / (strength.sum(axis=0) + TINY), TINY, 1.0 - TINY)
    power = np.minimum(np.tan(np.pi / 2.0 * agreement), STEEPEST)
    share = (strength / PATCH_PX) ** power + TINY
    share /= share.sum(axis=0) * strength
    length = np.sqrt(np.maximum(size * _variance(share, cov), 0.0))
    share *= np.divide(strength.max(axis=0), length, out=np.zeros_like(length), where=length > 0)
    return _Wish(means, share, np.maximum(_variance(share, cov), 0.0))


def _quality(wish: _Wish, frames: list[Array], fused: Array) -> Array:
    mean, variance = _box(fused), _box(fused * fused)
    variance = np.maximum(variance - mean * mean, 0.0)
    shared = sum(
        share * (_box(frame * fused) - own * mean)
        for share, frame, own in zip(wish.share, frames, wish.means, strict=True)
    )
    return np.asarray((2.0 * shared + STABLE) / (wish.variance + variance + STABLE))


def _variance(weight: Array, cov: dict[tuple[int, int], Array]) -> Array:
    """Give the variance of a weighted sum of the frames in every patch."""
    total = np.zeros_like(weight[0])
    for (k, m), value in cov.items():
        total += (1.0 if k == m else 2.0) * weight[k] * weight[m] * value
    return np.asarray(total)


def _box(plane: Array) -> Array:
    """Give the mean of every patch that lies inside the picture."""
    anchor = PATCH_PX // 2
    rest = PATCH_PX - 1 - anchor
    mean = cv2.boxFilter(plane, cv2.CV_64F, (PATCH_PX, PATCH_PX), anchor=(anchor, anchor))
    return np.asarray(mean[anchor : plane.shape[0] - rest, anchor : plane.shape[1] - rest])
