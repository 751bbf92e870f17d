"""Steps one after the other, with everything that lies on the picture."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from sfumato.augment._io import Reader, kinds_with
from sfumato.augment._streams import process, root_stream
from sfumato.augment._targets import Targets
from sfumato.augment._vocabulary import as_tuple, interpolation_word
from sfumato.augment.base_compose import BaseCompose, run_step
from sfumato.augment.bbox_params import BboxParams
from sfumato.augment.keypoint_params import KeypointParams
from sfumato.augment.transform import Trace
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError

__all__ = ["Compose"]

MaskInterpolation = Literal["nearest", "linear", "cubic", "area", "lanczos"]


def _boxes(value: Any) -> Any:
    return BboxParams(**value) if isinstance(value, Mapping) else value


def _points(value: Any) -> Any:
    return KeypointParams(**value) if isinstance(value, Mapping) else value


class Compose(BaseCompose):
    """Send a picture, and all that lies on it, through several steps.

    ``compose(image=..., mask=..., bboxes=..., keypoints=...)`` gives a dict with the same keys.
    Every step draws from a stream of its own, so what one draws never depends on the others.
    With ``seed`` the streams follow from it (and from the worker, in a data loader); a call with
    ``rng=(seed, epoch, index)`` gives the same whatever the number of workers.

    Args:
        transforms: the steps, first to last.
        bbox_params: how boxes come and which are dropped; without it boxes are refused.
        keypoint_params: the same for key points.
        additional_targets: further names and what they are: ``{"image2": "image"}``.
        p: the share of calls in which anything is done.
        is_check_shapes: refuse pictures and masks of different sizes.
        strict: kept for older code; unknown settings are always refused.
        mask_interpolation: overrides how the steps resample masks.
        seed: of the streams; by chance if none.
        save_applied_params: give what ran and what it drew under ``applied_transforms``.
        fuse: let geometric steps that follow each other resample the picture once. What the
            first would have pushed beyond the edge is then still there for the second.
        is_check_range: refuse float pictures outside 0..1 where a step changes values.

    Raises:
        SfumatoError: a target is not what it must be; the message names it.

    Example:
        >>> import sfumato.augment as A
        >>> flip = A.Compose([A.HorizontalFlip(p=1)], bbox_params=A.BboxParams("coco"))
        >>> flip(image=np.zeros((40, 60), np.uint8), bboxes=[(10, 5, 20, 10)])["bboxes"]
        [(30.0, 5.0, 20.0, 10.0)]
    """

    bbox_params: BboxParams | None = None
    keypoint_params: KeypointParams | None = None
    additional_targets: Mapping[str, str] | None = None
    is_check_shapes: bool = True
    strict: bool = False
    mask_interpolation: MaskInterpolation | None = None
    seed: int | None = None
    save_applied_params: bool = False
    fuse: bool = True
    is_check_range: bool = True

    order: ClassVar[tuple[str, ...] | None] = (
        "transforms", "bbox_params", "keypoint_params", "additional_targets", "p",
             "is_check_shapes", "strict", "mask_interpolation", "seed", "save_applied_params",
             "fuse", "is_check_range")  # fmt: skip
    shorthand = {"transforms": as_tuple, "bbox_params": _boxes, "keypoint_params": _points,
                 "mask_interpolation": interpolation_word}  # fmt: skip

    def check(self) -> None:
        super().check()
        who = type(self).__name__
        reader = Reader(
            who,
            kinds_with(self.additional_targets, who),
            self.bbox_params,
            self.keypoint_params,
            check_shapes=self.is_check_shapes,
            check_range=self.is_check_range and _wants_unit_range(self.transforms),
        )
        object.__setattr__(self, "_reader", reader)
        object.__setattr__(self, "_streams", None)
        runs = tuple(getattr(s, "advance", None) or _as_step(s) for s in self.transforms)
        object.__setattr__(self, "_runs", runs)

    def set_random_seed(self, seed: int | None) -> None:
        """Begin the streams anew, from another seed."""
        object.__setattr__(self, "_streams", (process(), *self._fresh(seed)))

    def _fresh(self, seed: int | None) -> tuple[Rng, list[Rng]]:
        root = root_stream(seed)
        return root, root.spawn(len(self.transforms))

    def _own_streams(self) -> tuple[Rng, list[Rng]]:
        """Give the stream of the coin, and one a step, made in this process."""
        streams = self.__dict__["_streams"]
        if streams is None or streams[0] != process():
            streams = (process(), *self._fresh(self.seed))
            object.__setattr__(self, "_streams", streams)
        return streams[1], streams[2]

    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        for step in self.transforms:
            run_step(step, targets, rng, trace)

    def _run_steps(
        self, targets: Targets, root: Rng, streams: list[Rng], trace: Trace | None, force: bool
    ) -> None:
        if not force and self.p < 1.0 and root.random() >= self.p:
            return
        k = 0
        try:
            for run in self.__dict__["_runs"]:
                run(targets, streams[k], trace)
                k += 1
        except Exception as error:
            error.add_note(f"in step {k + 1} of {len(self.transforms)}: {self.transforms[k]}")
            raise

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        targets = Targets.of_sample(sample)
        targets.fuse, targets.mask_interpolation = self.fuse, self.mask_interpolation
        reader: Reader = self.__dict__["_reader"]
        targets.tidy = reader.tidy_each
        self._run_steps(targets, rng, rng.spawn(len(self.transforms)), None, False)
        targets.settle()
        reader.tidy(targets)
        return targets.to_sample(sample)

    def __call__(self, picture: Any = None, /, rng: Any = None, **fields: Any) -> Any:
        """See `Operator`; without ``rng`` chance comes from the streams of this composition."""
        if picture is not None:
            generator = self._own_streams()[0] if rng is None else rng
            return Operator.__call__(self, picture, generator, **fields)
        trace: Trace | None = [] if self.save_applied_params else None
        out = self._call(fields, rng, trace)
        if trace is not None:
            out["applied_transforms"] = [(type(step).__name__, params) for step, params in trace]
        return out

    def _call(self, fields: dict[str, Any], rng: Any, trace: Trace | None) -> dict[str, Any]:
        force = bool(fields.pop("force_apply", False))
        reader: Reader = self.__dict__["_reader"]
        targets = reader.read(fields)
        targets.fuse, targets.mask_interpolation = self.fuse, self.mask_interpolation
        if rng is None:
            root, streams = self._own_streams()
        else:
            root = _explicit(rng)
            streams = root.spawn(len(self.transforms))
        self._run_steps(targets, root, streams, trace, force)
        return reader.write(fields, targets)


def _as_step(operator: Any) -> Any:
    """Let an operator that knows only samples be run as a step."""
    return functools.partial(run_step, operator)


def _explicit(rng: Any) -> Rng:
    if isinstance(rng, np.random.Generator):
        return rng
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise DtypeError(
            f"rng is a seed, a tuple of whole numbers or a generator, got {rng!r}"
        ) from error


def _wants_unit_range(steps: tuple[Any, ...]) -> bool:
    """Whether a step changes values before any conversion may have changed the range."""
    for step in steps:
        if "dtype" in getattr(step, "alters", ()):
            return False
        inner = getattr(step, "transforms", None)
        if getattr(step, "wants_unit_range", False) or (inner and _wants_unit_range(inner)):
            return True
    return False
