"""Calls by name: ``transform(image=..., mask=..., bboxes=...)`` without a pipeline around it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._targets import KINDS, Targets, box_table, give_rows, point_table
from sfumato.core.operator import Rng
from sfumato.errors import FieldError, ShapeError

__all__ = ["call_by_name", "give_by_name"]


def call_by_name(operator: Any, fields: dict[str, Any], rng: Rng) -> dict[str, Any]:
    """Do one call, and give a dict with the same keys.

    Boxes are rows x0 y0 x1 y1 and points x y, as in a `Sample`; other formats are read by
    `Compose`.
    """
    who = type(operator).__name__
    force = bool(fields.pop("force_apply", False))
    targets = Targets()
    for name, value in fields.items():
        kind = KINDS.get(name)
        if value is None or kind is None:
            targets.extras[name] = value
        elif kind == "boxes":
            targets.boxes[name] = box_table(_rows(name, value, 4, who), f"{who}: '{name}'")
            targets.counts[name] = len(value)
        elif kind == "keypoints":
            targets.keypoints[name] = point_table(_rows(name, value, 2, who), f"{who}: '{name}'")
            targets.counts[name] = len(value)
        else:
            targets.take(name, kind, value, who)
    targets.measure()
    if not targets.images:
        raise FieldError(
            f"{who} needs 'image=' or 'images='", hint=f"it takes {', '.join(sorted(KINDS))}"
        )
    operator.advance(targets, rng, force=force)
    return {name: _give(targets, name, value) for name, value in fields.items()} | targets.facts


def _rows(name: str, value: Any, columns: int, who: str) -> NDArray[Any]:
    rows = np.asarray(value)
    if rows.size == 0:
        rows = np.zeros((0, columns), np.float32)
    if rows.ndim != 2 or rows.shape[1] < columns:
        raise ShapeError(f"{who}: '{name}' must be (k, {columns}) or wider, got {rows.shape}")
    return rows


def _give(targets: Targets, name: str, given: Any) -> Any:
    kind = KINDS.get(name)
    if given is None or kind is None:
        return given
    if targets.joined:
        given = targets.with_joined(name, given)
    if kind == "boxes":
        return give_rows(_rows(name, given, 4, ""), targets.boxes[name], 4)
    if kind == "keypoints":
        return give_rows(_rows(name, given, 2, ""), targets.keypoints[name], 2)
    return give_by_name(targets, name, kind, given)


def give_by_name(targets: Targets, name: str, kind: str, given: Any) -> Any:
    """Give back a picture, a mask, or a list of such."""
    if kind == "image":
        group = targets.images
    elif kind in ("mask", "masks"):
        group = targets.masks
    else:
        group = targets.images if kind == "images" else targets.followers
    return targets.give(name, group, given)
