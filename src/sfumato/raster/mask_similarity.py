"""Masks of what looks alike: a color, what grows from a seed, a template.

Two pixels differ by the root mean square of their channels' differences, as a share
of white: a tolerance of 0.1 lets every channel differ by a tenth of its range, or one
of three by 0.17. The measure is that of the values as they are; for an even measure
of seen color bring the picture to a uniform space first. NaN is like nothing.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, check_image, full_range
from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.raster.mask import HardMask
from sfumato.raster.mask_morphology import Connectivity

__all__ = ["grow_from", "select_color", "select_like"]

Comparison: TypeAlias = Literal["seed", "neighbor"]
BAND_ROWS = 256


def select_color(
    image: Image, color: ArrayLike, *, tolerance: float, softness: float = 0.0
) -> NDArray[Any]:
    """Select all that has a color, wherever it lies.

    Args:
        image: uint8, uint16 or float32.
        color: one value for each channel, in the picture's own range.
        tolerance: difference up to which a pixel is in.
        softness: width of the fall-off beyond it: there the mask goes from 1 to 0.

    Shape:
        image (h, w, c), color (c,); returns bool (h, w), float32 where softness is
        not 0.

    Raises:
        ShapeError: the color has another number of channels than the picture.
        RangeError: tolerance or softness is negative, or a number is not finite.

    Example:
        >>> row = np.uint8([[[10], [20], [90]]])
        >>> select_color(row, [12], tolerance=0.05).tolist()
        [[True, True, False]]
    """
    check_image(image, "select_color")
    _check_share("select_color", tolerance=tolerance, softness=softness)
    goal = np.asarray(color, np.float32)
    if goal.shape != (image.shape[2],):
        raise ShapeError(
            f"select_color: the picture has {image.shape[2]} channels, "
            f"the color has shape {goal.shape}"
        )
    if not np.isfinite(goal).all():
        raise RangeError("select_color: the color is not finite")
    out: NDArray[Any] = np.empty(image.shape[:2], np.float32 if softness else np.bool_)
    for top in range(0, len(image), BAND_ROWS):
        away = _difference(image[top : top + BAND_ROWS], goal)
        if softness:
            share = np.clip(1.0 - (away - tolerance) / softness, 0.0, 1.0)
            out[top : top + BAND_ROWS] = np.nan_to_num(share)
        else:
            out[top : top + BAND_ROWS] = away <= tolerance
    return out


def grow_from(
    image: Image,
    seeds: ArrayLike,
    *,
    tolerance: float,
    compare: Comparison = "seed",
    connectivity: Connectivity = 4,
) -> HardMask:
    """Select what is connected to a seed and looks like it.

    Args:
        image: uint8, uint16 or float32.
        seeds: x and y of pixels to begin at; their regions are united.
        tolerance: difference up to which a pixel is taken.
        compare: with the ``seed`` that the region grew from, or with the ``neighbor``
            it is reached by, which follows slow gradients.
        connectivity: whether a region grows over corners (8) or not (4).

    Shape:
        seeds (2,) or (k, 2).

    Raises:
        ShapeError: the seeds are not (k, 2).
        RangeError: a seed lies outside the picture, or a setting outside its bounds.

    Example:
        >>> row = np.uint8([[[10], [20], [30], [90], [10]]])
        >>> grow_from(row, (0, 0), tolerance=0.05).tolist()
        [[True, True, False, False, False]]
        >>> grow_from(row, (0, 0), tolerance=0.05, compare="neighbor").tolist()
        [[True, True, True, False, False]]
    """
    check_image(image, "grow_from")
    _check_share("grow_from", tolerance=tolerance)
    if connectivity not in (4, 8) or compare not in ("seed", "neighbor"):
        raise RangeError(
            f"grow_from: compare {compare!r} and connectivity {connectivity} are not "
            "'seed' or 'neighbor' and 4 or 8"
        )
    starts = _seeds(seeds, image)
    grown = np.zeros(image.shape[:2], np.bool_)
    if compare == "neighbor":
        limit = (tolerance * full_range(image.dtype)) ** 2 * image.shape[2]
        _spread(image, starts, limit * (1 + 1e-6), connectivity == 8, grown)
        return grown
    for x, y in starts.tolist():
        alike = select_color(image, image[y, x], tolerance=tolerance).astype(np.uint8)
        labels = cv2.connectedComponents(alike, connectivity=connectivity)[1]
        grown |= labels == labels[y, x]
    return grown


def select_like(image: Image, template: Image, *, least_score: float = 0.8) -> HardMask:
    """Select the places that look like a template, whatever their brightness and contrast.

    The score of a place is the correlation of its values with the template's, both
    less their mean per channel (1 is equal up to brightness and contrast). Where a
    score is the best within the template's reach and high enough, the whole window is
    in. Turned or scaled copies are not found: see `features` for those.

    Args:
        image: uint8, uint16 or float32.
        template: a small picture of the same dtype and channels.
        least_score: correlation from which a place counts.

    Raises:
        ShapeError: the template is larger than the picture, or has other channels.
        DtypeError: the dtypes differ, or there are more than 4 channels.
        RangeError: the template is flat, a value is not finite, or the score outside
            -1..1.

    Example:
        >>> scene = np.zeros((6, 9, 1), np.uint8)
        >>> scene[2, 4] = scene[3, 5] = 200
        >>> np.argwhere(select_like(scene, scene[2:4, 4:6]))[[0, -1]].tolist()
        [[2, 4], [3, 5]]

    References:
        J. Lewis. Fast Normalized Cross-Correlation. Vision Interface, 1995.
    """
    check_image(image, "select_like")
    check_image(template, "select_like: template")
    _check_template(image, template, least_score)
    kind = np.float32 if image.dtype == np.uint16 else image.dtype
    scores = cv2.matchTemplate(
        image.astype(kind, copy=False), template.astype(kind, copy=False), cv2.TM_CCOEFF_NORMED
    )
    height, width = template.shape[:2]
    around = np.ones((2 * (height // 2) + 1, 2 * (width // 2) + 1), np.uint8)
    peaks = (scores >= least_score) & (scores >= cv2.dilate(scores, around))
    corners = np.zeros(image.shape[:2], np.uint8)
    corners[: scores.shape[0], : scores.shape[1]] = peaks
    window = np.ones((height, width), np.uint8)
    return np.asarray(cv2.dilate(corners, window, anchor=(width - 1, height - 1)) > 0)


def _check_template(image: Image, template: Image, least_score: float) -> None:
    if template.dtype != image.dtype or image.shape[2] > 4:
        raise DtypeError(
            f"select_like: expected picture and template of one dtype and at most 4 channels, "
            f"got {image.dtype} and {template.dtype}, {image.shape[2]} channels"
        )
    fits = template.shape[0] <= image.shape[0] and template.shape[1] <= image.shape[1]
    if template.shape[2] != image.shape[2] or not fits:
        raise ShapeError(
            f"select_like: a template {template.shape} does not fit into a picture {image.shape}"
        )
    for array in (image, template):
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise RangeError("select_like: a value is not finite")
    if not -1.0 <= least_score <= 1.0:
        raise RangeError(f"select_like: least_score {least_score} is outside [-1, 1]")
    if np.ptp(template, axis=(0, 1)).max() == 0:
        raise RangeError(
            "select_like: the template is flat, every place is as like it as any other",
            hint="select_color finds flat areas",
        )


def _difference(image: Image, goal: NDArray[np.float32]) -> NDArray[np.float32]:
    total = np.zeros(image.shape[:2], np.float32)
    for channel, value in enumerate(goal):
        total += np.square(image[..., channel] - value, dtype=np.float32)
    total /= np.float32(len(goal))
    away: NDArray[np.float32] = np.sqrt(total, out=total)
    away /= np.float32(full_range(image.dtype))
    return away


def _seeds(seeds: ArrayLike, image: Image) -> NDArray[np.int64]:
    places = np.atleast_2d(np.asarray(seeds))
    if places.ndim != 2 or places.shape[1] != 2 or places.dtype.kind not in "iu":
        raise ShapeError(
            f"grow_from: expected seeds (k, 2) in whole pixels, x then y, got {places.tolist()!r}"
        )
    inside = (places >= 0) & (places < [image.shape[1], image.shape[0]])
    if not inside.all():
        bad = places[~inside.all(axis=1)][0].tolist()
        raise RangeError(f"grow_from: the seed {bad} lies outside the picture")
    return places.astype(np.int64)


def _check_share(who: str, **settings: float) -> None:
    for name, value in settings.items():
        if not 0.0 <= value < np.inf:
            raise RangeError(f"{who}: {name} {value} is outside [0, inf)")


@compiled
def _spread(image: Any, seeds: Any, limit: float, corners: bool, grown: Any) -> None:
    """Flood from the seeds over steps of at most a sum of squares."""
    height, width, channels = image.shape
    stack = np.empty((height * width, 2), np.int32)
    count = 0
    for k in range(seeds.shape[0]):
        x, y = seeds[k, 0], seeds[k, 1]
        if not grown[y, x]:
            grown[y, x] = True
            stack[count, 0], stack[count, 1] = y, x
            count += 1
    while count > 0:
        count -= 1
        i, j = stack[count, 0], stack[count, 1]
        for di in range(-1, 2):
            for dj in range(-1, 2):
                y, x = i + di, j + dj
                if y < 0 or x < 0 or y >= height or x >= width or grown[y, x]:
                    continue
                if di != 0 and dj != 0 and not corners:
                    continue
                total = 0.0
                for channel in range(channels):
                    step = float(image[y, x, channel]) - float(image[i, j, channel])
                    total += step * step
                if total <= limit:
                    grown[y, x] = True
                    stack[count, 0], stack[count, 1] = y, x
                    count += 1
