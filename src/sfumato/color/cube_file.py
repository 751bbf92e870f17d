"""Color tables in .cube files, read strictly: such files come from everywhere."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.color.color_table import LARGEST_CURVE, LARGEST_SIZE, ColorTable, lattice
from sfumato.core.files import write_atomically
from sfumato.errors import FileError, SfumatoError

__all__ = ["read_cube", "write_cube"]

MAX_BYTES = 256 * 2**20
LONGEST_TITLE = 240
NUMBERS = {
    "LUT_1D_SIZE": 1, "LUT_3D_SIZE": 1, "DOMAIN_MIN": 3, "DOMAIN_MAX": 3,
    "LUT_1D_INPUT_RANGE": 2, "LUT_3D_INPUT_RANGE": 2,
}  # fmt: skip
"""The keywords and how many numbers follow; TITLE stands apart."""
FIRST_NUMBER = re.compile(r"[-+.0-9]")


def read_cube(path: str | Path) -> ColorTable:
    """Read a .cube file as Adobe and Resolve write it.

    Understood are ``TITLE``, ``LUT_3D_SIZE`` and ``LUT_1D_SIZE``, ``DOMAIN_MIN`` and
    ``DOMAIN_MAX``, ``LUT_3D_INPUT_RANGE`` and ``LUT_1D_INPUT_RANGE``, comments anywhere,
    and any line ends. A file with both sizes has a shaper before its table; one with curves
    alone becomes a shaper before an identity.

    Raises:
        FileError: it cannot be read, or is not exactly that: a word that is not
            understood, a keyword twice, too few or too many entries, a size beyond
            2 to 129, values that are not finite numbers. The message names the line.

    References:
        Adobe. Cube LUT Specification, version 1.0, 2013.
    """
    path = Path(path)
    lines = _numbered_lines(path)
    head: dict[str, list[float]] = {}
    title, first = "", len(lines)
    for k, (number, line) in enumerate(lines):
        if FIRST_NUMBER.match(line):
            first = k
            break
        word, _, rest = line.partition(" ")
        word = word.upper()
        if word in head or (word == "TITLE" and title):
            raise _wrong(path, number, f"{word} stands there twice")
        if word == "TITLE":
            title = _title(rest) or " "
        elif word in NUMBERS:
            head[word] = _numbers(path, number, word, rest)
        else:
            raise _wrong(path, number, f"{word[:40]!r} is not understood")
    entries = _entries(path, lines[first:], head)
    try:
        return _table(path, head, entries, title.strip())
    except FileError:
        raise
    except SfumatoError as error:  # what the table itself refuses
        raise FileError(f"{path}: {error.message}", hint=error.hint) from error


def _numbered_lines(path: Path) -> list[tuple[int, str]]:
    """Read the lines that say something, spaces unified, and their numbers."""
    try:
        if path.is_dir():
            raise FileError(f"{path}: this is a folder, not a table")
        if path.stat().st_size > MAX_BYTES:
            raise FileError(f"{path}: larger than {MAX_BYTES // 2**20} MiB, this is no table")
        data = path.read_bytes()
    except FileError:
        raise
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot be read: {said}") from error
    if b"\0" in data:
        raise FileError(f"{path}: not a text file")
    # Titles and comments may be in any encoding; what counts is plain ASCII.
    text = data.decode("utf-8-sig", errors="replace")
    plain = ((k, " ".join(line.split())) for k, line in enumerate(text.splitlines(), start=1))
    return [(k, line) for k, line in plain if line and not line.startswith("#")]


def _title(text: str) -> str:
    shown = "".join(c for c in text.strip().strip('"') if c.isprintable())
    return shown[:LONGEST_TITLE]


def _wrong(path: Path, number: int, what: str) -> FileError:
    return FileError(
        f"{path}: line {number}: {what}",
        hint="it has TITLE, LUT_3D_SIZE, DOMAIN_MIN, DOMAIN_MAX, and rows of three numbers",
    )


def _numbers(path: Path, line: int, word: str, text: str) -> list[float]:
    count = NUMBERS[word]
    try:
        values = [float(part) for part in text.split()]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(v) for v in values):
        numbers = "one number" if count == 1 else f"{count} numbers"
        raise _wrong(path, line, f"{word} takes {numbers}, got {text[:40]!r}")
    return values


def _size(path: Path, head: dict[str, list[float]], word: str, most: int) -> int:
    if word not in head:
        return 0
    size = head[word][0]
    if size != int(size) or not 2 <= size <= most:
        raise FileError(
            f"{path}: {word} is a whole number from 2 to {most}, got {size:g}",
            hint="write the table anew with a size in these bounds",
        )
    return int(size)


def _entries(
    path: Path, lines: list[tuple[int, str]], head: dict[str, list[float]]
) -> NDArray[np.float64]:
    curve = _size(path, head, "LUT_1D_SIZE", LARGEST_CURVE)
    size = _size(path, head, "LUT_3D_SIZE", LARGEST_SIZE)
    if not curve and not size:
        raise FileError(f"{path}: neither LUT_3D_SIZE nor LUT_1D_SIZE, this is no .cube file")
    wanted = curve + size**3
    if len(lines) != wanted:
        raise FileError(
            f"{path}: the header promises {wanted} rows of numbers, the file has {len(lines)}",
            hint="copy the file again, it may be cut off",
        )
    for number, line in lines:
        if len(line.split(" ")) != 3:
            raise _wrong(path, number, f"expected three numbers, got {line[:40]!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found: Any = np.loadtxt([line for _, line in lines], np.float64, comments=None, ndmin=2)
    except (ValueError, UserWarning, DeprecationWarning) as error:
        number, line = next((n, text) for n, text in lines if not _is_row(text))
        raise _wrong(path, number, f"expected three numbers, got {line[:40]!r}") from error
    finite = np.isfinite(found).all(axis=1) & (np.abs(found) < np.finfo(np.float32).max).all(axis=1)
    if not finite.all():
        number, line = lines[int(np.argmin(finite))]
        raise _wrong(path, number, f"a value is not finite: {line[:40]!r}")
    return np.asarray(found, np.float64)


def _is_row(text: str) -> bool:
    try:
        return len([float(part) for part in text.split(" ")]) == 3 and "_" not in text
    except ValueError:
        return False


def _table(
    path: Path, head: dict[str, list[float]], entries: NDArray[np.float64], title: str
) -> ColorTable:
    curve = int(head.get("LUT_1D_SIZE", [0])[0])
    size = int(head.get("LUT_3D_SIZE", [0])[0])
    corners = [head.get(f"DOMAIN_{end}") for end in ("MIN", "MAX")]
    ranges = {k: head.get(f"LUT_{k}D_INPUT_RANGE") for k in (1, 3)}
    if any(corners) and any(ranges.values()):
        raise FileError(
            f"{path}: both DOMAIN_ and INPUT_RANGE bounds", hint="take one kind of them out"
        )
    for k, has in ((1, curve), (3, size)):
        if ranges[k] and not has:
            raise FileError(
                f"{path}: LUT_{k}D_INPUT_RANGE bounds a table that is not there",
                hint=f"write LUT_{4 - k}D_INPUT_RANGE if the range is that of the other",
            )
    if any(corners) and curve and size:
        raise FileError(
            f"{path}: DOMAIN_ bounds with two tables", hint="bound each by its INPUT_RANGE"
        )
    low, high = corners[0] or [0.0] * 3, corners[1] or [1.0] * 3
    bounds: dict[str, Any] = {}
    if curve:
        first, last = ([v] * 3 for v in ranges[1] or (low[0], high[0]))
        bounds |= {"shaper": entries[:curve].astype(np.float32)}
        bounds |= {"shaper_min": first if ranges[1] else low}
        bounds |= {"shaper_max": last if ranges[1] else high}
    if size:
        first, last = ([v] * 3 for v in ranges[3] or (0.0, 1.0))
        bounds |= {"domain_min": first if ranges[3] or curve else low}
        bounds |= {"domain_max": last if ranges[3] or curve else high}
        values = entries[curve:].reshape(size, size, size, 3).astype(np.float32)
        return ColorTable(values, title=title, **bounds)
    # Curves alone: an identity that reaches as far as they do.
    ends = entries.min(axis=0), entries.max(axis=0)
    low, high = (tuple(float(np.float32(v)) for v in end) for end in ends)  # type: ignore[assignment]
    high = tuple(b if b > a else a + 1.0 for a, b in zip(low, high, strict=True))  # type: ignore[assignment]
    bounds |= {"domain_min": low, "domain_max": high}
    return ColorTable(lattice(2, low, high), title=title, **bounds)  # type: ignore[arg-type]


def write_cube(path: str | Path, table: ColorTable, *, overwrite: bool = False) -> Path:
    """Write a .cube file that comes back bit for bit.

    A domain other than 0 to 1 is written as ``DOMAIN_MIN`` and ``DOMAIN_MAX``, which Adobe's
    programs read; with a shaper as the two ``INPUT_RANGE`` of Resolve.

    Raises:
        FileError: it exists, cannot be written, or a table with a shaper has bounds that
            differ between the channels.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileError(f"{path}: exists already and is kept", hint="overwrite=True replaces it")
    lines = [f'TITLE "{_title(table.title)}"'] if table.title.strip() else []
    blocks = []
    if table.shaper is not None:
        ends = ((1, table.shaper_min, table.shaper_max), (3, table.domain_min, table.domain_max))
        for k, low, high in ends:
            if len(set(low)) > 1 or len(set(high)) > 1:
                raise FileError(
                    f"{path}: a .cube file with a shaper has the same bounds for all channels",
                    hint="sample it into a table without one: table_of(LUT3D(file=...))",
                )
            count = len(table.shaper) if k == 1 else table.size
            lines += [f"LUT_{k}D_SIZE {count}", f"LUT_{k}D_INPUT_RANGE {low[0]!r} {high[0]!r}"]
        blocks.append(table.shaper)
    else:
        lines.append(f"LUT_3D_SIZE {table.size}")
        if (table.domain_min, table.domain_max) != ((0.0,) * 3, (1.0,) * 3):
            for word, corner in (("MIN", table.domain_min), ("MAX", table.domain_max)):
                lines.append(f"DOMAIN_{word} " + " ".join(repr(v) for v in corner))
    blocks.append(table.values.reshape(-1, 3))
    rows = [" ".join(row) for block in blocks for row in _shortest(block)]
    write_atomically(path, ("\n".join([*lines, *rows]) + "\n").encode())
    return path


def _shortest(block: NDArray[np.float32]) -> list[list[str]]:
    """Write each float32 with the fewest digits that give it back."""
    texts = block.ravel().astype("U").tolist()
    for k, text in enumerate(texts):
        if "e" in text:  # not every program reads exponents
            texts[k] = np.format_float_positional(block.flat[k], unique=True, trim="0")
    return [texts[k : k + 3] for k in range(0, len(texts), 3)]
