"""From one color at each pixel to three."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._demosaic_directional import BORDER, fill_directional
from sfumato.capture._demosaic_linear import fill_linear
from sfumato.capture.mosaic_operator import MosaicOperator
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.errors import ShapeError
from sfumato.io.mosaic_facts import MosaicFacts

__all__ = ["Demosaic"]

BAND = 512
"""Rows worked on at a time, even, so that each band starts a cell."""
LEAST_SIDE = 4


class Demosaic(MosaicOperator):
    """Give every pixel of a mosaic the two colors that it did not see.

    The pixel's own color is kept as it is. ``directional`` gathers the differences of green
    from red and blue along the directions in which they are smooth; it shows detail best.
    ``malvar`` is a fixed linear filter that corrects each mean by how the pixel's
    own color bends, ``bilinear`` the mean of the neighbours alone. All three know nothing of
    noise: remove it first. Colors should be balanced (`DevelopRaw` does that).

    Args:
        method: ``directional``, ``malvar`` or ``bilinear``.

    Shape:
        image (h, w, 1) to (h, w, 3), at least 4 x 4, and so each frame of a stack. The
        result is linear camera color.

    Raises:
        FieldError: the sample is no mosaic.
        ShapeError: smaller than 4 x 4.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array
        >>> grey = mosaic_from_array(np.full((8, 8), 0.25, np.float32), white=1.0)
        >>> Demosaic()(grey).image[3, 3].tolist()
        [0.25, 0.25, 0.25]

    References:
        I. Pekkucuksen, Y. Altunbasak. Gradient Based Threshold Free Color Filter Array
        Interpolation. ICIP 2010. doi:10.1109/ICIP.2010.5654327
        H. Malvar, L. He, R. Cutler. High-Quality Linear Interpolation for Demosaicing of
        Bayer-Patterned Color Images. ICASSP 2004. doi:10.1109/ICASSP.2004.1326587
    """

    alters: ClassVar[tuple[str, ...]] = ("channels",)

    method: Literal["directional", "malvar", "bilinear"] = "directional"

    def apply_mosaic(
        self, plane: NDArray[np.float32], found: MosaicFacts, rng: Rng
    ) -> NDArray[np.float32]:
        height, width = plane.shape
        if min(height, width) < LEAST_SIDE:
            raise ShapeError(f"Demosaic: a mosaic has at least 4 x 4 pixels, got {plane.shape}")
        border = BORDER if self.method == "directional" else 2
        # Reflection about a pixel's centre puts every color where it belongs.
        wide = cv2.copyMakeBorder(plane, *(border,) * 4, cv2.BORDER_REFLECT_101)
        sites = np.array(found.sites, np.intp)
        out = np.empty((height, width, 3), np.float32)
        for top in range(0, height, BAND):
            part = out[top : top + BAND]
            rows = wide[top : top + len(part) + 2 * border]
            if self.method == "directional":
                fill_directional(rows, sites, part)
            else:
                fill_linear(rows, sites, self.method == "malvar", part)
        return out

    def finished(self, sample: Sample) -> Sample:
        meta = {key: value for key, value in sample.meta.items() if key != "mosaic"}
        return sample.but(space="linear", meta=meta)
