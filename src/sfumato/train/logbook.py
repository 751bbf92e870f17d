"""The log of a training: a CSV table, and TensorBoard where wanted."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.core.files import write_atomically
from sfumato.errors import MissingExtraError

__all__ = ["Logbook"]

HEAD = "step,seconds,name,value\n"


class Logbook:
    """Write numbers as they come: one line each of step, seconds, name and value.

    Args:
        folder: where ``log.csv`` lies.
        step: what later steps wrote before an interruption is dropped.
        tensorboard: write event files too.

    Raises:
        MissingExtraError: TensorBoard is wanted and not installed.
    """

    def __init__(self, folder: Path, step: int, *, tensorboard: bool = False) -> None:
        self.path = folder / "log.csv"
        self._keep_until(step)
        self._board = _board(folder / "tensorboard", step) if tensorboard else None

    def _keep_until(self, step: int) -> None:
        kept = []
        if self.path.is_file():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
            kept = [line for line in lines if line.endswith("\n") and _step(line) <= step]
        write_atomically(self.path, (HEAD + "".join(kept)).encode())

    def write(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """Add values of a step."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            rows = [[step, f"{seconds:.3f}", name, repr(v)] for name, v in values.items()]
            csv.writer(file, lineterminator="\n").writerows(rows)
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Finish the files."""
        if self._board is not None:
            self._board.close()


def _step(line: str) -> float:
    head = line.partition(",")[0]
    return int(head) if head.isdecimal() else float("inf")


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise MissingExtraError(
            "Recipe.tensorboard: TensorBoard is not installed",
            hint="pip install tensorboard, or tensorboard: false; log.csv has the same",
        ) from error
    return SummaryWriter(str(folder), purge_step=step + 1)
