"""Pairs of label maps, and how often one class was taken for another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["check_label_pair", "confusion_matrix", "practice_labels"]

MAX_CLASSES = 4096
"""Beyond this a label map is more likely a map of instances, or a picture."""


def check_label_pair(
    prediction: Any, target: Any, who: str, *, classes: int | None, ignore: int | None
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return two label maps as int32 (h, w), pixels to ignore as -1 in both.

    Args:
        prediction: integers or bool.
        target: the same, of any other integer type.
        who: the metric that asks.
        classes: labels reach from 0 to this less 1; None takes any.
        ignore: label of target pixels that do not count.

    Raises:
        ShapeError: not (h, w) or (h, w, 1), empty, or of different shapes.
        DtypeError: no integers.
        RangeError: a label that counts is not one of the classes.
    """
    first, second = (
        _plane(array, f"{who}: the {name}")
        for array, name in ((prediction, "prediction"), (target, "target"))
    )
    if first.shape != second.shape:
        raise ShapeError(
            f"{who}: the prediction is {first.shape}, the target {second.shape}",
            hint="resize label maps with interpolation='nearest' only",
        )
    if ignore is not None:
        void = second == ignore
        if void.any():
            first, second = (
                np.where(void, -1, plane.astype(np.int64)) for plane in (first, second)
            )
    else:
        void = None
    for plane, name in ((first, "prediction"), (second, "target")):
        _check_labels(plane, void, classes, f"{who}: the {name}")
    return first.astype(np.int32), second.astype(np.int32)


def _plane(array: Any, who: str) -> NDArray[Any]:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "bui":
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise DtypeError(
            f"{who} must be a label map of integers or bool, got {kind}",
            hint="scores of classes become labels by scores.argmax(axis=-1)",
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or array.size == 0:
        raise ShapeError(f"{who} must be a label map (h, w), got shape {array.shape}")
    return np.asarray(array)


def _check_labels(
    plane: NDArray[Any], void: NDArray[Any] | None, classes: int | None, who: str
) -> None:
    if plane.dtype.kind == "b":
        return
    most = MAX_CLASSES if classes is None else classes
    low, high = int(plane.min()), int(plane.max())
    if void is not None and low == -1:
        counted = plane[~void]
        low, high = (int(counted.min()), int(counted.max())) if counted.size else (0, 0)
    if low < 0 or high >= most:
        raise RangeError(
            f"{who} holds the label {low if low < 0 else high}, expected 0 to {most - 1}",
            hint="name the label of pixels that do not count: ignore=255",
        )


def confusion_matrix(
    prediction: NDArray[np.int32], target: NDArray[np.int32], classes: int | None
) -> NDArray[np.int64]:
    """Count the pixels of every true class (rows) that were given every class (columns).

    Args:
        prediction: labels from `check_label_pair`.
        target: the same; pixels of -1 are left out.
        classes: size of the matrix; None takes what the labels need.

    Shape:
        both (h, w); returns (classes, classes).
    """
    counted = target >= 0
    if counted.all():
        true, given = target.ravel(), prediction.ravel()
    else:
        true, given = target[counted], prediction[counted]
    if classes is None:
        classes = 1 + int(max(true.max(), given.max())) if true.size else 1
    pairs = true.astype(np.intp) * classes + given
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def practice_labels() -> tuple[tuple[Any, Any], ...]:
    """Pair label maps to check a metric with: equal, shifted, flat, and all wrong."""
    y, x = np.mgrid[0:40, 0:50]
    labels = ((x // 12 + y // 15) % 3).astype(np.uint8)
    shifted, flat = np.roll(labels, 2, axis=1), np.zeros_like(labels)
    return (labels, labels), (shifted, labels), (flat, labels), (labels, flat), (flat, flat)
