"""What all compositions share: steps, a share of calls, and how a step is run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any, Self

import numpy as np

from sfumato.augment._calls import call_by_name
from sfumato.augment._declare import Bilingual
from sfumato.augment._streams import as_generator
from sfumato.augment._targets import Targets
from sfumato.augment._vocabulary import as_tuple
from sfumato.augment.transform import Trace
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.errors import SpecError

__all__ = ["BaseCompose", "run_step"]


class BaseCompose(Bilingual, Operator):
    """Several steps under one roof; base of all compositions.

    A step is a transform, another composition, a transform of your own in the style of
    albumentations, or any operator of sfumato.

    Args:
        transforms: the steps.
        p: the share of calls in which anything is done.
    """

    transforms: tuple[Any, ...]
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    writes = ("image", "target", "hint", "mask", "depth", "keypoints", "boxes")
    shorthand = {"transforms": as_tuple}
    _example = {"transforms": ()}

    def check(self) -> None:
        for k, step in enumerate(self.transforms):
            usable = hasattr(step, "advance") or isinstance(step, Operator)
            if isinstance(step, type) or not usable:
                raise SpecError(
                    f"{type(self).__name__}: step {k + 1} is no transform: {step!r}",
                    hint="put parentheses behind its name, to build one"
                    if isinstance(step, type)
                    else None,
                )

    @abstractmethod
    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        """Run the steps, or some of them; the coin has already been tossed."""

    def advance(
        self, targets: Targets, rng: Rng, trace: Trace | None = None, *, force: bool = False
    ) -> None:
        """Toss the coin, and act."""
        if force or self.p >= 1.0 or rng.random() < self.p:
            self.act(targets, rng, trace)

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        targets = Targets.of_sample(sample)
        self.advance(targets, rng)
        targets.settle()
        return targets.to_sample(sample)

    def __call__(self, picture: Any = None, /, rng: Any = None, **fields: Any) -> Any:
        """See `Operator`; without ``rng`` chance comes from the stream of this process."""
        generator = as_generator(rng)
        if picture is not None:
            return super().__call__(picture, generator, **fields)
        return call_by_name(self, fields, generator)

    def __len__(self) -> int:
        return len(self.transforms)

    def __getitem__(self, index: int) -> Any:
        return self.transforms[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.transforms)

    def _with(self, transforms: tuple[Any, ...]) -> Self:
        return type(self)(**{**self.config, "transforms": transforms})

    def __add__(self, other: Any) -> Self:
        """Append one step, or several."""
        return self._with((*self.transforms, *_as_steps(other)))

    def __radd__(self, other: Any) -> Self:
        """Put one step, or several, in front."""
        return self._with((*_as_steps(other), *self.transforms))

    def __sub__(self, other: type[Any]) -> Self:
        """Leave out the first step of a class."""
        for k, step in enumerate(self.transforms):
            if type(step) is other:
                return self._with((*self.transforms[:k], *self.transforms[k + 1 :]))
        raise SpecError(f"{type(self).__name__} has no step {getattr(other, '__name__', other)!r}")


def _as_steps(other: Any) -> tuple[Any, ...]:
    return tuple(other) if isinstance(other, (list, tuple)) else (other,)


def run_step(
    step: Any, targets: Targets, rng: Rng, trace: Trace | None, *, force: bool = False
) -> None:
    """Run one step of any kind on the targets."""
    advance = getattr(step, "advance", None)
    if advance is not None:
        advance(targets, rng, trace, force=force)
        return
    targets.settle()
    _run_operator(step, targets, rng)
    if targets.tidy is not None:
        targets.tidy(targets)


def _run_operator(operator: Operator, targets: Targets, rng: Rng) -> None:
    """Let an operator that knows only samples work on the main picture and what lies on it."""
    name = next(iter(targets.images))
    fields: dict[str, Any] = {
        key: group[key]
        for key, group in (("mask", targets.masks),)
        if key in group and group[key].ndim == 2
    }
    for key, group in (("boxes", targets.boxes), ("keypoints", targets.keypoints)):
        table = next(iter(group.values()), None)
        if table is not None:
            fields[key] = table
    result = operator.apply(Sample(targets.image, **fields), rng)
    targets.images[name] = result.image
    if "mask" in fields and result.mask is not None:
        targets.masks["mask"] = result.mask
    for key, group in (("boxes", targets.boxes), ("keypoints", targets.keypoints)):
        if key in fields:
            group[next(iter(group))] = np.asarray(getattr(result, key), np.float64)
    targets.size = result.size
