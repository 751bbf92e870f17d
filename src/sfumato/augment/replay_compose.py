"""Compositions that write down what they did, so that it can be done again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sfumato.augment._io import Reader
from sfumato.augment.compose import Compose
from sfumato.augment.serialization import build, describe
from sfumato.augment.transform import Trace
from sfumato.errors import SpecError

__all__ = ["ReplayCompose"]

ARRAY = "__array__"


class ReplayCompose(Compose):
    """A `Compose` that gives a record of what ran and what it drew, as plain data.

    The record holds small numbers only (noise is remembered by its seed), so it can be kept as
    JSON beside a picture. `replay` does exactly the same to other targets.

    Args:
        save_key: the key of the record in what a call gives.

    Example:
        >>> import sfumato.augment as A
        >>> flip = A.ReplayCompose([A.HorizontalFlip(p=0.5)])
        >>> ramp = np.arange(3, dtype=np.uint8)[None]
        >>> done = flip(image=ramp)
        >>> again = A.ReplayCompose.replay(done["replay"], image=ramp)
        >>> bool((again["image"] == done["image"]).all())
        True
    """

    save_key: str = "replay"

    order = ("transforms", "bbox_params", "keypoint_params", "additional_targets", "p",
             "is_check_shapes", "save_key")  # fmt: skip

    def __call__(self, picture: Any = None, /, rng: Any = None, **fields: Any) -> Any:
        """See `Compose`; a call by name also gives the record."""
        if picture is not None:
            return super().__call__(picture, rng, **fields)
        trace: Trace = []
        out = self._call(fields, rng, trace)
        out[self.save_key] = self._record(trace)
        return out

    def _record(self, trace: Trace) -> dict[str, Any]:
        drawn = {id(step): params for step, params in trace}
        record: dict[str, Any] = describe(self)
        record["transforms"] = [_mark(step, drawn) for step in self.transforms]
        record["applied"] = bool(trace)
        record["ran"] = [{**describe(step), "params": _written(params)} for step, params in trace]
        return record

    @staticmethod
    def replay(saved_augmentations: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """Do what a record says to other targets.

        Args:
            saved_augmentations: the record.
            fields: the targets by name, as for a call.

        Raises:
            SpecError: the record cannot be understood.
        """
        if not isinstance(saved_augmentations, Mapping) or "ran" not in saved_augmentations:
            raise SpecError("expected the record that a ReplayCompose gave under its save_key")
        settings = {
            k: v
            for k, v in saved_augmentations.items()
            if k not in ("transforms", "ran", "applied")
        }
        shell = build({**settings, "transforms": []}, {}, 0)
        reader: Reader = shell.__dict__["_reader"]
        targets = reader.read(fields)
        targets.fuse, targets.mask_interpolation = shell.fuse, shell.mask_interpolation
        for item in saved_augmentations["ran"]:
            step = build({k: v for k, v in item.items() if k != "params"}, {}, 0)
            step.work(targets, _read(item["params"]))
        return reader.write(fields, targets)


def _mark(step: Any, drawn: Mapping[int, Any]) -> dict[str, Any]:
    """Describe a step as albumentations does: with what it drew, and whether it ran."""
    record: dict[str, Any] = describe(step)
    inner = getattr(step, "transforms", None)
    if inner is not None:
        record["transforms"] = [_mark(item, drawn) for item in inner]
        record["applied"] = any(item["applied"] for item in record["transforms"])
    else:
        record["applied"] = id(step) in drawn
        record["params"] = _written(drawn[id(step)]) if id(step) in drawn else None
    return record


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _written(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {"__tuple__": [_written(item) for item in value]}
    if isinstance(value, list):
        return [_written(item) for item in value]
    if isinstance(value, np.ndarray):
        return {ARRAY: value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise SpecError(f"a drawn value of type {type(value).__name__} cannot be written down")


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        if ARRAY in value:
            return np.array(value[ARRAY], np.dtype(str(value["dtype"])))
        if "__tuple__" in value:
            return tuple(_read(item) for item in value["__tuple__"])
        return {key: _read(item) for key, item in value.items()}
    return [_read(item) for item in value] if isinstance(value, list) else value
