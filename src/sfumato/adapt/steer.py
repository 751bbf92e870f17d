"""An adapter at work: with its hint, in its part of the way from noise to picture."""

from __future__ import annotations

from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.core.tensors import Tensor, torch
from sfumato.errors import RangeError
from sfumato.generate.asked import Asked
from sfumato.generate.residuals import Residuals

__all__ = ["GUESS_DECAY", "Steer", "guess_strengths"]

GUESS_DECAY = 0.825
"""In guess mode each feature towards the outside is weaker by this factor."""


def guess_strengths(count: int) -> list[float]:
    """Give the strengths of guess mode: 1 for the middle, weaker for each feature before it.

    Example:
        >>> [round(s, 3) for s in guess_strengths(3)]
        [0.681, 0.825, 1.0]
    """
    return [GUESS_DECAY ** (count - 1 - k) for k in range(count)]


class Steer:
    """Steer a diffusion by a hint: what `Diffusion.predict` takes as ``adapters=``.

    Several are given as a list of pairs, each with its strength, and add up:
    ``adapters=[(Steer(control, edges), 0.8), (Steer(pyramid, depth), 0.5)]``.
    Features that depend on the hint alone are worked out once a picture.

    Args:
        adapter: reads the hint.
        hint: (n, c, h, w), values in 0..1; one for each picture, or one for all.
        window: it acts from the first to the second share of the way from noise (0) to
            picture (1); (0, 0.5) decides on forms and leaves details free.
        guess_mode: the branch without the prompt gets no features, and those of the
            other are weaker towards the outside: the picture follows the hint without
            words. Needs a guidance other than 1.

    Raises:
        RangeError: a window outside 0..1 or turned round.

    References:
        L. Zhang, A. Rao, M. Agrawala. Adding Conditional Control to Text-to-Image
        Diffusion Models. ICCV, 2023, and its official implementation (guess mode).
    """

    def __init__(
        self,
        adapter: HintAdapter,
        hint: Tensor,
        *,
        window: tuple[float, float] = (0.0, 1.0),
        guess_mode: bool = False,
    ) -> None:
        start, end = window
        if not 0.0 <= start < end <= 1.0:
            raise RangeError(
                f"Steer.window: {window} is no part of the way from 0 to 1",
                hint="(0, 1) is the whole way, (0, 0.5) its first half",
            )
        self.adapter, self.hint = adapter, hint
        self.window, self.guess_mode = window, guess_mode
        self._kept: Residuals | None = None
        self._kept_at = 0.0

    def __call__(self, asked: Asked) -> Residuals | None:
        """Give the features for one question to the U-Net, or None outside the window."""
        start, end = self.window
        if not (start <= asked.progress and (asked.progress < end or end == 1.0)):
            return None
        if not self.guess_mode:
            return self._said(asked)
        said = self._said(asked.guided)
        if said.down:
            said = said * guess_strengths(len(said.down) + (said.middle is not None))
        return _silent_before(said, asked.unguided)

    def _said(self, asked: Asked) -> Residuals:
        kept, before = self._kept, self._kept_at
        self._kept_at = asked.progress
        # A sampler only goes forwards: what was kept is of an earlier picture else.
        begun = asked.progress == 0.0 or asked.progress < before
        if kept is not None and not begun and len(kept.levels[0]) == len(asked.x):
            return kept
        said: Residuals = self.adapter(asked.repeated(self.hint.to(asked.x)), asked)
        self._kept = said if self.adapter.once and said.levels else None
        return said


def _silent_before(said: Residuals, count: int) -> Residuals:
    """Say nothing to the first ``count`` pictures of the batch."""

    def after(feature: Tensor) -> Tensor:
        silence = torch.zeros_like(feature[:1]).expand(count, *feature.shape[1:])
        return torch.cat([silence, feature])

    middle = None if said.middle is None else after(said.middle)
    return Residuals(tuple(map(after, said.down)), middle, tuple(map(after, said.levels)))
