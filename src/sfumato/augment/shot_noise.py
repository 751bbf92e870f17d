"""Let light arrive in photons."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import draw_seed
from sfumato.augment._counts import counts_by_level, poisson_table
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, to_unit

__all__ = ["ShotNoise"]

GAMMA = 2.2
TABLE_PHOTONS = 1000.0
"""White of more photons than this is left to the noise model itself."""


class ShotNoise(PixelTransform):
    """Let light arrive in photons: the Poisson law on linear light.

    Values are made linear by the power 2.2; what a pixel reads is then that of the
    `NoiseModel` whose gain is the drawn scale, without read noise, ended at white.

    Args:
        scale_range: light of one photon, a share of white, is drawn from here: white is
            1 / scale photons.

    Example:
        >>> out = ShotNoise((0.01, 0.01), p=1)(np.full((64, 64, 1), 0.5, np.float32), rng=0)
        >>> linear = out**2.2
        >>> bool(abs(linear.var() / linear.mean() / 0.01 - 1) < 0.1)
        True
    """

    scale_range: Annotated[tuple[float, float], Between(1e-6, 1e3)] = (0.1, 0.3)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"scale": rng.uniform(*self.scale_range), "seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        law = NoiseModel(gain=(params["scale"],), read_noise=(0.0,), white=(1.0,))
        if image.dtype == np.uint8 and law.gain[0] * TABLE_PHOTONS >= 1.0:
            return _by_table(image, law, params["seed"])
        linear = to_unit(image) ** np.float32(GAMMA)
        noisy = law.apply(linear, params["seed"])
        return from_unit(noisy ** np.float32(1.0 / GAMMA), image.dtype)


def _by_table(image: Image, law: NoiseModel, seed: int) -> Image:
    """Draw the counts of `NoiseModel.apply` by level: 8 bits have but 256 means."""
    gain, white = law.gain[0], law.white[0]
    means = (np.arange(256) / 255.0) ** GAMMA / gain
    cumulative, starts = poisson_table(tuple(means.tolist()))
    seen: NDArray[np.float64] = np.minimum(np.arange(math.ceil(white / gain) + 1) * gain, white)
    levels = np.rint(seen ** (1.0 / GAMMA) * 255.0).astype(np.uint8)
    values = np.ascontiguousarray(image).reshape(-1)
    out = np.empty_like(values)
    counts_by_level(values, np.uint64(seed), cumulative, starts, levels, out)
    return out.reshape(image.shape)
