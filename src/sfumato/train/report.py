"""What came of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Report"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of a training.

    Args:
        steps: steps in all, those before a resume included.
        seconds: time spent, that before a resume included.
        stopped: why it ended.
        losses: the last mean of each loss term, as ``part/term``.
        scores: the last validation.
        best: the best value of the first metric, or of the validation loss.
        best_step: when that was.
        skipped: files that could not be read and were passed over.
        non_finite: optimiser steps that were left out.
        out: where everything lies.
    """

    steps: int
    seconds: float
    stopped: Literal["done", "max_seconds", "interrupted"] = "done"
    losses: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    best: float | None = None
    best_step: int | None = None
    skipped: tuple[str, ...] = ()
    non_finite: int = 0
    out: Path | None = None
