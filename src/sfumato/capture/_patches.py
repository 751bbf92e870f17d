"""Sub-pixel refinement of a map between two frames by small patches at full size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._frame_views import ToneMap, luma
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range
from sfumato.features.homography import map_points

__all__ = ["Shifts", "measure_shifts"]

Array = NDArray[np.float64]
Plane = NDArray[np.float32]

STEPS = 5
MAX_STEP_PX = 1.0
SETTLED_PX = 0.1
MIN_CORRELATION = 0.7
MAX_SPREAD_PX = 0.35
MODEL_PX = 0.05
"""No patch is trusted better than this: parallax, lens and JPEG do more."""


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """Where the centres of patches of the reference lie in the frame.

    Args:
        frame: float64 (k, 2), positions in the frame.
        reference: float64 (k, 2), positions in the reference.
        spread: float64 (k,), expected error of each in pixels.
    """

    frame: Array
    reference: Array
    spread: Array

    def __len__(self) -> int:
        return len(self.spread)

    def only(self, keep: NDArray[Any]) -> Shifts:
        """Pick some of them."""
        return Shifts(self.frame[keep], self.reference[keep], self.spread[keep])


def measure_shifts(
    frame: Image,
    reference: Image,
    matrix: NDArray[Any],
    centres: NDArray[Any],
    *,
    radius: int,
    sigma: float,
    limit_px: float,
    tones: tuple[ToneMap | None, ToneMap | None] = (None, None),
) -> Shifts:
    """Find patches of the reference in the frame to a few hundredths of a pixel.

    Each patch is compared with the frame seen through the map, the darker one brought to
    the tones of the brighter, with a gain and an offset of its own. Gauss-Newton on the
    position, as Lucas and Kanade have it.

    Args:
        frame: the frame at full size.
        reference: the reference at full size.
        matrix: from frame to reference, right within ``limit_px``.
        centres: whole positions in the reference, far enough inside both.
        radius: half the side of a patch.
        sigma: smoothing of both sides; a wide one reaches farther, a narrow one is sharper.
        limit_px: a shift beyond it is an error.
        tones: what is done to the tones of the frame and of the reference.

    References:
        B. Lucas, T. Kanade. An Iterative Image Registration Technique with an
        Application to Stereo Vision. IJCAI, 1981.
    """
    inverse = np.linalg.inv(matrix)
    grid = np.arange(-radius, radius + 1, dtype=np.float32)
    lattice = _lattice(inverse, centres, grid)
    middle = np.rint(map_points(inverse, centres)).astype(int)
    half = int(np.ceil(np.abs(lattice).max() + limit_px)) + 2
    seen = _windows(frame, middle, half, sigma, tones[0])
    own = _windows(reference, centres.astype(int), radius + 1, sigma, tones[1])
    slope_x = (own[:, 1:-1, 2:] - own[:, 1:-1, :-2]) / 2
    slope_y = (own[:, 2:, 1:-1] - own[:, :-2, 1:-1]) / 2
    regressors = np.stack(
        [own[:, 1:-1, 1:-1], slope_x, slope_y, np.ones_like(slope_x)], axis=1
    ).reshape(len(centres), 4, -1)
    shift = np.zeros((len(centres), 2))
    for _ in range(STEPS):
        places = map_points(inverse, centres - shift) - middle + half
        values = _sampled(seen, places, lattice)
        step, correlation, spread = _gauss_newton(values, regressors)
        shift = shift + step
    good = (correlation > MIN_CORRELATION) & (spread < MAX_SPREAD_PX)
    good &= np.hypot(*step.T) < SETTLED_PX
    good &= np.hypot(*shift.T) < limit_px
    source = map_points(inverse, centres - shift)
    return Shifts(source, centres.astype(np.float64), np.hypot(spread, MODEL_PX)).only(good)


def _lattice(inverse: NDArray[Any], centres: NDArray[Any], grid: Plane) -> Plane:
    """Give where the pixels of each patch lie about its centre in the frame, (2, k, p)."""
    # Over so few pixels the map is affine to a thousandth of a pixel.
    step = np.eye(2)
    columns = [
        (map_points(inverse, centres + axis) - map_points(inverse, centres - axis)) / 2
        for axis in step
    ]
    y, x = np.meshgrid(grid, grid, indexing="ij")
    flat = np.stack([x.ravel(), y.ravel()])
    slopes = np.stack(columns, axis=-1).astype(np.float32)
    return np.ascontiguousarray((slopes @ flat).transpose(1, 0, 2))


def _windows(
    picture: Image, middle: NDArray[Any], half: int, sigma: float, tone: ToneMap | None
) -> Plane:
    """Cut squares out, even out their tones and smooth them."""
    reach = int(np.ceil(2 * sigma))
    height, width = picture.shape[:2]
    offsets = np.arange(-half - reach, half + reach + 1)
    rows = np.clip(middle[:, 1, None] + offsets, 0, height - 1)
    columns = np.clip(middle[:, 0, None] + offsets, 0, width - 1)
    cut = picture[rows[:, :, None], columns[:, None, :]].astype(np.float32)
    cut /= np.float32(full_range(picture.dtype))
    side = len(offsets)
    tall = luma(cut if tone is None else tone(cut)).reshape(-1, side)
    smooth = cv2.GaussianBlur(tall, (2 * reach + 1, 2 * reach + 1), sigma)
    inner = slice(reach, side - reach)
    return np.ascontiguousarray(smooth.reshape(-1, side, side)[:, inner, inner])


def _sampled(windows: Plane, places: Array, lattice: Plane) -> Plane:
    """Read windows linearly at a lattice about positions in their own pixels."""
    count, side = windows.shape[:2]
    # The windows stand on top of each other in one tall picture.
    low = side * np.arange(count, dtype=np.float32)[:, None]
    x = np.clip(lattice[0] + places[:, :1].astype(np.float32), 0, side - 1)
    y = np.clip(lattice[1] + places[:, 1:].astype(np.float32), 0, side - 1) + low
    tall = windows.reshape(count * side, side)
    return np.asarray(cv2.remap(tall, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _gauss_newton(values: Plane, regressors: Plane) -> tuple[Array, Array, Array]:
    """Fit gain, shift and offset of every patch; give step, correlation, expected error."""
    normal = np.einsum("kip,kjp->kij", regressors, regressors).astype(np.float64)
    right = np.einsum("kip,kp->ki", regressors, values).astype(np.float64)
    trace = np.trace(normal, axis1=1, axis2=2)
    normal += 1e-9 * np.maximum(trace, 1e-9)[:, None, None] * np.eye(4)
    solution = np.linalg.solve(normal, right[..., None])[..., 0]
    gain = solution[:, 0]
    noise = (values - np.einsum("ki,kip->kp", solution, regressors)).var(axis=1)
    correlation = np.sqrt(np.clip(1.0 - noise / (values.var(axis=1) + 1e-12), 0.0, 1.0))
    covariance = np.linalg.inv(normal)[:, 1:3, 1:3]
    worst = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance)[:, -1], 0.0))
    # A patch that does not follow, or follows upside down, has no place.
    follows = gain > 1e-6
    safe = np.where(follows, gain, 1.0)
    step = np.clip(solution[:, 1:3] / safe[:, None], -MAX_STEP_PX, MAX_STEP_PX)
    spread = np.where(follows, np.sqrt(noise) * worst / safe, np.inf)
    return step, correlation.astype(np.float64), spread
