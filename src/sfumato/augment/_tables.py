"""Rows of numbers out of the lists and arrays that users have, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import DtypeError, ShapeError

__all__ = ["numbers", "pick", "rows_back"]


def numbers(given: Any, columns: int, who: str) -> NDArray[np.float64]:
    """Read the first columns of rows; what follows them may be anything.

    Raises:
        ShapeError: a row is too short, or the rows are not rows.
        DtypeError: one of the first columns is not a number.
    """
    if isinstance(given, np.ndarray):
        if given.size == 0:
            return np.zeros((0, columns))
        if given.ndim != 2 or given.shape[1] < columns:
            raise ShapeError(f"{who}: expected rows of {columns} numbers, got shape {given.shape}")
        return given[:, :columns].astype(np.float64, order="C")
    if len(given) == 0:
        return np.zeros((0, columns))
    try:
        try:
            array = np.array(given, np.float64)
            if array.ndim == 2 and array.shape[1] > columns:
                array = np.ascontiguousarray(array[:, :columns])
        except ValueError:  # something behind the numbers is none, or rows differ in length
            array = np.array([row[:columns] for row in given], np.float64)
    except (TypeError, ValueError, IndexError) as error:
        raise DtypeError(
            f"{who}: expected rows that begin with {columns} numbers: {error}",
            hint="labels belong behind the numbers of a row, or into label_fields",
        ) from error
    if array.ndim != 2 or array.shape[1] != columns:
        raise ShapeError(f"{who}: expected rows of {columns} numbers, got shape {array.shape}")
    return array


def rows_back(given: Any, moved: NDArray[np.float64], rows: NDArray[np.float64]) -> Any:
    """Give the rows that are left in the container that came in, with what else they had."""
    columns = moved.shape[1]
    if isinstance(given, np.ndarray):
        if given.ndim == 2 and given.shape[1] == columns and given.dtype.kind == "f":
            return moved.astype(given.dtype, copy=False)
        kept = given[rows.astype(np.intp)] if given.size else np.zeros((0, columns))
        if kept.dtype == object or (kept.shape[1] == columns and kept.dtype.kind == "f"):
            dtype = kept.dtype
        else:
            dtype = np.result_type(kept.dtype, np.float32) if kept.size else np.dtype(np.float64)
        if kept.shape[1] == columns:
            return moved.astype(dtype)
        result = kept.astype(dtype)
        result[:, :columns] = moved
        return result
    plain = moved.tolist()
    if len(given) == 0:
        return []
    kind = tuple if isinstance(given[0], tuple) else list
    if len(given[0]) == columns:
        return [kind(row) for row in plain] if kind is tuple else plain
    picks = rows.astype(int).tolist()
    return [kind([*row, *given[k][columns:]]) for row, k in zip(plain, picks, strict=True)]


def pick(values: Any, rows: NDArray[np.float64]) -> Any:
    """Give the entries of a list or array that belong to the rows that are left."""
    if isinstance(values, np.ndarray):
        return values[rows.astype(np.intp)]
    count = len(rows)
    if isinstance(values, list) and count == len(values) and (rows == np.arange(count)).all():
        return values.copy()
    kept = [values[k] for k in rows.astype(int).tolist()]
    return tuple(kept) if isinstance(values, tuple) else kept
