"""Change the color of the light, from candle to blue sky."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np

from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._levels import scale_by_channel
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import RangeError

__all__ = ["PlanckianJitter"]

# Red and blue over green of a white surface, from 3000 or 4000 K on, every 500 K.
RED: Mapping[str, tuple[float, ...]] = {
    "blackbody": (
        1.67362, 1.48102, 1.35384, 1.26161, 1.1907, 1.13348, 1.08617, 1.04605, 1.01147, 0.98099,
        0.95429, 0.93023, 0.90856, 0.88906, 0.87127, 0.85518, 0.84017, 0.82625, 0.81336, 0.80155,
        0.79055, 0.78024, 0.77035, 0.7615, 0.75285,
    ),
    "cied": (
        1.31848, 1.22065, 1.14642, 1.08727, 1.03874, 0.99721, 0.96176, 0.93009, 0.90213, 0.87715,
        0.85432, 0.83344, 0.81421, 0.79665, 0.78037, 0.76494, 0.75079, 0.73744, 0.72494, 0.71307,
        0.70206, 0.69146, 0.68171,
    ),
}  # fmt: skip
BLUE: Mapping[str, tuple[float, ...]] = {
    "blackbody": (
        0.00323, 0.3926, 0.57479, 0.70765, 0.81329, 0.90077, 0.97469, 1.03866, 1.09396, 1.14233,
        1.18521, 1.2233, 1.25731, 1.2879, 1.3155, 1.34057, 1.36327, 1.38402, 1.40292, 1.42032,
        1.43673, 1.45134, 1.46509, 1.47787, 1.49001,
    ),
    "cied": (
        0.51753, 0.65308, 0.76224, 0.8534, 0.93091, 0.99721, 1.0549, 1.10529, 1.14957, 1.18895,
        1.22383, 1.25483, 1.28293, 1.30852, 1.33157, 1.35227, 1.37148, 1.38907, 1.40517, 1.42022,
        1.43378, 1.44649, 1.45836,
    ),
}  # fmt: skip
COLDEST = 15000.0
WARMEST = {"blackbody": 3000.0, "cied": 4000.0}
DAYLIGHT = 6500.0


class PlanckianJitter(PixelTransform):
    """Change the color of the light by scaling red and blue as its temperature asks.

    Args:
        mode: the light of a black body, or the D series of the CIE.
        temperature_limit: kelvin, drawn from here; none for all that the mode knows,
            3000 (``cied`` 4000) to 15000.
        sampling_method: all temperatures alike, or a normal law about 6500 K.

    Raises:
        RangeError: a temperature that the mode does not know.
        ShapeError: the picture has not three channels.

    Example:
        >>> warm = PlanckianJitter(temperature_limit=(4000, 4000), p=1)
        >>> warm(np.full((1, 1, 3), 100, np.uint8)).ravel()
        array([135, 100,  57], dtype=uint8)

    References:
        S. Zini, A. Gomez-Villa, M. Buzzelli, B. Twardowski, A. D. Bagdanov, J. van de Weijer.
        Planckian Jitter: countering the color-crippling effects of color jitter on
        self-supervised training. ICLR 2023. arXiv:2202.07993
    """

    mode: Literal["blackbody", "cied"] = "blackbody"
    temperature_limit: Annotated[tuple[float, float] | None, Between(3000.0, COLDEST)] = None
    sampling_method: Literal["uniform", "gaussian"] = "uniform"

    channels = (3,)

    def check(self) -> None:
        low, high = self._limits()
        if not WARMEST[self.mode] <= low <= high:
            raise RangeError(
                f"PlanckianJitter.temperature_limit: ({low:g}, {high:g}) is no range within "
                f"[{WARMEST[self.mode]:g}, {COLDEST:g}] K of '{self.mode}'"
            )

    def _limits(self) -> tuple[float, float]:
        return self.temperature_limit or (WARMEST[self.mode], COLDEST)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        low, high = self._limits()
        if self.sampling_method == "uniform":
            return {"temperature": float(rng.integers(int(low), int(high) + 1))}
        # Each side as wide as its half of the range, so that few need to be cut off.
        shift = float(rng.normal(0.0, 1.0 / 3.0))
        room = high - DAYLIGHT if shift > 0.0 else DAYLIGHT - low
        return {"temperature": float(np.clip(DAYLIGHT + shift * max(room, 0.0), low, high))}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "PlanckianJitter", (3,))
        known = np.linspace(WARMEST[self.mode], COLDEST, len(RED[self.mode]))
        red = np.interp(params["temperature"], known, RED[self.mode])
        blue = np.interp(params["temperature"], known, BLUE[self.mode])
        return scale_by_channel(image, np.array([red, 1.0, blue], np.float32))
