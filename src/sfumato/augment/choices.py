"""Compositions that choose: one of several, some of them, in some order."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._targets import Targets
from sfumato.augment.base_compose import BaseCompose, run_step
from sfumato.augment.transform import Trace
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import RangeError

__all__ = ["OneOf", "OneOrOther", "RandomOrder", "Sequential", "SomeOf"]


class Sequential(BaseCompose):
    """Run several steps together or not at all, inside another composition.

    Args:
        transforms: the steps.
        p: the share of calls in which they run.
    """

    p: Annotated[float, Between(0.0, 1.0)] = 0.5

    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        for step in self.transforms:
            run_step(step, targets, rng, trace)


class OneOf(BaseCompose):
    """Run one of several steps; the steps' own ``p`` say how often each is chosen.

    Args:
        transforms: the steps; the one that is chosen runs for certain.
        p: the share of calls in which one runs.

    Raises:
        RangeError: no step can be chosen.
    """

    p: Annotated[float, Between(0.0, 1.0)] = 0.5

    def check(self) -> None:
        super().check()
        object.__setattr__(self, "_bounds", _cumulated_weights(self))

    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        if self.transforms:
            chosen = int(np.searchsorted(self.__dict__["_bounds"], rng.random(), side="right"))
            run_step(self.transforms[chosen], targets, rng, trace, force=True)


class OneOrOther(BaseCompose):
    """Run the one step or the other, never both.

    Args:
        transforms: two steps, if they are not given as ``first`` and ``second``.
        p: how often it is the first.
    """

    p: Annotated[float, Between(0.0, 1.0)] = 0.5

    order = ("first", "second", "transforms", "p")
    _example = {"transforms": (Sequential(transforms=()), Sequential(transforms=()))}

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        first, second = settings.pop("first", None), settings.pop("second", None)
        if first is not None or second is not None:
            settings["transforms"] = (first, second)
        return settings

    def check(self) -> None:
        super().check()
        if len(self.transforms) != 2:
            raise RangeError(f"OneOrOther chooses between 2 steps, got {len(self.transforms)}")

    def advance(
        self, targets: Targets, rng: Rng, trace: Trace | None = None, *, force: bool = False
    ) -> None:
        run_step(self.transforms[int(rng.random() >= self.p)], targets, rng, trace, force=True)

    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        self.advance(targets, rng, trace)


class SomeOf(BaseCompose):
    """Run some of several steps, in the order in which they are written.

    In albumentations 2.0 every step is as likely and the chosen ones still toss their own
    coins; in 1.3 the steps' ``p`` were weights and the chosen ones ran for certain, which is
    what ``forced`` does.

    Args:
        transforms: the steps.
        n: how many are chosen, or a range.
        replace: the same step may be chosen again.
        p: the share of calls in which any runs.
        forced: the steps' ``p`` are weights, and the chosen steps run for certain.
    """

    n: Annotated[int | tuple[int, int], Between(0)] = 1
    replace: bool = False
    forced: bool = False

    order = ("transforms", "n", "replace", "p", "forced")
    defaults_1_3 = {"replace": True, "forced": True}
    _example = {"transforms": (), "n": 0}

    def check(self) -> None:
        super().check()
        most = self.n if isinstance(self.n, int) else self.n[1]
        if not self.replace and most > len(self.transforms):
            raise RangeError(
                f"{type(self).__name__}: n is {most}, but there are {len(self.transforms)} steps",
                hint="choose fewer, or set replace=True",
            )

    def _choose(self, rng: Rng) -> list[int]:
        count = self.n if isinstance(self.n, int) else int(rng.integers(self.n[0], self.n[1] + 1))
        weights = None
        if self.forced:
            weights = np.diff(_cumulated_weights(self), prepend=0.0)
        chosen = rng.choice(len(self.transforms), size=count, replace=self.replace, p=weights)
        return [int(k) for k in chosen]

    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        if self.transforms:
            for k in sorted(self._choose(rng)):
                run_step(self.transforms[k], targets, rng, trace, force=self.forced)


class RandomOrder(SomeOf):
    """Run some of several steps, in any order.

    Args:
        transforms: the steps.
        n: how many are chosen, or a range.
        replace: the same step may be chosen again.
        p: the share of calls in which any runs.
        forced: the steps' ``p`` are weights, and the chosen steps run for certain.
    """

    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        if self.transforms:
            for k in self._choose(rng):
                run_step(self.transforms[k], targets, rng, trace, force=self.forced)


def _cumulated_weights(composition: BaseCompose) -> Any:
    weights = np.array([getattr(step, "p", 1.0) for step in composition.transforms], np.float64)
    if len(weights) and not weights.sum() > 0:
        raise RangeError(
            f"{type(composition).__name__}: every step has p=0, so none can be chosen",
            hint="the steps' p say how often each is chosen",
        )
    bounds = np.cumsum(weights) / max(weights.sum(), 1e-300)
    if len(bounds):
        bounds[-1] = 1.0
    return bounds
