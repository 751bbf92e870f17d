"""A trained image-adaptive 3D LUT in plain NumPy, so that grading a picture needs no torch.

The network is small, 75 million multiplications a picture whatever its size, and runs in some
milliseconds; importing torch alone would take seconds. Only what `color.AdaptiveLUT` saves is
understood, and a test holds both to the same answer.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.color.color_table import ColorTable
from sfumato.core.files import read_text
from sfumato.core.shapes import Image, full_range
from sfumato.core.spec import parse_yaml
from sfumato.errors import FileError, MissingExtraError, SfumatoError

__all__ = ["GradeModel", "grade_model"]

Plane = NDArray[np.float32]

SHELF = Path(__file__).parents[1] / "weights"
CONFIG, WEIGHTS = "config.yaml", "weights.safetensors"
INSIDE = ("last", "best")
"""Where a training run keeps what is meant for use."""
SEEN_PX = 256
SLOPE, EPSILON = np.float32(0.2), np.float32(1e-5)
WIDTHS = (3, 16, 32, 64, 128, 128)
PAIRED = {"convolutions": (1, 4, 7, 10, 13), "norms": (3, 6, 9, 12), "last": 16}
UNPAIRED = {"convolutions": (1, 4, 6, 8, 10), "norms": (3,), "last": 12}
"""Places of the layers in the published order."""
MAX_BYTES = 512 * 2**20


@dataclass(frozen=True, eq=False)
class GradeModel:
    """What is needed to choose a color table for a picture.

    Args:
        basis: the tables, (n, 3, s, s, s), red along the last axis.
        layers: weights of the network by their published names; empty for one table that is
            the same for all pictures.
        places: which of them are convolutions and which normalize.
    """

    basis: Plane
    layers: Mapping[str, Plane]
    places: Mapping[str, Any]

    def weights(self, image: Image) -> Plane:
        """Weigh the tables for a picture (h, w, 1) or (h, w, 3 or more), (n,)."""
        if not self.layers:
            return np.ones(1, np.float32)
        x = _seen(image)
        for layer in self.places["convolutions"]:
            x = _convolved(x, self.layers[f"{layer}.weight"], self.layers[f"{layer}.bias"])
            x = np.maximum(x, SLOPE * x)
            norm = layer + 2
            if norm in self.places["norms"]:
                x = x - x.mean(axis=(0, 1))
                x /= np.sqrt((x * x).mean(axis=(0, 1)) + EPSILON)
                x = x * self.layers[f"{norm}.weight"] + self.layers[f"{norm}.bias"]
        last = self.places["last"]
        kernel = self.layers[f"{last}.weight"].transpose(2, 3, 1, 0).reshape(x.size, -1)
        return np.asarray(x.reshape(-1) @ kernel + self.layers[f"{last}.bias"], np.float32)

    def table(self, weights: Plane) -> ColorTable:
        """Mix the tables."""
        return ColorTable(np.tensordot(weights, self.basis, axes=1).transpose(1, 2, 3, 0))


def _seen(image: Image) -> Plane:
    """Shrink a picture to what the network sees: bilinear, without smoothing before."""
    rows, down = _taps(image.shape[0])
    columns, across = _taps(image.shape[1])
    color = image[..., :3] if image.shape[2] >= 3 else image.repeat(3, axis=2)
    corners = [color[rows[i]][:, columns[j]].astype(np.float32) for i in range(2) for j in range(2)]
    down, across = down[:, None, None], across[None, :, None]
    upper = corners[0] + across * (corners[1] - corners[0])
    lower = corners[2] + across * (corners[3] - corners[2])
    return np.asarray((upper + down * (lower - upper)) / np.float32(full_range(image.dtype)))


def _taps(length: int) -> tuple[NDArray[np.intp], Plane]:
    """Give the two samples on either side of each place, and the share of the second."""
    scale = np.float32(length / SEEN_PX)
    spot = np.maximum((np.arange(SEEN_PX, dtype=np.float32) + np.float32(0.5)) * scale - 0.5, 0)
    first = spot.astype(np.intp)
    share = (spot - first).astype(np.float32)
    return np.stack([first, np.minimum(first + 1, length - 1)]), share


def _convolved(x: Plane, kernel: Plane, offset: Plane) -> Plane:
    """Convolve 3 x 3 with stride 2 and a rim of zeros, (h, w, c) to (h / 2, w / 2, d)."""
    height, width, channels = x.shape
    padded = np.zeros((height + 2, width + 2, channels), np.float32)
    padded[1:-1, 1:-1] = x
    size = height // 2, width // 2
    patches = np.concatenate(
        [padded[i : i + height : 2, j : j + width : 2] for i in range(3) for j in range(3)], axis=2
    )
    flat = kernel.transpose(2, 3, 1, 0).reshape(9 * channels, -1)
    return np.asarray((patches.reshape(-1, 9 * channels) @ flat + offset).reshape(*size, -1))


def grade_model(weights: str) -> GradeModel:
    """Find and read a model: weights that come with sfumato, or a folder; kept for later.

    Raises:
        FileError: there is none, or it is damaged or of another method.
        MissingExtraError: a hub name, which only `core.Apply` with torch understands.
    """
    folder = _find(weights)
    try:
        stamp = (folder / WEIGHTS).stat()
    except OSError as error:
        raise FileError(f"{folder}: there is no {WEIGHTS}", hint="copy all of it") from error
    return _remembered(folder, stamp.st_mtime_ns, stamp.st_size)


@functools.lru_cache(maxsize=4)
def _remembered(folder: Path, _mtime_ns: int, _size: int) -> GradeModel:
    settings = _settings(folder)
    count, size = int(settings.get("tables", 3)), int(settings.get("size", 33))
    state = _state(folder / WEIGHTS)
    places = PAIRED if settings.get("training", "paired") == "paired" else UNPAIRED
    wanted: dict[str, tuple[int, ...]] = {"basis": (count, 3, size, size, size)}
    if settings.get("adaptive", True):
        wanted |= _shapes(places, count)
    found = {name: array.shape for name, array in state.items() if not name.startswith("critic.")}
    if found != wanted:
        wrong = sorted({n for n in {*found, *wanted} if found.get(n) != wanted.get(n)})
        raise FileError(
            f"{folder / WEIGHTS}: {', '.join(wrong[:4])} missing, too many, or of another shape",
            hint="it does not belong to the config.yaml beside it",
        )
    broken = [name for name in wanted if not np.isfinite(state[name]).all()]
    if broken:
        raise FileError(f"{folder / WEIGHTS}: {broken[0]} holds NaN or infinity")
    inside = "predictor.model."
    layers = {
        name[len(inside) :]: np.ascontiguousarray(state[name], np.float32)
        for name in wanted
        if name.startswith(inside)
    }
    return GradeModel(np.ascontiguousarray(state["basis"], np.float32), layers, places)


def _shapes(places: Mapping[str, Any], count: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for k, layer in enumerate(places["convolutions"]):
        shapes[f"{layer}.weight"] = (WIDTHS[k + 1], WIDTHS[k], 3, 3)
        shapes[f"{layer}.bias"] = (WIDTHS[k + 1],)
        if layer + 2 in places["norms"]:
            shapes[f"{layer + 2}.weight"] = shapes[f"{layer + 2}.bias"] = (WIDTHS[k + 1],)
    shapes[f"{places['last']}.weight"] = (count, WIDTHS[-1], 8, 8)
    shapes[f"{places['last']}.bias"] = (count,)
    return {f"predictor.model.{name}": shape for name, shape in shapes.items()}


def _find(weights: str) -> Path:
    if weights.startswith("hub:"):
        raise MissingExtraError(
            f"grading reads folders, not '{weights}'",
            hint='pip install "sfumato[learn]" and use core.Apply, or download the folder',
        )
    path = Path(weights).expanduser()
    shelf = {p.parent.name: p.parent for p in sorted(SHELF.glob(f"*/{CONFIG}"))}
    for folder in (path, *(path / name for name in INSIDE), shelf.get(weights)):
        if folder is not None and (folder / CONFIG).is_file():
            return folder.resolve()
    close = difflib.get_close_matches(weights, shelf, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "name a folder that save() wrote"
    raise FileError(f"there are no weights '{weights}'", hint=hint)


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        spec = parse_yaml(read_text(path))
    except SfumatoError as error:
        raise FileError(f"{path}: {error.message}", hint=error.hint) from error
    name, settings = next(iter(spec.items())) if isinstance(spec, dict) and spec else ("", None)
    if name != "color.AdaptiveLUT" or not isinstance(settings, dict):
        raise FileError(
            f"{path}: describes {name or 'nothing'}, grading needs color.AdaptiveLUT",
            hint="other methods go through core.Apply",
        )
    return settings


def _state(path: Path) -> dict[str, NDArray[Any]]:
    if path.stat().st_size > MAX_BYTES:
        raise FileError(f"{path}: larger than {MAX_BYTES // 2**20} MiB, these are other weights")
    from safetensors import SafetensorError  # noqa: PLC0415 (only when it is needed)
    from safetensors.numpy import load_file  # noqa: PLC0415

    try:
        state = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        said = " ".join(str(error).split())[:160]
        raise FileError(f"{path}: cannot be read as weights ({said})") from error
    if {array.dtype.kind for array in state.values()} != {"f"}:
        raise FileError(f"{path}: holds something else than numbers of a network")
    return state
