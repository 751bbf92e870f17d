"""Run-length form of masks, as COCO annotations write it.

Pixels are read column by column, top to bottom. ``counts`` holds how many are out,
then how many are in, and so on in turn; the first may be 0. The short form writes the
counts as text: from the fourth on as the difference to the one before the last, each
in groups of five bits, lowest first, with a sixth bit that says that more follow, plus
48 to make it a letter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import DtypeError, RangeError, ShapeError, SpecError
from sfumato.raster.mask import HardMask, hard_mask

__all__ = ["decode_rle", "encode_rle"]

MOST_PIXELS = 2**31
FIRST_LETTER = 48
LONGEST_NUMBER = 7
"""Letters of a number below 2**31 and its sign."""


def encode_rle(mask: NDArray[Any], *, short: bool = False) -> dict[str, Any]:
    """Write a mask as runs.

    Args:
        mask: hard, (h, w).
        short: write ``counts`` as text instead of a list of numbers.

    Raises:
        DtypeError: the mask is soft.

    Example:
        >>> encode_rle(np.array([[0, 1, 1], [0, 0, 1]]))
        {'size': [2, 3], 'counts': [2, 1, 1, 2]}
        >>> encode_rle(np.array([[0, 1, 1], [0, 0, 1]]), short=True)
        {'size': [2, 3], 'counts': '2111'}
    """
    solid = hard_mask(mask, "encode_rle")
    line = solid.ravel(order="F")
    changes = np.flatnonzero(line[1:] != line[:-1]) + 1
    edges = np.concatenate([[0], changes, [line.size]])
    counts = np.diff(edges).tolist()
    if line[0]:
        counts.insert(0, 0)
    height, width = solid.shape
    return {"size": [height, width], "counts": _to_text(counts) if short else counts}


def decode_rle(rle: Mapping[str, Any]) -> HardMask:
    """Read what `encode_rle` or COCO tools wrote.

    Args:
        rle: ``size`` is [height, width]; ``counts`` numbers, or text (str or bytes).

    Raises:
        SpecError: a key is missing, or the text is not the short form.
        DtypeError: counts or size are no whole numbers.
        RangeError: a count is negative, or the picture has more than 2**31 pixels.
        ShapeError: the counts do not add up to the size.

    Example:
        >>> decode_rle({"size": [2, 3], "counts": [2, 1, 1, 2]}).astype(int).tolist()
        [[0, 1, 1], [0, 0, 1]]
    """
    if not isinstance(rle, Mapping) or not {"size", "counts"} <= set(rle):
        raise SpecError(
            "decode_rle: expected {'size': [height, width], 'counts': ...}",
            hint="a list of polygons goes through fill_polygons",
        )
    size = _whole("size", rle["size"])
    if len(size) != 2 or size.min() < 1 or int(size[0]) * int(size[1]) > MOST_PIXELS:
        raise RangeError(f"decode_rle: no picture has the size {rle['size']!r}")
    height, width = size.tolist()
    text = rle["counts"]
    counts = _whole("counts", _from_text(text) if isinstance(text, (str, bytes)) else text)
    if counts.size and (counts.min() < 0 or counts.max() > height * width):
        raise RangeError(f"decode_rle: a count is outside [0, {height * width}]")
    if counts.sum() != height * width:
        raise ShapeError(
            f"decode_rle: counts add up to {counts.sum()}, "
            f"a picture of {width} x {height} px has {height * width}"
        )
    values = np.arange(counts.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, counts).reshape(width, height).T)


def _whole(name: str, values: Any) -> NDArray[np.int64]:
    fits = isinstance(values, (Sequence, np.ndarray)) and not isinstance(values, (str, bytes))
    try:
        numbers = np.asarray(values) if fits else None
    except (ValueError, OverflowError):  # lists within lists
        numbers = None
    if numbers is not None and numbers.size == 0:
        numbers = np.zeros(0, np.int64)
    if numbers is None or numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise DtypeError(f"decode_rle: '{name}' must be a list of whole numbers")
    return numbers.astype(np.int64)


def _to_text(counts: Sequence[int]) -> str:
    before = [0, 0, 0, *counts[1:]]
    letters: list[str] = []
    for count, other in zip(counts, before, strict=False):
        rest = count - other
        more = True
        while more:
            bits = rest & 31
            rest >>= 5
            # The topmost bit of the last group is the sign.
            more = rest != (-1 if bits & 16 else 0)
            letters.append(chr(bits + 32 * more + FIRST_LETTER))
    return "".join(letters)


def _from_text(text: str | bytes) -> list[int]:
    codes = text.encode("ascii", "replace") if isinstance(text, str) else text
    groups = np.frombuffer(codes, np.uint8).astype(np.int64) - FIRST_LETTER
    ends = np.flatnonzero(groups & 32 == 0) + 1
    known = not groups.size or (groups.min() >= 0 and groups.max() < 64)
    lengths = np.diff(ends, prepend=0)
    if not known or (groups.size and (not ends.size or ends[-1] != groups.size)):
        raise SpecError("decode_rle: 'counts' is not the short form of runs")
    if lengths.size and lengths.max() > LONGEST_NUMBER:
        raise SpecError("decode_rle: 'counts' holds a number that is too large")
    counts: list[int] = []
    for start, end in pairwise([0, *ends.tolist()]):
        value = sum(int(g & 31) << 5 * k for k, g in enumerate(groups[start:end]))
        if groups[end - 1] & 16:
            value -= 1 << 5 * (end - start)
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts
