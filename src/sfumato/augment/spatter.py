"""Spatter the lens with rain or mud."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import add_field, draw_seed, mix_field, normal_field
from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range
from sfumato.errors import RangeError

__all__ = ["Spatter"]

Amount = Annotated[tuple[float, float], Between(0.0, 1e3)]
COLORS = {"rain": (238, 238, 175), "mud": (20, 42, 63)}
MUD = 0.8
"""What of the softened mud is thinner than this is wiped away."""


class Spatter(PixelTransform):
    """Spatter the lens with rain or mud.

    Blurred normal noise above a threshold is liquid. Rain is brightest along its edges and is
    added as light; mud covers what lies behind it.

    Args:
        mean: mean of the noise, drawn from here.
        std: deviation of the noise, drawn from here.
        gauss_sigma: deviation of the blur in pixels, drawn from here.
        cutout_threshold: the threshold is drawn from here.
        intensity: of the color, drawn from here.
        mode: which of the two.
        color: red, green and blue, 0 to 255; none for that of the mode.

    Raises:
        RangeError: a color that has not three values.
        ShapeError: the picture has not three channels.

    Example:
        >>> Spatter(p=1)(np.full((64, 64, 3), 100, np.uint8), rng=0).shape
        (64, 64, 3)

    References:
        D. Hendrycks, T. Dietterich. Benchmarking Neural Network Robustness to Common
        Corruptions and Perturbations. ICLR 2019. arXiv:1903.12261
    """

    mean: Amount = (0.65, 0.65)
    std: Amount = (0.3, 0.3)
    gauss_sigma: Amount = (2.0, 2.0)
    cutout_threshold: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.68, 0.68)
    intensity: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.6, 0.6)
    mode: Literal["rain", "mud"] = "rain"
    color: Annotated[tuple[int, ...] | None, Between(0, 255)] = None

    shorthand = {
        name: from_low(0)
        for name in ("mean", "std", "gauss_sigma", "cutout_threshold", "intensity")
    }
    channels = (3,)
    blind = True

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        mode = settings.get("mode")
        if isinstance(mode, (list, tuple)):
            settings["mode"] = mode[0] if len(mode) == 1 else mode
        return settings

    def check(self) -> None:
        if self.color is not None and len(self.color) != 3:
            raise RangeError(f"Spatter.color: needs 3 values, got {self.color}")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {
            "mean": rng.uniform(*self.mean),
            "std": rng.uniform(*self.std),
            "sigma": rng.uniform(*self.gauss_sigma),
            "threshold": rng.uniform(*self.cutout_threshold),
            "intensity": rng.uniform(*self.intensity),
            "seed": draw_seed(rng),
        }

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "Spatter", (3,))
        noise = normal_field(params["seed"], image.shape[:2]) * np.float32(params["std"])
        liquid = noise + np.float32(params["mean"])
        if params["sigma"] > 0.0:
            liquid = cv2.GaussianBlur(liquid, (0, 0), params["sigma"])
        white = np.float32(full_range(image.dtype))
        color = np.array(self.color or COLORS[self.mode], np.float32) / np.float32(255.0) * white
        if self.mode == "rain":
            wet = _rain(liquid, params["threshold"]) * np.float32(params["intensity"])
            return add_field(image, wet[..., None] * color)
        mud = _mud(liquid, params["threshold"], params["sigma"], params["intensity"])[..., None]
        return mix_field(image, 1 - mud, mud * color)


def _rain(liquid: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Give how bright the drops are, from 0 to 1: steep near their edges."""
    liquid = np.where(liquid < np.float32(threshold), np.float32(0.0), liquid)
    levels = np.clip(liquid * np.float32(255.0), 0.0, 255.0).astype(np.uint8)
    far = cv2.distanceTransform(255 - cv2.Canny(levels, 50, 150), cv2.DIST_L2, 5)
    far = cv2.blur(np.minimum(far, 20.0), (3, 3))
    even = cv2.equalizeHist(far.astype(np.uint8))
    lit = cv2.filter2D(even, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.float32))
    drops = liquid * cv2.blur(lit, (3, 3)).astype(np.float32)
    top = float(drops.max())
    return drops * np.float32(1.0 / top) if top > 0.0 else drops  # type: ignore[no-any-return]


def _mud(
    liquid: NDArray[np.float32], threshold: float, sigma: float, intensity: float
) -> NDArray[np.float32]:
    """Give how much of the picture the mud covers, from 0 to 1."""
    thick = (liquid > np.float32(threshold)).astype(np.float32)
    soft = cv2.GaussianBlur(thick, (0, 0), sigma) if sigma > 0.0 else thick
    return np.where(soft < np.float32(MUD), np.float32(0.0), soft) * np.float32(intensity)
