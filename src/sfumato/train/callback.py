"""What wants to know how a training goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sfumato.train.report import Report

__all__ = ["Callback"]


class Callback:
    """Be told how a training goes; override what you want to hear.

    Only the main process tells. What a callback raises ends the training.
    """

    def started(self, step: int, steps: int) -> None:
        """Training begins at a step, of so many."""

    def stepped(self, step: int) -> None:
        """So many steps are done."""

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Means since the last entry: loss terms, gradient lengths, rate."""

    def validated(self, step: int, scores: Mapping[str, float], *, best: bool) -> None:
        """Scores on the validation data, and whether they are the best so far."""

    def saved(self, step: int, folder: Path) -> None:
        """A checkpoint is on the disk."""

    def finished(self, report: Report) -> None:
        """Training has ended."""
