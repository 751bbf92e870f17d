"""Blur a picture by a kernel of one of six kinds, or by a ringing one."""

from __future__ import annotations

import math
from typing import Annotated, Any

from sfumato.augment._kernels import KernelSize, bell, check_odd, convolve, draw_odd, plateau, sinc
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image
from sfumato.errors import RangeError

__all__ = ["DegradeBlur"]

KINDS = (
    "iso", "aniso", "generalized_iso", "generalized_aniso", "plateau_iso", "plateau_aniso",
)  # fmt: skip
SMALL = 13
"""Kernels below this size ring at higher frequencies only."""
Positive = Annotated[tuple[float, float], Between(1e-3, 1e3)]


class DegradeBlur(PixelTransform):
    """Blur a picture by a kernel of one of six kinds, or by a ringing one.

    The kinds are the Gaussian exp(-d^2 / 2), the generalized exp(-d^(2 b) / 2) and the plateau
    1 / (1 + d^(2 b)), each round, or with two deviations along turned axes. The ringing one is
    the low pass that ends at a radius in frequency.

    Args:
        size_range: side of the kernel in pixels, an odd number drawn from here.
        kinds: weights of round, uneven, generalized round, generalized uneven, round plateau
            and uneven plateau.
        sinc_prob: the chance of the ringing kernel instead.
        sigma_range: deviations in pixels, drawn from here.
        beta_range: b of the generalized kinds, drawn from here, below and above 1 equally often.
        plateau_range: b of the plateaus, likewise.

    Raises:
        RangeError: no odd size from 3 on, or no weight above 0.

    Example:
        >>> DegradeBlur(p=1)(np.full((16, 16, 3), 90, np.uint8)).max()
        np.uint8(90)

    References:
        X. Wang, L. Xie, C. Dong, Y. Shan. Real-ESRGAN: Training Real-World Blind
        Super-Resolution with Pure Synthetic Data. ICCV Workshops 2021. arXiv:2107.10833
    """

    size_range: KernelSize = (7, 21)
    kinds: Annotated[tuple[float, float, float, float, float, float], Between(0.0, 1e3)] = (
        0.45, 0.25, 0.12, 0.03, 0.12, 0.03,
    )  # fmt: skip
    sinc_prob: Annotated[float, Between(0.0, 1.0)] = 0.1
    sigma_range: Positive = (0.2, 3.0)
    beta_range: Positive = (0.5, 4.0)
    plateau_range: Positive = (1.0, 2.0)
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    blind = True

    def check(self) -> None:
        check_odd(self.size_range, "DegradeBlur.size_range")
        if sum(self.kinds) <= 0.0:
            raise RangeError("DegradeBlur.kinds: one weight at least must be above 0")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return self.draw_kernel(rng)

    def draw_kernel(self, rng: Rng) -> Params:
        """Draw what describes one kernel."""
        size = draw_odd(rng, self.size_range)
        if rng.random() < self.sinc_prob:
            low = math.pi / 3.0 if size < SMALL else math.pi / 5.0
            return {"kind": "sinc", "size": size, "cutoff": rng.uniform(low, math.pi)}
        total = sum(self.kinds)
        kind = KINDS[int(rng.choice(len(KINDS), p=[weight / total for weight in self.kinds]))]
        sigma = rng.uniform(*self.sigma_range)
        uneven = kind.endswith("aniso")
        params = {
            "kind": kind,
            "size": size,
            "sigmas": [sigma, rng.uniform(*self.sigma_range) if uneven else sigma],
            "degrees": rng.uniform(-180.0, 180.0) if uneven else 0.0,
            "beta": 1.0,
        }
        if kind.startswith("generalized"):
            params["beta"] = _about_one(rng, self.beta_range)
        elif kind.startswith("plateau"):
            params["beta"] = _about_one(rng, self.plateau_range)
        return params

    def change_image(self, image: Image, params: Params) -> Image:
        return blur(image, params)


def _about_one(rng: Rng, limits: tuple[float, float]) -> float:
    """Draw from below 1 or from above, each half of the time, as far as the limits reach."""
    low, high = limits
    below = rng.random() < 0.5
    if below and low < 1.0:
        return float(rng.uniform(low, min(high, 1.0)))
    return float(rng.uniform(max(low, min(1.0, high)), high))


def blur(image: Image, params: Any) -> Image:
    """Blur by the kernel that a record describes."""
    size = params["size"]
    if params["kind"] == "sinc":
        return convolve(image, sinc(size, params["cutoff"]))
    shape = plateau if params["kind"].startswith("plateau") else bell
    along, across = params["sigmas"]
    return convolve(image, shape(size, along, across, params["degrees"], params["beta"]))
