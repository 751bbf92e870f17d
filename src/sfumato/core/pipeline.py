"""Operators made of operators: a pipeline, a coin toss, a choice."""

from __future__ import annotations

from typing import Annotated, Self

from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.spec import from_yaml
from sfumato.errors import FieldError, RangeError, SpecError

__all__ = ["Maybe", "OneOf", "Pipeline"]


class Pipeline(Operator):
    """Send a sample through several operators, one after the other.

    Each step draws from its own stream of random numbers, so what one step
    draws never depends on the others.

    Args:
        steps: the operators, first to last.

    Example:
        >>> import sfumato as sf
        >>> half = sf.Pipeline(steps=(sf.raster.Resize(long_side_px=8),))
        >>> half(np.zeros((12, 16, 3), np.uint8)).shape
        (6, 8, 3)
    """

    _example = {"steps": ()}

    steps: tuple[Operator, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the steps read and no earlier step wrote."""
        return tuple(self._wanted_by())

    @property
    def outputs(self) -> tuple[str, ...]:
        """What any step writes, in order."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.outputs))

    def _wanted_by(self) -> dict[str, int]:
        wanted: dict[str, int] = {}
        written: set[str] = set()
        for k, step in enumerate(self.steps):
            for name in step.inputs:
                if name not in written:
                    wanted.setdefault(name, k)
            written |= set(step.outputs)
        return wanted

    def _run(self, sample: Sample, rng: Rng) -> Sample:
        for name, k in self._wanted_by().items():
            step = type(self.steps[k]).__name__
            sample.require(name, f"{step} (step {k + 1} of {len(self.steps)})")
        return super()._run(sample, rng)

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        for k, (step, stream) in enumerate(
            zip(self.steps, rng.spawn(len(self.steps)), strict=True)
        ):
            try:
                sample = step.apply(sample, stream)
            except Exception as error:
                error.add_note(f"in step {k + 1} of {len(self.steps)}: {step}")
                raise
        return sample

    @classmethod
    def from_yaml(cls, text: str, *, trust: tuple[str, ...] = ()) -> Self:
        """Read a recipe: a pipeline, one operator, or a list of operators.

        Raises:
            SpecError: the recipe cannot be understood.
        """
        built = from_yaml(text, trust=trust)
        if isinstance(built, Operator):
            built = built if isinstance(built, cls) else cls(steps=(built,))
        elif isinstance(built, tuple) and built and all(isinstance(s, Operator) for s in built):
            built = cls(steps=built)
        if not isinstance(built, cls):
            raise SpecError(
                "the recipe does not name an operator",
                hint="write one operator a line: '- raster.Resize: {long_side_px: 1200}', "
                "and '- package.module:Class: {}' for your own",
            )
        return built


class Maybe(Operator):
    """Apply an operator to some pictures and pass the others through.

    Args:
        op: the operator.
        p: the share of pictures that it is applied to.
    """

    op: Operator
    p: Annotated[float, Between(0.0, 1.0)] = 0.5

    _example = {"op": Pipeline(steps=())}

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the operator needs."""
        return self.op.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Nothing for certain: the operator may be passed by."""
        return ()

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        return self.op.apply(sample, rng) if rng.random() < self.p else sample


class OneOf(Operator):
    """Apply one operator, chosen by chance.

    Args:
        ops: the operators to choose from.
        weights: how often each is chosen, in any unit; equally often if none.

    Raises:
        RangeError: the weights are not one positive sum over the operators.
    """

    ops: tuple[Operator, ...]
    weights: Annotated[tuple[float, ...], Between(0.0)] | None = None

    _example = {"ops": (Pipeline(steps=()),)}

    def check(self) -> None:
        if not self.ops:
            raise FieldError("OneOf: 'ops' is empty", hint="name at least one operator")
        if self.weights is not None and (
            len(self.weights) != len(self.ops) or not any(self.weights)
        ):
            raise RangeError(
                f"OneOf: {len(self.weights)} weights for {len(self.ops)} operators",
                hint="give one weight an operator, at least one above 0",
            )

    @property
    def inputs(self) -> tuple[str, ...]:
        """What any of the operators needs."""
        return tuple(dict.fromkeys(name for op in self.ops for name in op.inputs))

    @property
    def outputs(self) -> tuple[str, ...]:
        """What all of the operators write."""
        first, *others = self.ops
        return tuple(n for n in first.outputs if all(n in op.outputs for op in others))

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        weights = self.weights or (1.0,) * len(self.ops)
        total = sum(weights)
        chosen = rng.choice(len(self.ops), p=[w / total for w in weights])
        return self.ops[int(chosen)].apply(sample, rng)
