"""One trainer for every method."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from sfumato.core.batch import Batch
from sfumato.core.files import write_atomically
from sfumato.core.method import Method
from sfumato.core.metric import Metric
from sfumato.core.spec import Buildable, spec_name, to_spec, to_yaml
from sfumato.core.tensors import Tensor, torch
from sfumato.data.loader import Loader
from sfumato.errors import DtypeError, FileError, SpecError
from sfumato.io.picture import write
from sfumato.train.callback import Callback
from sfumato.train.checkpoint import Shelf, check_same_config
from sfumato.train.learner import Learner
from sfumato.train.logbook import Logbook
from sfumato.train.recipe import Recipe
from sfumato.train.report import Report
from sfumato.train.sample_sheet import sample_sheet
from sfumato.train.series import skipped_in, training_series, validation_batches
from sfumato.train.validation import validate
from sfumato.train.workplace import Workplace

__all__ = ["Trainer"]

Stop = Literal["done", "max_seconds", "interrupted"]


class Trainer:
    """Train a method by a recipe, and keep all that comes of it in one folder.

    The folder holds ``training.yaml`` (what was trained and how), ``checkpoints``,
    ``log.csv``, ``samples`` (validation pictures), ``last`` and ``best``: the method as
    it was saved last and as it scored best, each of which `sfumato.load` and `Apply` take.

    Every random number follows from the seed, the step, the part and the number of the batch.
    So a training that is interrupted and resumed ends with the same bits as one that is not
    (on a CPU; on GPUs as far as their kernels repeat themselves). Ctrl-C and a polite kill
    finish the step, save and end; an impolite one leaves the last checkpoint.

    Args:
        recipe: how to train.
        out: the folder; None keeps nothing.
        callbacks: who is told how it goes.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        out: str | Path | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.recipe, self.callbacks = recipe, tuple(callbacks)
        self.out = None if out is None else Path(out)

    def fit(
        self,
        method: Method,
        data: Loader | Iterable[Batch],
        *,
        validation: Loader | Iterable[Batch] = (),
        metrics: Sequence[Metric] = (),
        resume: bool | Literal["changed"] = False,
        until: int | None = None,
    ) -> Report:
        """Train.

        Args:
            method: what learns; it is changed, and ends in evaluation mode with the weights of
                the last step (their average lies in ``last``).
            data: a loader, or batches that are gone through again and again.
            validation: a loader, which is read once each time, or batches.
            metrics: scores on the validation data; the first one says what is best, and
                without metrics the sum of the validation losses does.
            resume: go on from the newest checkpoint where there is one; "changed" even
                where the settings are others than they were.
            until: stop after this step, as if interrupted there; None for all of the recipe.

        Raises:
            FileError: ``out`` holds a training and ``resume`` is False, or files are damaged.
            SpecError: it is resumed with other settings, or the method is not in order.
            RangeError: a loss is no number.
            OutOfMemoryError: the memory does not suffice; the hint names the setting.
            ShapeError: the data do not fit the method.
        """
        if not isinstance(method, Method):
            raise DtypeError(f"Trainer: expected a Method, got {type(method).__name__}")
        if resume and self.out is None:
            raise FileError("Trainer: there is nothing to resume from", hint="give out=")
        place = Workplace(self.recipe.device, self.recipe.precision)
        described = {"method": to_spec(method), "recipe": to_spec(self.recipe)}
        if isinstance(data, Loader):
            described["data"] = _described(data)
        devices = [place.device] if place.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(self.recipe.seed)
            fit = _Fit(self, Learner(method, self.recipe, place), described)
            fit.data, fit.metrics = data, tuple(metrics)
            fit.written = self._written(described, validation, metrics)
            fit.validation = validation if isinstance(validation, Loader) else list(validation)
            if self.out is not None:
                fit.open(self.out, resume)
            return fit.run(until)

    def _written(self, described: Mapping[str, Any], validation: Any, metrics: Any) -> Any:
        """Write all of it in the form that `sfumato train` reads."""
        if "data" not in described:
            return dict(described)
        whole = {**described, "metrics": to_spec(tuple(metrics)), "out": to_spec(self.out)}
        if isinstance(validation, Loader):
            whole["validation"] = _described(validation)
        return {"train.TrainingRun": whole}


