"""Networks: what holds weights, saves itself with its settings, and is loaded by name."""

from __future__ import annotations

import difflib
import inspect
import os
import re
from abc import ABC, ABCMeta
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import sfumato
from sfumato.core.bounds import check_setting
from sfumato.core.files import atomic_folder, read_text
from sfumato.core.spec import (
    Buildable,
    defaults_of,
    from_yaml,
    refuse_strangers,
    settings_of,
    spec_name,
    to_yaml,
)
from sfumato.core.tensors import Tensor, nn, on_device, torch
from sfumato.core.weights import HUB, fetched, fit, read_state
from sfumato.errors import FileError, SpecError

__all__ = ["CONFIG", "WEIGHTS", "Network", "embedded_weights", "find_weights", "load"]

CONFIG, WEIGHTS, CARD = "config.yaml", "weights.safetensors", "card.md"
"""The files of a saved network."""
INSIDE = ("best", "last")
"""Where a training run keeps its networks."""
HEAD = "---\npicture_px: [{}, {}]\n---\n\n"
"""What programs read in a card, before what people do."""
HEAD_SAYS = re.compile(r"---\npicture_px: \[(\d{1,6}), (\d{1,6})\]\n---\n")
HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}


class _Captured(ABCMeta):
    """Check the settings of a network when it is built, and remember them."""

    @property
    def __signature__(cls) -> inspect.Signature:
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(cls, *args: Any, **settings: Any) -> Any:
        refuse_strangers(cls, args, settings)
        given = {**defaults_of(cls), **settings}
        checked = {
            name: check_setting(given[name], annotation, f"{cls.__name__}.{name}")
            for name, annotation in settings_of(cls).items()
        }
        network = super().__call__(**checked)
        # Not an attribute of the module: a network among the settings would be registered twice.
        network.__dict__["_settings"] = checked
        return network


