"""A bar on the terminal: steps, rate, time left, losses."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sfumato.train.callback import Callback
from sfumato.train.report import Report

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ProgressBar"]


class ProgressBar(Callback):
    """Show a training on stderr: a bar on a terminal, a line for each entry elsewhere."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def started(self, step: int, steps: int) -> None:
        from rich.console import Console  # noqa: PLC0415 (only where it is shown)
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._console = Console(stderr=True, soft_wrap=True)
        if not sys.stderr.isatty():
            return
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=self._console,
        )
        self._task = self._bar.add_task("training", total=steps, completed=step, rate="", losses="")
        self._bar.start()

    def stepped(self, step: int) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=step)

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        shown = {name: v for name, v in values.items() if "/" in name and "gradient" not in name}
        losses = "  ".join(f"{name} {value:.4g}" for name, value in shown.items())
        rate = f"{values.get('steps_per_s', 0.0):.2f} steps/s"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, losses=losses, rate=rate)
        else:
            self._line(f"step {step}  {rate}  {losses}")

    def validated(self, step: int, scores: Mapping[str, float], *, best: bool) -> None:
        said = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
        self._line(f"step {step}  validation  {said}{'  (best so far)' if best else ''}")

    def finished(self, report: Report) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)
