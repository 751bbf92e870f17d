"""Thin lines along the edges of a picture, at whole pixels."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import check_image, full_range
from sfumato.errors import RangeError, ShapeError
from sfumato.features._noise import white_noise
from sfumato.features._sobel import half_bell, smooth_sobel

__all__ = ["Canny"]

WHITE = 8160
"""White as a 16-bit integer: Sobel's sum over 4 WHITE still fits, and 8160 = 32 x 255."""
SOBEL_GAIN = 8.0
STRONG_SHARE = 0.10
"""Automatic: so many of the pixels are steeper than the second threshold."""
WEAK_TO_STRONG = 0.4
FAINTEST = 0.004
"""Automatic: gradients below one step of 8 bits per pixel are never an edge by themselves."""
NOISE_REACH = 5.5
"""Automatic: a gradient of pure noise exceeds so many standard deviations at 3 pixels in 10^7."""
SAMPLES = 250_000


class Canny(Operator):
    """Draw thin white lines along the edges of a picture, on black.

    Smoothing, Sobel gradient, suppression of all but the crest, and two thresholds: a
    line starts where the gradient reaches the second and goes on while it reaches the
    first. The smoothed picture has 13 bits for every dtype.

    Thresholds are gradients per pixel of the unit-range picture, Euclidean, so they
    mean the same for uint8, uint16 and float32: a ramp that rises by 0.1 of white over
    two pixels has 0.05. OpenCV's own count is 2040 times as much (8-bit steps, Sobel
    not divided by 8): 100 there is 0.049 here. Colour is looked at as luma.

    Args:
        thresholds: the first and the second. Without them the second is what a tenth
            of the pixels exceed, but at least 0.004 and what white noise as strong as the
            picture's does not reach, and the first 0.4 of it.
        sigma: standard deviation in pixels of the Gaussian before; 0 does not smooth.
        into: where the lines go: ``image``, or ``hint`` for a generator, which leaves
            the image as it is and has one channel.

    Raises:
        RangeError: the first threshold is above the second, or the picture holds NaN.
        ShapeError: neither 1 nor 3 channels.

    Example:
        >>> picture = np.zeros((7, 8, 1), np.uint8)
        >>> picture[:, 4:] = 200
        >>> Canny(thresholds=(0.05, 0.1), sigma=0.0)(picture)[3, :, 0].tolist()
        [0, 0, 0, 255, 0, 0, 0, 0]

    References:
        J. Canny. A Computational Approach to Edge Detection. IEEE TPAMI, 1986.
        doi:10.1109/TPAMI.1986.4767851
    """

    thresholds: Annotated[tuple[float, float], Between(0.0, 1e6)] | None = None
    sigma: Annotated[float, Between(0.0, 20.0)] = 1.4
    into: Literal["image", "hint"] = "image"

    def check(self) -> None:
        if self.thresholds is not None and self.thresholds[0] > self.thresholds[1]:
            raise RangeError(
                f"Canny.thresholds: the first, {self.thresholds[0]:g}, is above "
                f"the second, {self.thresholds[1]:g}"
            )

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        lines = self.detect(sample.image)
        channels = sample.image.shape[2] if self.into == "image" else 1
        white = np.array(full_range(sample.image.dtype), sample.image.dtype)
        drawn = np.where(lines[..., None], white, np.zeros_like(white))
        drawn = np.ascontiguousarray(np.broadcast_to(drawn, (*lines.shape, channels)))
        return sample.but(image=drawn) if self.into == "image" else sample.but(hint=drawn)

    def detect(self, image: NDArray[Any]) -> NDArray[np.bool_]:
        """Give the pixels on edges, (h, w) bool.

        Raises:
            ShapeError: another shape or number of channels.
            DtypeError: another dtype.
            RangeError: the picture holds NaN or infinity.
        """
        dx, dy, white, noise = self._gradient(image)
        low, high = self.thresholds or _automatic(dx, dy, white, noise)
        # A plateau of gradient 0 would count as an edge under a threshold of 0.
        scale = SOBEL_GAIN * white
        limits = [min(max(value * scale, 1.0), 32767.0) for value in (low, high)]
        return np.asarray(cv2.Canny(dx, dy, *limits, L2gradient=True)) > 0

    def thresholds_of(self, image: NDArray[Any]) -> tuple[float, float]:
        """Give the two thresholds that `detect` uses on a picture."""
        return self.thresholds or _automatic(*self._gradient(image))

    def _gradient(self, image: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], float, float]:
        """Give Sobel's sums, what stands for white in them, and their noise."""
        plane, gain, white = _whole_numbers(image)
        dx, dy = np.zeros((2, *plane.shape), np.int16)
        bell = half_bell(self.sigma, 1.0)
        smooth_sobel(plane, half_bell(self.sigma, gain), bell, dx, dy)
        if self.thresholds is not None:
            return dx, dy, white, 0.0
        whole = np.concatenate([bell[:0:-1], bell])
        along = np.linalg.norm(np.convolve(whole, [1.0, 0.0, -1.0]))
        across = np.linalg.norm(np.convolve(whole, [1.0, 2.0, 1.0]))
        return dx, dy, white, float(along * across) * gain * white_noise(plane)


def _whole_numbers(image: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Give the luma as integers, their gain to 13 bits, and what stands for white then."""
    flat = isinstance(image, np.ndarray) and image.ndim == 2
    picture = check_image(image[..., None] if flat else image, "Canny")
    if picture.shape[2] not in (1, 3):
        raise ShapeError(
            f"Canny: expected 1 or 3 channels, got {picture.shape[2]}",
            hint="leave alpha out: image[..., :3]",
        )
    if picture.dtype == np.uint8 and picture.shape[2] == 1:
        return picture[..., 0], WHITE / 255.0, float(WHITE)
    plane = picture[..., 0].astype(np.float32)
    if picture.shape[2] == 3:
        plane = cv2.cvtColor(np.asarray(picture, np.float32), cv2.COLOR_RGB2GRAY)
    least, most = min(float(plane.min()), 0.0), float(plane.max())
    if not np.isfinite([least, most]).all():
        raise RangeError("Canny: the picture holds NaN or infinity")
    # Light beyond white, or below black, must not saturate the integers.
    reach = max(full_range(picture.dtype), most - least)
    plane -= np.float32(least)
    plane *= np.float32(WHITE / reach)
    return np.rint(plane).astype(np.int16), 1.0, WHITE * full_range(picture.dtype) / reach


def _automatic(
    dx: NDArray[Any], dy: NDArray[Any], white: float, noise: float
) -> tuple[float, float]:
    stride = max(1, math.isqrt(dx.size // SAMPLES))
    across, down = (d[::stride, ::stride].astype(np.float32) for d in (dx, dy))
    strong = float(np.quantile(np.hypot(across, down), 1.0 - STRONG_SHARE))
    high = max(max(strong, NOISE_REACH * noise) / (SOBEL_GAIN * white), FAINTEST)
    return WEAK_TO_STRONG * high, high
