"""Bend the tones of a picture and leave its hues alone."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.operator import ImageOperator, Rng
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.errors import ShapeError

__all__ = ["Tone"]

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
BAND_ROWS = 256
"""Rows worked on at a time, so that the floats need little room beside the picture."""
CURVE_STEPS = 65536
RISE, FALL = 2.0, 0.9
"""How far a full setting may raise or flatten the slope at the end of the range; with
less than 1 for the flattening side the curve stays strictly monotone."""


class Tone(ImageOperator):
    """Lift or deepen shadows, highlights and contrast without shifting any hue.

    One curve t is applied to the luma y = 0.2126 R + 0.7152 G + 0.0722 B of the
    values as they are encoded, and each pixel is scaled by t(y)/y. What would
    pass white is mixed with grey of the same luma until it fits, so that the
    result has exactly the luma t(y) and the hue of the input. The curve is the
    composition of four monotone ones and never turns back::

        y ** (1 / gamma)
        y + a y (1 - y)^3               shadows
        y + b (1 - y) y^3               highlights
        y + c y (1 - y) (2 y - 1)       contrast

    with a = 2 or 0.9 times the setting (the smaller one on the side that
    flattens), b likewise, c = 0.9 times. Black, white and, for the contrast,
    mid grey stay where they are. Float values above white keep their distance to
    it.

    Args:
        contrast: above 0 steepens the middle and flattens both ends.
        shadows: above 0 brightens the dark quarter.
        highlights: below 0 brings the bright quarter down.
        gamma: above 1 brightens the middle.

    Shape:
        image (h, w, 1) or (h, w, 3).

    Raises:
        ShapeError: the picture has neither 1 nor 3 channels.

    Example:
        >>> night = np.full((2, 2, 3), [20, 40, 10], np.uint8)
        >>> Tone(shadows=0.5)(night)[0, 0].tolist()
        [33, 66, 17]
    """

    contrast: Annotated[float, Between(-1.0, 1.0)] = 0.0
    shadows: Annotated[float, Between(-1.0, 1.0)] = 0.0
    highlights: Annotated[float, Between(-1.0, 1.0)] = 0.0
    gamma: Annotated[float, Between(0.2, 5.0)] = 1.0

    def curve(self, luma: NDArray[Any]) -> NDArray[np.float64]:
        """Give the new luma of a luma, both with white at 1."""
        y = np.clip(np.asarray(luma, np.float64), 0.0, 1.0)
        t = y ** (1.0 / self.gamma)
        t = t + _strength(self.shadows, grows=True) * t * (1 - t) ** 3
        t = t + _strength(self.highlights, grows=False) * (1 - t) * t**3
        t = t + FALL * self.contrast * t * (1 - t) * (2 * t - 1)
        return np.asarray(t + (luma - y), np.float64)

    def apply_image(self, image: Image, rng: Rng) -> Image:
        if image.shape[2] not in (1, 3):
            raise ShapeError(
                f"Tone: a picture has 1 or 3 channels here, got {image.shape[2]}",
                hint="take the alpha channel off: image[..., :3]",
            )
        if self == Tone():
            return image.copy()
        nodes = np.linspace(0.0, 1.0, CURVE_STEPS + 1)
        table = self.curve(nodes).astype(np.float32)
        out = np.empty_like(image)
        for top in range(0, image.shape[0], BAND_ROWS):
            rows = slice(top, top + BAND_ROWS)
            out[rows] = from_unit(self._bend(to_unit(image[rows]), table), image.dtype)
        return out

    def _bend(self, values: NDArray[np.float32], table: NDArray[np.float32]) -> NDArray[Any]:
        luma = values[..., 0] if values.shape[2] == 1 else values @ LUMA
        inside = np.clip(luma, 0.0, 1.0)
        place = inside * np.float32(CURVE_STEPS)
        low = np.minimum(place.astype(np.int32), CURVE_STEPS - 1)
        start = table[low]
        wanted = start + (place - low) * (table[low + 1] - start) + (luma - inside)
        if values.shape[2] == 1:
            return np.asarray(wanted[..., None])
        ratio = np.divide(wanted, luma, out=np.ones_like(luma), where=luma > 0)[..., None]
        scaled = values * ratio
        ceiling = np.maximum(1.0, np.maximum(values.max(axis=2), wanted))
        return np.asarray(_fit_below(scaled, wanted, ceiling))


def _strength(setting: float, *, grows: bool) -> float:
    """Scale a setting so that the slope of its curve never reaches zero."""
    return setting * (RISE if (setting > 0) == grows else FALL)


def _fit_below(
    values: NDArray[np.float32], luma: NDArray[np.float32], ceiling: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Mix pixels that pass the ceiling with grey of their luma until they touch it."""
    peak = values.max(axis=2)
    over = peak > ceiling
    share = np.ones_like(peak)
    np.divide(ceiling - luma, peak - luma, out=share, where=over)
    grey = luma[..., None]
    return np.where(over[..., None], grey + (values - grey) * share[..., None], values)
