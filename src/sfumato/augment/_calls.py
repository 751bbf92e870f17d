"""Calls by name: ``transform(image=..., mask=..., bboxes=...)`` without a pipeline around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.augment._targets import KINDS, LISTS, Targets, box_table, give_rows, point_table
from sfumato.core.operator import Rng
from sfumato.errors import FieldError, ShapeError

__all__ = ["call_by_name", "give_unshared", "take_mask"]


def call_by_name(operator: Any, fields: dict[str, Any], rng: Rng) -> dict[str, Any]:
    """Do one call, and give a dict with the same keys."""
    who = type(operator).__name__
    force = bool(fields.pop("force_apply", False))
    targets = Targets()
    for name, value in fields.items():
        _take(targets, name, value, who)
    targets.measure()
    if not targets.images:
        raise FieldError(
            f"{who} needs 'image=' or 'images='", hint=f"it takes {', '.join(sorted(KINDS))}"
        )
    operator.advance(targets, rng, force=force)
    return {name: _give(targets, name, value) for name, value in fields.items()}


def _take(targets: Targets, name: str, value: Any, who: str) -> None:
    kind = KINDS.get(name)
    if value is None or kind is None:
        targets.extras[name] = value
    elif kind == "image":
        targets.images[name] = targets.take_picture(name, value, who)
    elif kind == "mask":
        targets.masks[name] = take_mask(targets, name, value, who)
    elif kind == "follower":
        targets.followers[name] = list(value) if name in LISTS else np.asarray(value)
    else:
        rows = np.asarray(value, np.float64)
        columns = 4 if kind == "boxes" else 2
        if rows.size == 0:
            rows = rows.reshape(0, columns)
        if rows.ndim != 2 or rows.shape[1] < columns:
            raise ShapeError(f"{who}: '{name}' must be (k, {columns}) or wider, got {rows.shape}")
        make = box_table if kind == "boxes" else point_table
        getattr(targets, kind)[name] = make(rows, f"{who}: '{name}'")


def take_mask(targets: Targets, name: str, value: Any, who: str) -> Any:
    """Check a mask, or a list of masks."""
    if isinstance(value, np.ndarray) and name not in LISTS:
        return value
    targets.flat[name] = "array" if isinstance(value, np.ndarray) else "list"
    for k, item in enumerate(value):
        if not isinstance(item, np.ndarray):
            raise ShapeError(f"{who}: '{name}[{k}]' must be an array, got {type(item).__name__}")
    return list(value)


def _give(targets: Targets, name: str, given: Any) -> Any:
    kind = KINDS.get(name)
    if given is None or kind is None:
        return given
    if kind in ("boxes", "keypoints"):
        rows = np.asarray(given, np.float32)
        columns = 4 if kind == "boxes" else 2
        rows = rows.reshape(0, columns) if rows.size == 0 else rows
        return give_rows(rows, getattr(targets, kind)[name], columns)
    group = {"image": targets.images, "mask": targets.masks, "follower": targets.followers}[kind]
    return give_unshared(targets.give_picture(name, group[name]), given)


def give_unshared(result: Any, given: Any) -> Any:
    """Copy what was passed through, so that a result can be edited freely."""
    if isinstance(result, np.ndarray):
        shared = isinstance(given, np.ndarray) and np.may_share_memory(result, given)
        return result.copy() if shared else result
    if isinstance(result, list):
        return [item.copy() if isinstance(item, np.ndarray) else item for item in result]
    return result
