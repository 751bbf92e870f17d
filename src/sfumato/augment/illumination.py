"""Light a picture unevenly."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import multiply_field
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["Illumination"]

CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


class Illumination(PixelTransform):
    """Light a picture unevenly: values are multiplied by a smooth field about 1.

    With s the strength, x and y from 0 to 1 over the picture:
    ``linear`` is 1 + s (2 (x cos a + y sin a) - 1);
    ``corner`` is 1 - s d, with d the distance from one corner, as a share of the diagonal;
    ``gaussian`` is 1 + s exp(-r^2 / 2 q^2) about a center, q a share of the longer side.

    Args:
        mode: the form of the field.
        intensity_range: the size of s is drawn from here.
        effect_type: whether s is above 0, below, or either.
        angle_range: degrees, a is drawn from here.
        center_range: both coordinates of the center, from 0 to 1, are drawn from here.
        sigma_range: q is drawn from here.

    Example:
        >>> gray = np.full((8, 8, 1), 0.5, np.float32)
        >>> lit = Illumination("linear", (0.2, 0.2), "brighten", angle_range=(0, 0), p=1)(gray)
        >>> lit[0, ::7, 0].round(3).tolist()
        [0.4000000059604645, 0.6000000238418579]
    """

    mode: Literal["linear", "corner", "gaussian"] = "linear"
    intensity_range: Annotated[tuple[float, float], Between(0.01, 0.2)] = (0.01, 0.2)
    effect_type: Literal["brighten", "darken", "both"] = "both"
    angle_range: Annotated[tuple[float, float], Between(0.0, 360.0)] = (0.0, 360.0)
    center_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.1, 0.9)
    sigma_range: Annotated[tuple[float, float], Between(0.2, 1.0)] = (0.2, 1.0)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        strength = rng.uniform(*self.intensity_range)
        darker = self.effect_type == "darken" or (self.effect_type == "both" and rng.random() < 0.5)
        params: Params = {"strength": -strength if darker else strength}
        if self.mode == "linear":
            params["angle"] = rng.uniform(*self.angle_range)
        elif self.mode == "corner":
            params["corner"] = int(rng.integers(4))
        else:
            params["center"] = [rng.uniform(*self.center_range) for _ in range(2)]
            params["sigma"] = rng.uniform(*self.sigma_range)
        return params

    def change_image(self, image: Image, params: Params) -> Image:
        field = self._field(image.shape[0], image.shape[1], params)
        return multiply_field(image, field[..., None])

    def _field(self, height: int, width: int, params: Params) -> NDArray[np.float32]:
        strength = np.float32(params["strength"])
        columns = np.arange(width, dtype=np.float32)
        rows = np.arange(height, dtype=np.float32)[:, None]
        if self.mode == "linear":
            angle = math.radians(params["angle"])
            along = columns * np.float32(math.cos(angle) / max(width - 1, 1))
            down = rows * np.float32(math.sin(angle) / max(height - 1, 1))
            return along * (2 * strength) + (down * (2 * strength) + (1 - strength))
        if self.mode == "corner":
            x, y = CORNERS[params["corner"]]
            squares = (columns - x * (width - 1)) ** 2 + (rows - y * (height - 1)) ** 2
            return 1 - np.sqrt(squares) * np.float32(strength / math.hypot(height, width))
        x, y = params["center"]
        scale = 2.0 * (params["sigma"] * max(height, width)) ** 2
        # The bell is a product of one for the columns and one for the rows.
        bell = np.exp((columns - np.float32(x * width)) ** 2 / np.float32(-scale))
        return (  # type: ignore[no-any-return]
            1 + strength * np.exp((rows - np.float32(y * height)) ** 2 / np.float32(-scale)) * bell
        )
