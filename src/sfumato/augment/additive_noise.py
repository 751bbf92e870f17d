"""Add noise of a law that one can choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import add_field, draw_seed, enlarge, normal_field, uniform_field
from sfumato.augment._levels import add_by_channel
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range
from sfumato.errors import RangeError, SpecError

__all__ = ["AdditiveNoise"]

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "uniform": {"ranges": ((-0.1, 0.1),)},
    "gaussian": {"mean_range": (0.0, 0.0), "std_range": (0.05, 0.15)},
    "laplace": {"mean_range": (0.0, 0.0), "scale_range": (0.05, 0.15)},
    "beta": {"alpha_range": (0.5, 1.5), "beta_range": (0.5, 1.5), "scale_range": (0.1, 0.3)},
}
LIMITS = {
    "ranges": (-1.0, 1.0),
    "mean_range": (-1.0, 1.0),
    "std_range": (0.0, 1.0),
    "scale_range": (0.0, 1.0),
    "alpha_range": (1e-6, 1e6),
    "beta_range": (1e-6, 1e6),
}


class AdditiveNoise(PixelTransform):
    """Add noise of a law that one can choose; all amounts are shares of white.

    Args:
        noise_type: the law. ``beta`` is the beta law moved to -1..1 and scaled.
        spatial_mode: ``constant`` adds one number to each channel, ``shared`` one to each
            pixel, ``per_pixel`` one to each value.
        noise_params: ``ranges`` (one pair, or one a channel) for ``uniform``; ``mean_range``
            and ``std_range`` for ``gaussian``; ``mean_range`` and ``scale_range`` for
            ``laplace``; ``alpha_range``, ``beta_range`` and ``scale_range`` for ``beta``.
            What is left out has a default.
        approximation: the noise is drawn at this share of the size and enlarged.

    Raises:
        SpecError: a parameter that the law does not have.
        RangeError: a parameter out of its bounds, or ranges for other channels.

    Example:
        >>> op = AdditiveNoise("uniform", "constant", {"ranges": [(0.25, 0.25)]}, p=1)
        >>> op(np.full((1, 1, 1), 0.5, np.float32)).item()
        0.75
    """

    noise_type: Literal["uniform", "gaussian", "laplace", "beta"] = "uniform"
    spatial_mode: Literal["constant", "per_pixel", "shared"] = "constant"
    noise_params: Mapping[str, Any] | None = None
    approximation: Annotated[float, Between(1e-3, 1.0)] = 1.0

    def check(self) -> None:
        known = DEFAULTS[self.noise_type]
        for name, value in (self.noise_params or {}).items():
            if name == "noise_type" and value == self.noise_type:
                continue
            if name not in known:
                raise SpecError(
                    f"AdditiveNoise.noise_params: '{name}' is unknown for {self.noise_type}",
                    hint=f"it takes {', '.join(known)}",
                )
            low, high = LIMITS[name]
            pairs = np.atleast_2d(np.asarray(value, np.float64))
            if pairs.shape[1] != 2 or not ((pairs >= low) & (pairs <= high)).all():
                raise RangeError(
                    f"AdditiveNoise.noise_params: {name} {value} is no range in [{low:g}, {high:g}]"
                )
            if (pairs[:, 0] > pairs[:, 1]).any():
                raise RangeError(f"AdditiveNoise.noise_params: the range {name} {value} is empty")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        settings = {**DEFAULTS[self.noise_type], **(self.noise_params or {})}
        params: Params = {
            name.removesuffix("_range"): float(rng.uniform(*settings[name]))
            for name in settings
            if name.endswith("_range")
        }
        if self.spatial_mode == "constant":
            channels = targets.image.shape[2]
            params["shifts"] = self._numbers(rng, params, (channels,)).tolist()
            return params
        return {**params, "seed": draw_seed(rng)}

    def _ranges(self, channels: int) -> NDArray[np.float64]:
        given = {**DEFAULTS["uniform"], **(self.noise_params or {})}["ranges"]
        pairs = np.atleast_2d(np.asarray(given, np.float64))
        if len(pairs) not in (1, channels) and not (channels == 1 and len(pairs) >= 1):
            raise RangeError(
                f"AdditiveNoise.noise_params: {len(pairs)} ranges for {channels} channels"
            )
        return pairs[:channels]

    def _numbers(self, rng: Rng, params: Params, shape: tuple[int, ...]) -> NDArray[Any]:
        if self.noise_type == "uniform":
            pairs = self._ranges(shape[-1])
            return rng.uniform(pairs[:, 0], pairs[:, 1], shape)
        if self.noise_type == "gaussian":
            return rng.normal(params["mean"], params["std"], shape)
        if self.noise_type == "laplace":
            return rng.laplace(params["mean"], params["scale"], shape)
        return (2.0 * rng.beta(params["alpha"], params["beta"], shape) - 1.0) * params["scale"]  # type: ignore[no-any-return]

    def _field(self, params: Params, shape: tuple[int, int, int]) -> NDArray[np.float32]:
        seed = params["seed"]
        if self.noise_type == "gaussian":
            return normal_field(seed, shape) * np.float32(params["std"]) + np.float32(
                params["mean"]
            )
        if self.noise_type == "uniform":
            pairs = self._ranges(shape[2]).astype(np.float32)
            low, high = pairs[:, 0], pairs[:, 1]
            return uniform_field(seed, shape) * (high - low) + low
        drawn = self._numbers(np.random.default_rng(seed), params, shape)
        return drawn.astype(np.float32)

    def change_image(self, image: Image, params: Params) -> Image:
        white = np.float32(full_range(image.dtype))
        if "shifts" in params:
            return add_by_channel(image, np.array(params["shifts"], np.float32) * white)
        height, width, channels = image.shape
        channels = 1 if self.spatial_mode == "shared" else channels
        if self.approximation < 1.0:
            small = (
                max(1, int(height * self.approximation)),
                max(1, int(width * self.approximation)),
                channels,
            )
            field = enlarge(self._field(params, small), height, width)
        else:
            field = self._field(params, (height, width, channels))
        return add_field(image, field * white)
