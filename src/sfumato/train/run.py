"""A whole training, written down: method, data, how, and where to."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

from sfumato.core.files import read_text
from sfumato.core.method import Method
from sfumato.core.metric import Metric
from sfumato.core.spec import Configured, from_spec, is_class_name, look_up, parse_yaml, settings_of
from sfumato.core.tensors import torch
from sfumato.data.loader import Loader
from sfumato.errors import FileError, SfumatoError, SpecError
from sfumato.train.callback import Callback
from sfumato.train.dice import seed_of
from sfumato.train.recipe import Recipe
from sfumato.train.report import Report
from sfumato.train.trainer import Trainer

__all__ = ["TrainingRun", "changed_spec"]


class TrainingRun(Configured):
    """A whole training, as `sfumato train` reads it.

    Args:
        method: what learns.
        data: what it learns from.
        recipe: how.
        validation: what it is judged on.
        metrics: how it is judged; the first one says what is best.
        out: the folder for all that comes of it.
    """

    method: Method
    data: Loader
    recipe: Recipe = Recipe()
    validation: Loader | None = None
    metrics: tuple[Metric, ...] = ()
    out: Path = Path("run")

    @classmethod
    def example(cls) -> Any:
        raise SpecError("TrainingRun: needs a method and data of your own")

    @classmethod
    def read(
        cls, path: str | Path, *, changes: Sequence[str] = (), trust: tuple[str, ...] = ()
    ) -> Self:
        """Read a config file, with some settings changed.

        Args:
            path: YAML: the settings of this class, with or without its name above them.
            changes: ``recipe.steps=500`` and the like; classes on the way need no name.
            trust: packages whose classes the file may name.

        Raises:
            FileError: the file cannot be read.
            SpecError: it cannot be understood.
            SfumatoError: a setting is wrong. Messages name the file.
        """
        try:
            spec = parse_yaml(read_text(path))
            if not isinstance(spec, Mapping) or not spec:
                raise SpecError("expected settings: method, data, recipe, ...")
            if next(iter(spec)) != "train.TrainingRun":
                spec = {"train.TrainingRun": spec}
            for change in changes:
                spec = changed_spec(spec, change)
            # New weights follow from the seed of the recipe, whatever was built before.
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed_of(_seed(spec), "weights"))
                built = from_spec(spec, trust=trust)
        except FileError:
            raise
        except SfumatoError as error:
            raise type(error)(f"{path}: {error.message}", hint=error.hint) from error
        if not isinstance(built, cls):
            raise SpecError(f"{path}: describes {type(built).__name__}, expected a training")
        return built

    def run(
        self,
        *,
        resume: bool | Literal["changed"] = False,
        callbacks: Sequence[Callback] = (),
    ) -> Report:
        """Train; see `Trainer.fit`.

        Raises:
            SfumatoError: as there.
        """
        trainer = Trainer(self.recipe, out=self.out, callbacks=callbacks)
        validation: Any = () if self.validation is None else self.validation
        return trainer.fit(
            self.method, self.data, validation=validation, metrics=self.metrics, resume=resume
        )

    def check_works(self) -> None:
        """Make two steps and score one batch, and keep nothing.

        Raises:
            SfumatoError: whatever would go wrong in training.
        """
        short = {"steps": 2, "warmup_steps": 0, "validate_every": 2, "max_seconds": None}
        recipe = Recipe(**{**self.recipe.config, **short})
        validation = () if self.validation is None else islice(self.validation.once(), 1)
        Trainer(recipe).fit(self.method, self.data, validation=validation, metrics=self.metrics)


def _seed(spec: Mapping[str, Any]) -> int:
    settings = next(iter(spec.values()))
    recipe = from_spec(settings.get("recipe")) if isinstance(settings, Mapping) else None
    return recipe.seed if isinstance(recipe, Recipe) else Recipe().seed


def changed_spec(spec: Any, change: str) -> Any:
    """Change one setting of a written form.

    Args:
        spec: plain data, as YAML gives it; it is left alone.
        change: the way to the setting, and its value in YAML: ``recipe.steps=500``,
            ``metrics.0=measure.PSNR``. Names of classes on the way are left out.

    Raises:
        SpecError: the change cannot be understood, or leads nowhere.

    Example:
        >>> changed_spec({"train.Recipe": {"steps": 5}}, "lr=0.1")
        {'train.Recipe': {'steps': 5, 'lr': 0.1}}
    """
    way, equals, text = change.partition("=")
    names = [name.strip() for name in way.split(".")]
    if not equals or not all(names):
        raise SpecError(f"cannot change '{change}'", hint="write it as recipe.steps=500")
    return _changed(spec, names, parse_yaml(text), change)


def _changed(spec: Any, names: list[str], value: Any, change: str) -> Any:
    if isinstance(spec, str) and is_class_name(spec):
        spec = {spec: {}}
    if isinstance(spec, Mapping) and len(spec) == 1 and is_class_name(next(iter(spec))):
        name, settings = next(iter(spec.items()))
        _check_setting_exists(name, names[0])
        return {name: _changed(settings or {}, names, value, change)}
    name, *rest = names
    if isinstance(spec, list) and name.isdecimal() and int(name) < len(spec):
        k = int(name)
        new = value if not rest else _changed(spec[k], rest, value, change)
        return [*spec[:k], new, *spec[k + 1 :]]
    if not isinstance(spec, Mapping) or (rest and name not in spec):
        raise SpecError(f"'{change}' leads nowhere: there is no '{name}' to change")
    return {**spec, name: value if not rest else _changed(spec[name], rest, value, change)}


def _check_setting_exists(name: str, setting: str) -> None:
    if ":" in name:
        return  # foreign classes are looked at only where they are trusted
    known = settings_of(look_up(name))
    if setting not in known:
        close = difflib.get_close_matches(setting, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(known)}"
        raise SpecError(f"{name} has no setting '{setting}'", hint=hint)
