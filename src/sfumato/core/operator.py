"""Operators: a picture goes in, a picture comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, stack_frames
from sfumato.core.spec import Configured
from sfumato.errors import DtypeError, FieldError, ShapeError

__all__ = ["ImageOperator", "Operator", "Rng"]

Rng: TypeAlias = np.random.Generator

KEYWORDS = {"bboxes": "boxes"}
"""Words of the keyword form that name a field of `Sample` differently."""


class Operator(Configured, ABC):
    """Turn one sample into another, without touching the one that came in.

    An operator is called in one of three ways, and answers in kind:

    - ``op(sample)`` gives a sample,
    - ``op(image)`` gives an image; ``(h, w)`` comes back as ``(h, w)``. An array
      ``(n, h, w, c)`` or a list of pictures is a stack, and gives the stack where
      the operator writes one, else the image,
    - ``op(image=..., mask=..., bboxes=...)`` gives a dict with the same keys.

    The second argument ``rng`` is a seed or a generator; the same seed gives the
    same result. What comes back never shares memory with what went in.
    """

    reads: ClassVar[tuple[str, ...]] = ("image",)
    writes: ClassVar[tuple[str, ...]] = ("image",)

    @overload
    def __call__(self, picture: Sample, /, rng: Rng | int | None = None) -> Sample: ...
    @overload
    def __call__(
        self, picture: NDArray[Any] | Sequence[Image], /, rng: Rng | int | None = None
    ) -> NDArray[Any]: ...
    @overload
    def __call__(self, /, *, rng: Rng | int | None = None, **fields: Any) -> dict[str, Any]: ...

    def __call__(
        self,
        picture: Sample | NDArray[Any] | Sequence[Image] | None = None,
        /,
        rng: Rng | int | None = None,
        **fields: Any,
    ) -> Any:
        generator = np.random.default_rng(rng)
        if picture is None:
            return self._call_with_fields(fields, generator)
        if fields:
            raise FieldError(
                f"{type(self).__name__}: got a picture and also '{next(iter(fields))}='",
                hint="give one Sample, one array, or keywords only",
            )
        if isinstance(picture, Sample):
            return _unshared(self._run(picture, generator), picture)
        if isinstance(picture, np.ndarray) and picture.ndim != 4:
            return self._call_with_image(picture, generator)
        if isinstance(picture, (np.ndarray, list, tuple)):
            return self._call_with_stack(picture, generator)
        raise DtypeError(
            f"{type(self).__name__}: expected a Sample or an array, got {type(picture).__name__}"
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the sample must have before this operator runs."""
        return self.reads

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the sample has after this operator, whatever it had before."""
        return self.writes

    def practice_samples(self) -> tuple[Sample, ...]:
        """Give samples for `sfumato.testing.check_operator`, where not every picture suits.

        None, as by default, stands for ordinary pictures of every dtype.
        """
        return ()

    @abstractmethod
    def apply(self, sample: Sample, rng: Rng) -> Sample:
        """Do the work; called with a sample that has everything in `inputs`."""

    def _run(self, sample: Sample, rng: Rng) -> Sample:
        for name in self.inputs:
            sample.require(name, type(self).__name__)
        return self.apply(sample, rng)

    def _call_with_image(self, image: NDArray[Any], rng: Rng) -> NDArray[Any]:
        flat = image.ndim == 2
        sample = Sample(image[..., None] if flat else image)
        result = _unshared(self._run(sample, rng), sample)
        return result.image[..., 0] if flat and result.image.shape[2] == 1 else result.image

    def _call_with_stack(self, frames: NDArray[Any] | Sequence[Image], rng: Rng) -> NDArray[Any]:
        stack = (
            frames if isinstance(frames, np.ndarray) else stack_frames(frames, type(self).__name__)
        )
        if len(stack) == 0:
            raise ShapeError(f"{type(self).__name__}: the stack has no frames")
        result = self._run(Sample(stack[0], stack=stack), rng)
        wants_stack = "stack" in self.writes and result.stack is not None
        wanted = result.stack if wants_stack and result.stack is not None else result.image
        # Only what is given back is copied: a stack that was merely passed through may be large.
        return wanted.copy() if np.may_share_memory(wanted, stack) else wanted

    def _call_with_fields(self, fields: Mapping[str, Any], rng: Rng) -> dict[str, Any]:
        named = {KEYWORDS.get(name, name): value for name, value in fields.items()}
        known = set(Sample.__dataclass_fields__) - {"_"}
        strangers = [name for name in fields if KEYWORDS.get(name, name) not in known]
        if strangers or "image" not in named:
            what = f"does not know '{strangers[0]}='" if strangers else "needs 'image='"
            raise FieldError(
                f"{type(self).__name__} {what}",
                hint=f"it takes {', '.join(sorted(known | set(KEYWORDS)))}",
            )
        flat = np.ndim(named["image"]) == 2
        if flat:
            named["image"] = named["image"][..., None]
        for name in ("keypoints", "boxes"):
            if named.get(name) is not None:
                named[name] = np.asarray(named[name], np.float32)
        sample = Sample(**named)
        result = _unshared(self._run(sample, rng), sample)
        out = {name: getattr(result, KEYWORDS.get(name, name)) for name in fields}
        if flat and out["image"].shape[2] == 1:
            out["image"] = out["image"][..., 0]
        return out


class ImageOperator(Operator):
    """Change the values of a picture and leave its geometry alone."""

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        return sample.but(image=self.apply_image(sample.image, rng))

    @abstractmethod
    def apply_image(self, image: Image, rng: Rng) -> Image:
        """Give the new picture in the dtype of the old."""


def _unshared(result: Sample, source: Sample) -> Sample:
    """Copy what an operator passed through, so that a result can be edited freely."""
    inputs = [a for a in _arrays(source).values() if a.size]
    copies = {
        name: array.copy()
        for name, array in _arrays(result).items()
        if any(np.may_share_memory(array, given) for given in inputs)
    }
    return result.but(**copies) if copies else result


def _arrays(sample: Sample) -> dict[str, NDArray[Any]]:
    named = {name: getattr(sample, name) for name in sample.fields()}
    return {name: value for name, value in named.items() if isinstance(value, np.ndarray)}
