"""Weights: find the file, read it without running it, and account for every entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import FileError, MissingExtraError

__all__ = ["HUB", "fetched", "fit", "locate", "read_state"]

HUB = "hub:"
FILES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
"""How the names of files of weights end."""
COUNTER = "num_batches_tracked"
"""What training counts; older files lack it, and no result depends on it."""
SHOWN = 4
"""How many names an error lists before it only counts."""


def locate(weights: str | Path, patterns: Sequence[str], who: str) -> Path:
    """Find the one file that is meant.

    Args:
        weights: a file; a folder, searched for ``patterns``; or ``hub:owner/name``,
            ``hub:owner/name/folder`` or ``hub:owner/name/file``, fetched once into the cache
            of the hub.
        patterns: the names that the file has where it was published.
        who: how the reader is called in an error.

    Raises:
        FileError: there is no such file, or more than one.
        MissingExtraError: a hub name, and huggingface_hub is not installed.
    """
    if str(weights).startswith(HUB):
        weights = fetched(str(weights)[len(HUB) :], patterns, who)
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    if not path.is_dir():
        raise FileError(
            f"{who}: there are no weights at {path}",
            hint=f"name a file, a folder with {' or '.join(patterns)}, or hub:owner/name",
        )
    found = sorted({file for pattern in patterns for file in path.glob(pattern)})
    if len(found) != 1:
        names = [file.name for file in found] or sorted(file.name for file in path.iterdir())
        raise FileError(
            f"{who}: {path} holds {len(found)} files called {' or '.join(patterns)}",
            hint=f"name the file itself; the folder has: {_some(names) or 'nothing'}",
        )
    return found[0]


def fetched(name: str, patterns: Sequence[str], who: str) -> Path:
    """Fetch ``owner/name``, a folder in it or a file from the hub, once, and tell where it lies.

    Args:
        name: ``owner/name``, ``owner/name/folder``, or ``owner/name/file`` with the ending
            of a file of weights.
        patterns: the names of the files that are wanted of a folder.
        who: how the reader is called in an error.

    Raises:
        FileError: it cannot be fetched.
        MissingExtraError: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import hf_hub_download, snapshot_download  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise MissingExtraError(
            f"{who}: hub names need huggingface_hub", hint='pip install "sfumato[learn]"'
        ) from error
    owner, repository, *inner = [*name.split("/"), ""][:-1] if "/" in name else (name, "")
    if not owner or not repository:
        raise FileError(f"{who}: '{HUB}{name}' is no hub name", hint=f"write {HUB}owner/name")
    try:
        place = "/".join(inner)
        if place.endswith(FILES):
            return Path(hf_hub_download(f"{owner}/{repository}", place))
        wanted = [f"{place}/{pattern}" if place else pattern for pattern in patterns]
        found = snapshot_download(f"{owner}/{repository}", allow_patterns=wanted)
        return Path(found, place)
    except Exception as error:  # whatever the network and the hub may answer
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(
            f"{who}: '{HUB}{name}' cannot be fetched ({said[:160]})",
            hint="download the file yourself and give its path",
        ) from error


def read_state(
    path: Path, who: str, entry: str | None = None, *, perhaps: str | None = None
) -> dict[str, Tensor]:
    """Read the named tensors of a .safetensors file, or of a .pth without running its code.

    Args:
        path: the file.
        who: how the reader is called in an error.
        entry: the name under which a .pth holds them, beside other things; None where it
            holds nothing else.
        perhaps: the name under which some files of a kind hold them, and others do not.

    Raises:
        FileError: the file is damaged, or holds something else.
        MissingExtraError: safetensors is not installed.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file  # noqa: PLC0415 (an extra)

            state: Any = load_file(path)
        else:
            # Published heads were saved from a GPU: without map_location they open only on one.
            state = torch.load(path, map_location="cpu", weights_only=True)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{who}: reading {path.name} needs {error.name}", hint='pip install "sfumato[learn]"'
        ) from error
    except Exception as error:  # foreign bytes, read by two libraries
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(
            f"{who}: {path} cannot be read as weights ({said[:160]})",
            hint="a .safetensors file, or a .pth that holds tensors only",
        ) from error
    if perhaps is not None and isinstance(state, Mapping) and isinstance(state.get(perhaps), dict):
        entry = perhaps
    if entry is not None:
        if not isinstance(state, Mapping) or entry not in state:
            inside = _some([str(key) for key in state]) if isinstance(state, Mapping) else ""
            raise FileError(
                f"{who}: {path} has no entry '{entry}'", hint=f"it has {inside or 'no entries'}"
            )
        state = state[entry]
    plain = isinstance(state, Mapping) and all(isinstance(v, Tensor) for v in state.values())
    if not plain:
        inside = _some([str(key) for key in state]) if isinstance(state, Mapping) else ""
        raise FileError(
            f"{who}: {path} holds {inside or type(state).__name__}, not tensors by name",
            hint="save the state_dict() of the network by itself",
        )
    return dict(state)


def fit(module: nn.Module, state: Mapping[str, Tensor], who: str, spare: Sequence[str]) -> None:
    """Put weights into a network; every entry must have its place, every place its entry.

    Args:
        module: the network.
        state: tensors by name.
        who: how the weights are called in an error.
        spare: entries that begin like this may be left over.

    Raises:
        FileError: entries lack, are too many, of another shape, or not finite.
    """
    wanted = {k: v for k, v in module.state_dict().items() if not k.endswith(COUNTER)}
    counted = [k for k in state if not k.startswith(tuple(spare)) and not k.endswith(COUNTER)]
    left = [name for name in counted if name not in wanted]
    complaints = {
        "lacks": [name for name in wanted if name not in state],
        "has no place for": left,
        "has other shapes at": [
            f"{name} {tuple(state[name].shape)} for {tuple(wanted[name].shape)}"
            for name in wanted
            if name in state and state[name].shape != wanted[name].shape
        ],
        "holds NaN or infinity at": [
            name for name in wanted if name in state and not torch.isfinite(state[name]).all()
        ],
    }
    said = [f"{what} {_some(names)}" for what, names in complaints.items() if names]
    if said:
        raise FileError(
            f"{who}: the file {'; '.join(said)}",
            hint=f"expected {len(wanted)} entries: {_some(list(wanted))}",
        )
    given = {name: state[name] for name in module.state_dict() if name in state}
    module.load_state_dict(given, strict=False)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
