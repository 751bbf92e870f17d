"""Replace pixels of the sensor that do not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._defects import mark_outliers, mend
from sfumato.capture.mosaic_operator import MosaicOperator
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.errors import RangeError, ShapeError
from sfumato.io.mosaic_facts import MosaicFacts, tiled

__all__ = ["MendPixels", "find_defects"]

LEAST_DEVIATION = 1e-5
MAD = 1.4826
MOST_DEFECTS = 0.02
"""Share of the pixels beyond which this is no list of defects but a wrong frame."""


class MendPixels(MosaicOperator):
    """Replace pixels of the sensor that do not see, or see light where there is none.

    A known defect, or one found here, becomes the mean of the two opposite neighbours of
    its color that agree best. A pixel is found where it lies outside all its eight neighbours
    of the same color by ``sigmas`` of the noise; the noise is that of the profile in the
    file, else it is read from the picture. Points of light that are not spread over more than a
    pixel cannot be told from hot pixels: leave finding out for stars.

    Args:
        places: x and y of known defects, counted from 0 in the mosaic as it is read, as
            `find_defects` gives them.
        find: also look for defects in the picture.
        sigmas: how far outside of its neighbours a defect lies.

    Shape:
        image (h, w, 1), and each frame of a stack.

    Raises:
        FieldError: the sample is no mosaic.
        RangeError: a place outside of the mosaic.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array
        >>> plane = np.full((12, 12), 0.25, np.float32)
        >>> plane[5, 6] = 1.0
        >>> float(MendPixels()(mosaic_from_array(plane, white=1.0)).image[5, 6, 0])
        0.25
    """

    places: tuple[tuple[int, int], ...] = ()
    find: bool = True
    sigmas: Annotated[float, Between(3.0, 100.0)] = 8.0

    def apply_mosaic(
        self, plane: NDArray[np.float32], found: MosaicFacts, rng: Rng
    ) -> NDArray[np.float32]:
        bad = self.defects(plane, found)
        wide = cv2.copyMakeBorder(plane, 4, 4, 4, 4, cv2.BORDER_REFLECT_101)
        marks = cv2.copyMakeBorder(bad, 4, 4, 4, 4, cv2.BORDER_REFLECT_101)
        mend(wide, marks, plane)
        return plane

    def defects(self, plane: NDArray[np.float32], found: MosaicFacts) -> NDArray[np.uint8]:
        """Mark what will be replaced with 1, in a mosaic (h, w) on the unit range."""
        bad = np.zeros(plane.shape, np.uint8)
        if self.places:
            x, y = np.array(self.places).T
            height, width = plane.shape
            if min(x.min(), y.min()) < 0 or x.max() >= width or y.max() >= height:
                raise RangeError(
                    f"MendPixels.places: one lies outside of a mosaic of {width} x {height} px"
                )
            bad[y, x] = 1
        if self.find:
            wide = cv2.copyMakeBorder(plane, 2, 2, 2, 2, cv2.BORDER_REFLECT_101)
            mark_outliers(wide, _deviation(plane, wide, found), self.sigmas, bad)
        return bad


def _deviation(
    plane: NDArray[np.float32], wide: NDArray[np.float32], found: MosaicFacts
) -> NDArray[np.float32]:
    """Give the noise of each pixel by the light around it."""
    around = _around(wide)
    if found.noise_profile:
        pairs = np.reshape(found.noise_profile, (-1, 2))
        pairs = pairs.repeat(4, axis=0)[:4] if len(pairs) == 1 else pairs
        sites = pairs if len(pairs) == 4 else pairs[list(found.sites)]
        slope, offset = (tiled(sites[:, k], plane.shape).astype(np.float32) for k in (0, 1))
        variance = slope * np.maximum(around, 0.0) + offset
        return np.asarray(np.sqrt(np.maximum(variance, LEAST_DEVIATION**2)), np.float32)
    # Without a profile one number must do: the usual difference, texture included.
    apart = np.abs(plane - around)
    usual = max(MAD * float(np.median(apart)), LEAST_DEVIATION)
    return np.full(plane.shape, usual, np.float32)


def _around(wide: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the median of the four nearest neighbours of the same color."""
    inner = np.s_[2:-2]
    four = [wide[inner, :-4], wide[inner, 4:], wide[:-4, inner], wide[4:, inner]]
    low, high = np.minimum.reduce(four), np.maximum.reduce(four)
    total = four[0] + four[1] + four[2] + four[3]
    return np.asarray((total - low - high) * np.float32(0.5))


def find_defects(
    darks: Sequence[NDArray[Any]],
    flats: Sequence[NDArray[Any]] = (),
    *,
    sigmas: float = 8.0,
    least_response: float = 0.5,
) -> tuple[tuple[int, int], ...]:
    """Find the defects of a Bayer sensor in frames without light, and evenly lit ones.

    A pixel is hot where the mean of the dark frames stands out of all of its site by ``sigmas`` of
    their spread, and weak or dead where the mean of the flats is less than
    ``least_response`` of its surroundings, or as much more.

    Args:
        darks: mosaics, as the camera gives them or black subtracted.
        flats: mosaics of one exposure, black subtracted.
        sigmas: of the spread of the means of dark pixels.
        least_response: share of the light around that a good pixel sees.

    Shape:
        mosaics (h, w), all alike.

    Returns:
        x and y of each, for `MendPixels`.

    Raises:
        ShapeError: no dark frames, or frames of different shapes.
        RangeError: more than 2 % of the pixels: these are not the frames that were meant.
    """
    if not len(darks):
        raise ShapeError("find_defects: give at least one dark frame")
    first = np.shape(darks[0])
    if len(first) != 2 or any(np.shape(frame) != first for frame in (*darks, *flats)):
        raise ShapeError("find_defects: expected planes (h, w) of one size")
    dark = np.mean([np.asarray(frame, np.float32) for frame in darks], axis=0)
    bad = np.zeros(first, np.bool_)
    for k in range(4):
        site = np.s_[k // 2 :: 2, k % 2 :: 2]
        gap = dark[site] - np.median(dark[site])
        spread = max(MAD * float(np.median(np.abs(gap))), 1e-9)
        bad[site] |= np.abs(gap) > sigmas * spread
        if len(flats):
            lit = np.mean([np.asarray(frame[site], np.float32) for frame in flats], axis=0)
            lit = np.ascontiguousarray(lit, np.float32)
            response = lit / np.maximum(cv2.medianBlur(lit, 5), 1e-9)
            bad[site] |= (response < least_response) | (response > 2.0 - least_response)
    if bad.mean() > MOST_DEFECTS:
        raise RangeError(
            f"find_defects: {bad.mean():.1%} of the pixels stand out, which is no list of defects",
            hint="a light leak? darks need a closed lens, flats an even light",
        )
    y, x = np.nonzero(bad)
    return tuple(zip(x.tolist(), y.tolist(), strict=True))