class Network(Buildable, nn.Module, ABC, metaclass=_Captured):
    """A module whose constructor is its description.

    Every setting is a keyword of ``__init__``, checked against its annotation
    (`sfumato.core.bounds`) and remembered. A setting may be another network.
    `save` writes a folder of ``config.yaml``, ``weights.safetensors`` and
    ``card.md``; `load` reads it without running anything from it.

    Class attributes that a subclass may set, or an instance in its constructor:

    - ``multiple_of``: sides of a picture must be multiples of this many pixels;
      whoever calls it pads and crops (`sfumato.core.any_size`).
    - ``overlap_px``: what neighbouring tiles should share. Where it is at least
      four times as far as an output pixel sees, tiles leave no trace.
    - ``elsewhere``: names of submodules whose weights the constructor gets by itself
      (a frozen base); they are not saved, not by a network around this one either.
    - ``kept``: names of parts inside those that are saved all the same: what learns along.

    An attribute that training sets, and that is saved in the head of the card:

    - ``picture_px``: height and width of the pictures that it learned from; None where
      nobody knows.

    Example:
        >>> class Gain(Network):
        ...     def __init__(self, *, channels: int = 3) -> None:
        ...         super().__init__()
        ...         self.gain = nn.Parameter(torch.ones(channels, 1, 1))
        ...     def forward(self, x: Tensor) -> Tensor:
        ...         return self.gain * x
        >>> Gain(channels=1).config
        {'channels': 1}
    """

    multiple_of: int = 1
    overlap_px: int = 64
    elsewhere: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    picture_px: tuple[int, int] | None = None
    _example: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def example(cls) -> Self:
        """Build a small one, for checks: with ``_example`` as settings."""
        return cls(**cls._example)

    @property
    def config(self) -> dict[str, Any]:
        """Every setting and its value."""
        return dict(self.__dict__["_settings"])

    @property
    def parameter_count(self) -> int:
        """How many numbers it has learned or may learn."""
        return sum(parameter.numel() for parameter in self.parameters())

    def _away(self) -> set[str]:
        """Name the entries that are not saved, by this network and by those inside it."""
        inside = [(n, m) for n, m in self.named_modules() if isinstance(m, Network)]
        away = tuple(f"{n}.{name}.".lstrip(".") for n, m in inside for name in m.elsewhere)
        kept = tuple(f"{n}.{name}.".lstrip(".") for n, m in inside for name in m.kept)
        return {n for n in self.state_dict() if n.startswith(away) and not n.startswith(kept)}

    def saved_state(self) -> dict[str, Tensor]:
        """Give the tensors that `save` writes, by name."""
        away = self._away()
        state = self.state_dict().items()
        # A copy of each: views into one memory are no business of a file.
        return {n: t.detach().cpu().contiguous().clone() for n, t in state if n not in away}

    def put_state(self, state: Mapping[str, Tensor], who: str) -> None:
        """Take over what `saved_state` gave; every entry must have its place.

        Raises:
            FileError: entries lack, are too many, of another shape, or not finite.
        """
        away = self._away()
        kept = {name: t for name, t in self.state_dict().items() if name in away}
        foreign = [name for name in state if name in away]
        if foreign:
            raise FileError(f"{who}: the file has no business with {foreign[0]}")
        fit(self, {**state, **kept}, who, ())

    def save(
        self,
        folder: str | Path,
        *,
        card: str = "",
        dtype: Literal["float32", "float16", "bfloat16"] = "float32",
    ) -> None:
        """Write settings, weights and a card into a folder, all or nothing.

        Args:
            folder: where to; an earlier save there is replaced.
            card: what a person should know: data, recipe, scores, licence. Markdown.
            dtype: how floating-point weights are stored; half of the bytes where 16 bits do.

        Raises:
            FileError: the folder cannot be written, or holds something else.
        """
        from safetensors.torch import save_file  # noqa: PLC0415 (an extra)

        state = self.saved_state()
        if dtype in HALF:
            state = {n: t.to(HALF[dtype]) if t.is_floating_point() else t for n, t in state.items()}
        with atomic_folder(folder) as temporary:
            (temporary / CONFIG).write_text(to_yaml(self), encoding="utf-8")
            save_file(state, temporary / WEIGHTS, metadata={"class": spec_name(type(self))})
            (temporary / CARD).write_text(self._card(card), encoding="utf-8")

    def _card(self, about: str) -> str:
        title, summary = (
            spec_name(type(self)),
            (type(self).__doc__ or "").strip().partition("\n")[0],
        )
        facts = f"{self.parameter_count:,} parameters; sfumato {sfumato.__version__}."
        size = "" if self.picture_px is None else HEAD.format(*self.picture_px)
        return (
            size
            + "\n\n".join(part for part in (f"# {title}", summary, facts, about.strip()) if part)
            + "\n"
        )

    @classmethod
    def load(cls, weights: str | Path, *, trust: tuple[str, ...] = (), device: str = "cpu") -> Self:
        """Read what `save` wrote.

        Args:
            weights: a folder, the name of embedded weights, or ``hub:owner/name``.
            trust: packages whose classes the folder may name.
            device: where the weights go.

        Raises:
            FileError: there is nothing, or files are damaged, foreign or do not fit.
            SpecError: the settings cannot be understood, or describe something else.
            RangeError: there is no such device.
        """
        place = on_device(device, cls.__name__)
        folder = find_weights(weights)
        network = _built(folder, trust)
        if not isinstance(network, cls):
            found = spec_name(type(network))
            raise SpecError(
                f"{folder}: holds {found}, expected {spec_name(cls)}",
                hint="load(...) of sfumato takes any network",
            )
        network.put_state(read_state(folder / WEIGHTS, spec_name(type(network))), str(folder))
        network.picture_px = _picture_px(folder / CARD)
        return network.to(place).eval()

    @classmethod
    def from_published(cls, file: str | Path, *, entry: str | None = None, **settings: Any) -> Self:
        """Build one from weights as somebody else saved them; every entry must have its place.

        A subclass whose names differ from the published ones writes `renamed`; one that can
        read its settings from the weights overrides this.

        Args:
            file: .safetensors, or a .pth of tensors; its code is not run.
            entry: where in the file the tensors are.
            settings: of the constructor.

        Raises:
            FileError: the file is missing, damaged, or does not fit.
            SpecError: a setting is wrong or missing.
        """
        network = cls(**settings)
        state = cls.renamed(read_state(Path(file), spec_name(cls), entry))
        network.put_state(state, str(file))
        return network.eval()

    @classmethod
    def renamed(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Give published tensors the names they have here; by default ``module.`` goes."""
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def _built(folder: Path, trust: tuple[str, ...]) -> Network:
    config, weights = folder / CONFIG, folder / WEIGHTS
    if not weights.is_file():
        raise FileError(f"{folder}: there is no {WEIGHTS}", hint="was all of the folder copied?")
    try:
        # The first, random weights are thrown away: the dice of torch must not notice.
        with torch.random.fork_rng(devices=[]):
            network = from_yaml(read_text(config), trust=trust)
    except SpecError as error:
        raise SpecError(f"{config}: {error.message}", hint=error.hint) from error
    if not isinstance(network, Network):
        raise SpecError(f"{config}: describes {type(network).__name__}, which is no network")
    return network


def _picture_px(card: Path) -> tuple[int, int] | None:
    """Read what the head of a card says; a card is for people, so it may lack or say else."""
    try:
        found = HEAD_SAYS.match(read_text(card))
    except FileError:
        return None
    return None if found is None else (int(found[1]), int(found[2]))


def load(weights: str | Path, *, trust: tuple[str, ...] = (), device: str = "cpu") -> Any:
    """Load a network or method, whatever it is.

    Args:
        weights: a folder that `Network.save` or a training run wrote, the name of
            weights that come with sfumato, or ``hub:owner/name``.
        trust: packages whose classes the folder may name.
        device: where the weights go.

    Raises:
        FileError: there is nothing, or files are damaged, foreign or do not fit.
        SpecError: the settings cannot be understood.
        RangeError: there is no such device.
        MissingExtraError: a hub name, and huggingface_hub is not installed.
    """
    return Network.load(weights, trust=trust, device=device)


def embedded_weights() -> dict[str, Path]:
    """Give the weights that come with sfumato, by name."""
    shelf = Path(os.fspath(sfumato.__path__[0])) / "weights"
    return {path.parent.name: path.parent for path in sorted(shelf.glob(f"*/{CONFIG}"))}


def find_weights(weights: str | Path) -> Path:
    """Find the folder that is meant: see `load`.

    Raises:
        FileError: there is none.
        MissingExtraError: a hub name, and huggingface_hub is not installed.
    """
    if str(weights).startswith(HUB):
        return fetched(str(weights)[len(HUB) :], (CONFIG, WEIGHTS, CARD), "load")
    path = Path(weights).expanduser()
    for folder in (path, *(path / name for name in INSIDE)):
        if (folder / CONFIG).is_file():
            return folder
    embedded = embedded_weights()
    if str(weights) in embedded:
        return embedded[str(weights)]
    if path.is_dir():
        raise FileError(f"{path}: there is no {CONFIG}", hint="name a folder that save() wrote")
    if path.exists():
        raise FileError(
            f"{path}: is a file, expected a folder with {CONFIG} and {WEIGHTS}",
            hint="sfumato convert turns published weights into such a folder",
        )
    close = difflib.get_close_matches(str(weights), embedded, n=1)
    names = f"did you mean '{close[0]}'? " if close else ""
    raise FileError(
        f"there are no weights '{weights}'",
        hint=f"{names}name a folder, hub:owner/name, or one of: {', '.join(embedded) or 'none'}",
    )