class _Fit:
    """One call of `Trainer.fit`."""

    data: Loader | Iterable[Batch]
    validation: Loader | Iterable[Batch]
    metrics: tuple[Metric, ...]
    written: Any

    def __init__(self, trainer: Trainer, learner: Learner, described: Mapping[str, Any]) -> None:
        self.recipe, self.callbacks = trainer.recipe, trainer.callbacks
        self.learner, self.place, self.described = learner, learner.place, described
        self.out: Path | None = None
        self.shelf: Shelf | None = None
        self.book: Logbook | None = None
        self.earlier_s = 0.0
        self.best: float | None = None
        self.best_step: int | None = None
        self.scores: dict[str, float] = {}
        self.losses: dict[str, float] = {}
        self.skipped: dict[str, None] = {}
        self._sums: dict[str, tuple[Tensor, int]] = {}
        self._since = (0, 0.0)
        self._saved_at: int | None = None
        self._interrupted = False
        self._begun = False
        self._came_in_at = 0

    # ---------------------------------------------------------------- files

    def open(self, out: Path, resume: bool | Literal["changed"]) -> None:
        """Look into the folder, and take up the training that lies in it."""
        self.out, self.shelf = out, Shelf(out / "checkpoints", self.recipe.keep)
        steps = self.shelf.steps()
        if steps and not resume:
            raise FileError(
                f"{out}: holds a training of {steps[-1]} steps already",
                hint="resume it (--resume, resume=True), or name a new folder",
            )
        self.place.wait()
        if steps:
            self._take_up(resume)

    def _begin_files(self) -> None:
        """Make the folder, once a step has shown that method and data are in order."""
        if self.out is None or self.shelf is None or self._begun:
            return
        self._begun = True
        if self.place.main:
            self.out.mkdir(parents=True, exist_ok=True)
            self.shelf.clear_remains()
            write_atomically(self.out / "training.yaml", to_yaml(self.written).encode())
            self.book = Logbook(self.out, self._came_in_at, tensorboard=self.recipe.tensorboard)
        self.place.wait()

    def _take_up(self, resume: bool | Literal["changed"]) -> None:
        assert self.shelf is not None, "opened before"
        found = self.shelf.read()
        if resume != "changed":
            check_same_config(found.facts["config"], self.described, found.folder)
        self.learner.put_state(found.tensors, str(found.folder))
        facts = found.facts
        self.learner.step, self.learner.taken = int(facts["step"]), int(facts["taken"])
        self.learner.left_out = int(facts["left_out"])
        self.earlier_s = float(facts["seconds"])
        self.best, self.best_step = facts["best"], facts["best_step"]
        self.scores, self.losses = dict(facts["scores"]), dict(facts["losses"])
        self._saved_at = self._came_in_at = self.learner.step

    def save(self) -> None:
        """Write a checkpoint, and the method for use beside it."""
        step = self.learner.step
        if self.out is None or self.shelf is None or self._saved_at == step:
            return
        self._saved_at = step
        if not self.place.main:
            return
        facts = {
            "taken": self.learner.taken,
            "left_out": self.learner.left_out,
            "seconds": self._seconds(),
            "best": self.best,
            "best_step": self.best_step,
            "scores": self.scores,
            "losses": self.losses,
            "config": self.described,
        }
        folder = self.shelf.write(step, self.learner.state(), facts)
        self._save_for_use(self.out / "last")
        for callback in self.callbacks:
            callback.saved(step, folder)

    def _save_for_use(self, folder: Path) -> None:
        with self.learner.at_its_best() as method:
            method.save(folder, card=self._card())

    def _card(self) -> str:
        about = [f"Trained for {self.learner.step} steps."]
        about += [f"- {name}: {value:.6g}" for name, value in self.scores.items()]
        return "\n".join(about) + f"\n\n```yaml\n{to_yaml(self.described)}```\n"

    # ----------------------------------------------------------------- loop

    def run(self, until: int | None) -> Report:
        """Go through the steps, and end in order."""
        learner, recipe = self.learner, self.recipe
        last = recipe.steps if until is None else min(until, recipe.steps)
        self._began = time.monotonic()
        self._since = (learner.step, self._began)
        self._tell("started", learner.step, recipe.steps)
        stopped: Stop = "done"
        series = training_series(
            self.data, recipe.seed, learner.taken + self.place.rank, self.place.world
        )
        with contextlib.closing(series), self._polite():
            while learner.step < last:
                self._gather(learner.advance(lambda: self._drawn(series)))
                self._begin_files()
                self._tell("stepped", learner.step)
                self._regular()
                stopped = self._why_stop()
                if stopped != "done":
                    break
        self._log()
        if learner.step == recipe.steps and self._validated_at != learner.step:
            self._validate()
        self.save()
        learner.method.eval()
        report = self._report(stopped)
        self._tell("finished", report)
        if self.book is not None:
            self.book.close()
        return report

    _validated_at: int | None = None
    _began = 0.0

    def _drawn(self, series: Iterator[Batch]) -> Batch:
        batch = next(series)
        self.skipped |= dict.fromkeys(skipped_in(batch))
        return batch.to(self.place.device, non_blocking=True)

    def _regular(self) -> None:
        step = self.learner.step
        if step % self.recipe.log_every == 0:
            self._log()
        if step % self.recipe.validate_every == 0:
            self._validate()
        if step % self.recipe.save_every == 0:
            self.save()

    def _why_stop(self) -> Stop:
        if self.place.any(self._interrupted):
            return "interrupted"
        limit = self.recipe.max_seconds
        over = limit is not None and time.monotonic() - self._began > limit
        return "max_seconds" if limit is not None and self.place.any(over) else "done"

    def _gather(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            total, count = self._sums.get(name, (torch.zeros_like(value), 0))
            self._sums[name] = (total + value, count + 1)

    def _log(self) -> None:
        step, now = self.learner.step, time.monotonic()
        if not self._sums:
            return
        means = {name: float(total) / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        self.losses = means
        before, then = self._since
        self._since = (step, now)
        rate = (step - before) / max(now - then, 1e-9)
        values = {**means, "lr": self.recipe.lr_at(step - 1), "steps_per_s": rate}
        self._note(values)
        self._tell("logged", step, values)

    def _validate(self) -> None:
        self._validated_at = self.learner.step
        batches = validation_batches(self.validation)
        if batches is None:
            return
        if self.place.main:
            with self.learner.at_its_best() as method:
                found = validate(
                    method,
                    batches,
                    self.metrics,
                    place=self.place,
                    seed=self.recipe.seed,
                    show=self.recipe.sample_pictures if self.out else 0,
                )
            self.scores = found.scores
            self._note(found.scores)
            if self.out is not None and found.shown:
                self._draw_sheet(sample_sheet(found.shown, labels="mask" in method.writes))
            better = self._is_best()
            if better and self.out is not None:
                self._save_for_use(self.out / "best")
            for callback in self.callbacks:
                callback.validated(self.learner.step, found.scores, best=better)
        self.place.wait()

    def _draw_sheet(self, sheet: Any) -> None:
        assert self.out is not None, "asked before"
        folder = self.out / "samples"
        folder.mkdir(exist_ok=True)
        write(folder / f"step-{self.learner.step:08d}.png", sheet, overwrite=True)

    def _is_best(self) -> bool:
        if self.metrics:
            first = self.metrics[0]
            value, up = self.scores[type(first).__name__], first.higher_is_better
        else:
            value, up = sum(self.scores.values()), False
        if math.isnan(value):
            return False
        better = self.best is None or (value > self.best if up else value < self.best)
        if better:
            self.best, self.best_step = value, self.learner.step
        return better

    def _note(self, values: Mapping[str, float]) -> None:
        if self.book is not None:
            self.book.write(self.learner.step, self._seconds(), values)

    def _seconds(self) -> float:
        return self.earlier_s + time.monotonic() - self._began

    def _tell(self, what: str, *about: Any) -> None:
        if self.place.main:
            for callback in self.callbacks:
                getattr(callback, what)(*about)

    def _report(self, stopped: Stop) -> Report:
        return Report(
            steps=self.learner.step,
            seconds=self._seconds(),
            stopped=stopped,
            losses=self.losses,
            scores=self.scores,
            best=self.best,
            best_step=self.best_step,
            skipped=tuple(self.skipped),
            non_finite=self.learner.left_out,
            out=self.out,
        )

    @contextlib.contextmanager
    def _polite(self) -> Iterator[None]:
        """Let Ctrl-C and a polite kill end the training after the step; the second at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heard(number: int, _frame: Any) -> None:
            if self._interrupted and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._interrupted = True

        before = {n: signal.signal(n, heard) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _described(value: Any) -> Any:
    """Write what can be written, and name the kind of the rest: samples in memory."""
    try:
        return to_spec(value)
    except SpecError:
        if isinstance(value, Buildable):
            return {spec_name(type(value)): {n: _described(v) for n, v in value.config.items()}}
        return type(value).__name__
