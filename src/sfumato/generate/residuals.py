"""What an adapter says to a U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sfumato.core.tensors import Tensor
from sfumato.errors import ShapeError

__all__ = ["Residuals"]


@dataclass(frozen=True, eq=False)
class Residuals:
    """Features that are added inside a U-Net. Several adapters are a weighted sum.

    ``control * 0.8 + sketch * 0.5`` adds two adapters of any kind. Nothing is
    consumed: the same residuals serve every step of a sampler.

    Args:
        down: added to what the encoder hands to the decoder, one for each skip
            (ControlNet); the encoder itself does not see them.
        middle: added after the middle.
        levels: added inside the encoder to the last feature of each size, before it
            is halved and handed over (T2I-Adapter).
    """

    down: tuple[Tensor, ...] = ()
    middle: Tensor | None = None
    levels: tuple[Tensor, ...] = ()

    def __add__(self, other: Residuals) -> Residuals:
        """Give the sum.

        Raises:
            ShapeError: both have features of one kind, in different numbers.
        """
        return Residuals(
            _sum_of(self.down, other.down),
            _one(self.middle, other.middle),
            _sum_of(self.levels, other.levels),
        )

    def __mul__(self, strength: float | Sequence[float]) -> Residuals:
        """Give all features times a strength, or each skip (and the middle) times its own.

        Raises:
            ShapeError: strengths in another number than skips and the middle.
        """
        if not isinstance(strength, Sequence):
            one = float(strength)  # NumPy's numbers too
            return self.weighted([one] * len(self.down), one, one)
        strengths = list(strength)
        wanted = len(self.down) + (self.middle is not None)
        if len(strengths) != wanted:
            raise ShapeError(f"these residuals need {wanted} strengths, got {len(strengths)}")
        return self.weighted(strengths[: len(self.down)], strengths[-1], 1.0)

    __rmul__ = __mul__

    def weighted(self, down: Sequence[float], middle: float, levels: float) -> Residuals:
        """Give the features times a strength for each skip, the middle, and the levels."""
        return Residuals(
            tuple(weight * feature for weight, feature in zip(down, self.down, strict=True)),
            None if self.middle is None else middle * self.middle,
            tuple(levels * feature for feature in self.levels),
        )


def _one(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _sum_of(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if not a or not b:
        return a or b
    if len(a) != len(b):
        raise ShapeError(
            f"residuals with {len(a)} and with {len(b)} features are of different U-Nets"
        )
    return tuple(x + y for x, y in zip(a, b, strict=True))
