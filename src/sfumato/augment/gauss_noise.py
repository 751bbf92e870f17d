"""Add noise of the normal law."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from sfumato.augment._chance import add_field, add_normal, coarse, draw_seed
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["GaussNoise"]


def _from_variance(limit: Any) -> Any:
    """Read a variance in levels of 8 bits as a deviation, a share of white."""
    ends = (0.0, limit) if isinstance(limit, (int, float)) else limit
    return tuple(math.sqrt(end) / 255.0 for end in ends)


def _from_mean(mean: Any) -> Any:
    ends = (mean, mean) if isinstance(mean, (int, float)) else mean
    return tuple(end / 255.0 for end in ends)


class GaussNoise(PixelTransform):
    """Add noise of the normal law to every value.

    Args:
        std_range: the deviation, a share of white, is drawn from here.
        mean_range: the mean, a share of white, is drawn from here.
        per_channel: draw anew for each channel; else all channels get the same noise.
        noise_scale_factor: the noise is drawn at this share of the size and enlarged.

    Example:
        >>> grey = np.full((64, 64, 1), 0.5, np.float32)
        >>> bool(abs(GaussNoise((0.1, 0.1), p=1)(grey, rng=0).std() - 0.1) < 0.01)
        True
    """

    std_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.2, 0.44)
    mean_range: Annotated[tuple[float, float], Between(-1.0, 1.0)] = (0.0, 0.0)
    per_channel: bool = True
    noise_scale_factor: Annotated[float, Between(1e-3, 1.0)] = 1.0

    legacy = {"var_limit": ("std_range", _from_variance), "mean": ("mean_range", _from_mean)}
    defaults_1_3 = {"std_range": _from_variance((10.0, 50.0))}
    order_1_3 = ("var_limit", "mean", "per_channel", "p")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        std, mean = rng.uniform(*self.std_range), rng.uniform(*self.mean_range)
        return {"std": std, "mean": mean, "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        white = full_range(image.dtype)
        std, mean = params["std"] * white, params["mean"] * white
        if self.per_channel and self.noise_scale_factor == 1.0:
            return add_normal(image, mean, std, params["seed"])
        height, width, channels = image.shape
        shape = (height, width, channels if self.per_channel else 1)
        noise = coarse(params["seed"], shape, self.noise_scale_factor)
        return add_field(image, noise * np.float32(std) + np.float32(mean))
