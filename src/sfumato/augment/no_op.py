"""Do nothing."""

from __future__ import annotations

from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import Transform

__all__ = ["NoOp"]


class NoOp(Transform):
    """Leave everything as it is: a place holder, or the other outcome of `OneOf`."""

    blind = True

    def work(self, targets: Targets, params: Params) -> None:
        """Nothing to do."""
