"""Add noise as a sensor does: of the readout, or of the photons."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._chance import draw_seed
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, to_unit

__all__ = ["DegradeNoise"]

LEVELS = 256.0


class DegradeNoise(PixelTransform):
    """Add noise as a sensor does, following `NoiseModel`: of the readout, or of the photons.

    Readout noise has a deviation in levels of 8 bits. Photon noise of the scale s has the
    variance s^2 v / 256 on the unit range: the Poisson law with the gain s^2 / 256.

    Args:
        gaussian_prob: the chance of readout noise; else it is photon noise.
        sigma_range: deviation of readout noise in levels of 8 bits, drawn from here.
        poisson_range: s is drawn from here.
        gray_prob: the chance that all channels get the same noise, that of their mean.

    Example:
        >>> flat = np.full((64, 64, 3), 0.5, np.float32)
        >>> noisy = DegradeNoise(gaussian_prob=1, sigma_range=(25.5, 25.5), gray_prob=0, p=1)
        >>> bool(abs(noisy(flat, rng=0).std() - 0.1) < 0.005)
        True

    References:
        X. Wang, L. Xie, C. Dong, Y. Shan. Real-ESRGAN: Training Real-World Blind
        Super-Resolution with Pure Synthetic Data. ICCV Workshops 2021. arXiv:2107.10833
    """

    gaussian_prob: Annotated[float, Between(0.0, 1.0)] = 0.5
    sigma_range: Annotated[tuple[float, float], Between(0.0, 255.0)] = (1.0, 30.0)
    poisson_range: Annotated[tuple[float, float], Between(0.0, 100.0)] = (0.05, 3.0)
    gray_prob: Annotated[float, Between(0.0, 1.0)] = 0.4
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return self.draw_noise(rng)

    def draw_noise(self, rng: Rng) -> Params:
        """Draw what describes one noise."""
        gaussian = rng.random() < self.gaussian_prob
        limits = self.sigma_range if gaussian else self.poisson_range
        return {
            "kind": "gaussian" if gaussian else "poisson",
            "amount": rng.uniform(*limits),
            "gray": bool(rng.random() < self.gray_prob),
            "seed": draw_seed(rng),
        }

    def change_image(self, image: Image, params: Params) -> Image:
        return from_unit(add_noise(np.clip(to_unit(image), 0.0, 1.0), params), image.dtype)


def law_of(params: Any) -> NoiseModel:
    """Give the noise model, on the unit range, that a record describes."""
    amount = params["amount"]
    if params["kind"] == "gaussian":
        return NoiseModel(gain=(0.0,), read_noise=(amount / 255.0,), white=(1.0,))
    return NoiseModel(gain=(amount**2 / LEVELS,), read_noise=(0.0,), white=(1.0,))


def add_noise(unit: Image, params: Any) -> Image:
    """Add the noise that a record describes to a float picture, ended at 0 and 1."""
    law = law_of(params)
    if not params["gray"] or unit.shape[2] == 1:
        return np.clip(law.apply(unit, params["seed"], clip=False), 0.0, 1.0)  # type: ignore[no-any-return]
    if unit.shape[2] == 3:
        plane = cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY)
    else:
        plane = unit.mean(axis=2)
    noise = law.apply(plane, params["seed"], clip=False) - plane
    return np.clip(unit + noise[..., None], 0.0, 1.0)  # type: ignore[no-any-return]
