"""Samples listed in a table: CSV, or one JSON object a line."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sfumato.core.files import read_text
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.data.source import Source
from sfumato.errors import FileError
from sfumato.io.picture import read
from sfumato.measure.label_file import read_labels

__all__ = ["PictureTable"]

COLUMNS = {"source": "hint", "target": "target", "image": "image", "mask": "mask"}
WORDS = ("text", "prompt")
SHOWN = ("image", "source", "target")
"""Columns that give a sample its picture."""
WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
MOST_MIB = 1024


class PictureTable(Source):
    """Samples listed in a file: one row a sample, one column a field.

    Columns are ``image``, ``target``, ``source`` (the picture that guides a generator, the
    ``hint``), ``mask`` (a label map), ``text`` or ``prompt``, and ``label`` (a whole
    number). A row without ``image`` shows its ``source``, else its ``target``. Paths
    are relative to the table, or to ``root``, and may not leave it.

    Args:
        file: a .csv with a head line, or .jsonl / .json with one object a line.
        root: the folder that paths start from; None takes the table's own.

    Raises:
        FileError: the table or a picture is missing, a row is damaged, or a path
            leads out of the root.

    Example:
        >>> from sfumato.io import write
        >>> place = getfixture("tmp_path")
        >>> _ = write(place / "a.png", np.zeros((4, 6, 3), np.uint8))
        >>> _ = (place / "t.jsonl").write_text('{"target": "a.png", "prompt": "night"}')
        >>> sample = PictureTable(file=place / "t.jsonl")[0]
        >>> sample.fields(), sample.text
        (('image', 'target', 'text'), 'night')
    """

    file: Path
    root: Path | None = None

    _example = {"file": Path("prompts.jsonl")}

    @functools.cached_property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The rows, first to last."""
        text = read_text(self.file, most_mib=MOST_MIB)
        if self.file.suffix.lower() == ".csv":
            try:
                rows: list[Any] = list(csv.DictReader(io.StringIO(text)))
            except csv.Error as error:
                raise FileError(f"{self.file}: the table is damaged: {error}") from error
        else:
            # Only "\n" ends a line: captions may hold the other separators of Unicode.
            lines = enumerate(text.split("\n"))
            rows = [self._parsed(k, line) for k, line in lines if line.strip()]
        if not rows:
            raise FileError(f"{self.file}: the table has no rows")
        for k, row in enumerate(rows):
            if not any(row.get(column) for column in SHOWN):
                filled = (str(name) for name, value in row.items() if value)
                raise FileError(
                    f"{self.file}: row {k + 1} names no picture, only {', '.join(filled)}",
                    hint=f"columns are {', '.join(sorted((*COLUMNS, *WORDS, 'label')))}; "
                    f"one of {', '.join(SHOWN)} is needed",
                )
        return rows

    def _parsed(self, number: int, line: str) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except ValueError as error:
            raise FileError(f"{self.file}: line {number + 1} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise FileError(f"{self.file}: line {number + 1} is not an object, but {line[:40]}")
        return row

    def __len__(self) -> int:
        return len(self.rows)

    def name_of(self, index: int) -> str:
        return f"{self.file}, row {index + 1}"

    def read(self, index: int, rng: Rng) -> Sample:
        row = self.rows[index]
        made: dict[str, Any] = {}
        meta: Mapping[str, Any] = {}
        for column, field in COLUMNS.items():
            if row.get(column):
                path = self._inside(str(row[column]), index)
                if column == "mask":
                    made[field] = read_labels(path)
                else:
                    picture = read(path)
                    made[field], meta = picture.image, meta or picture.meta
        made.setdefault("image", made.get("hint", made.get("target")))
        words = next((str(row[word]) for word in WORDS if row.get(word) is not None), None)
        if row.get("label") not in (None, ""):
            meta = {**meta, "label": self._number(row["label"], index)}
        return Sample(**made, text=words, meta=meta)

    def _inside(self, name: str, index: int) -> Path:
        root = (self.root or self.file.parent).resolve()
        try:
            path = (root / name).resolve()
        except ValueError as error:
            raise FileError(f"{self.name_of(index)}: {name!r} is no path: {error}") from error
        if not path.is_relative_to(root):
            raise FileError(
                f"{self.name_of(index)}: '{name}' leads out of {root}",
                hint="give the folder above both as root",
            )
        return path

    def _number(self, value: Any, index: int) -> int:
        text = str(value).strip()
        if not WHOLE.fullmatch(text):
            raise FileError(f"{self.name_of(index)}: the label {value!r} is no whole number")
        return int(text.partition(".")[0])
