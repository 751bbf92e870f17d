"""Published image-adaptive 3D LUTs, brought into the house."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.color.adaptive_lut import AdaptiveLUT
from sfumato.core.tensors import Tensor, torch
from sfumato.core.weights import read_state
from sfumato.errors import FileError

__all__ = ["published_adaptive_lut"]

TABLE = re.compile(r"(\d{1,2})\.LUT")


def published_adaptive_lut(tables: str | Path, predictor: str | Path) -> AdaptiveLUT:
    """Read the two files of a published image-adaptive 3D LUT.

    What they are is seen from their entries: how many tables of what size, and whether they
    were trained with pairs or without. Every entry must have its place. Published files hold
    no critic: of unpaired ones it starts afresh.

    Args:
        tables: ``LUTs.pth``, or the same as ``.safetensors`` with names such as ``0.LUT``.
        predictor: ``classifier.pth`` or ``.safetensors``.

    Raises:
        FileError: a file cannot be read, or its entries are others.

    References:
        https://github.com/HuiZeng/Image-Adaptive-3DLUT
    """
    found = _read(Path(tables))
    basis = _basis(found, tables)
    state = _read(Path(predictor))
    with torch.random.fork_rng(devices=[]):
        method = AdaptiveLUT(
            tables=len(basis),
            size=basis.shape[-1],
            training="paired" if "model.16.weight" in state else "unpaired",
        )
    assert method.predictor is not None, "it is adaptive"
    method.predictor.put_state(state, str(predictor))
    with torch.no_grad():
        method.basis.copy_(basis)
    return method.eval()


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return read_state(path, "published_adaptive_lut")
    try:
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # foreign bytes
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(
            f"{path}: cannot be read as weights ({said[:160]})",
            hint="a .safetensors file, or a .pth that holds tensors only",
        ) from error
    flat = dict(_flattened(held, "", 0)) if isinstance(held, Mapping) else {}
    if not flat or not all(isinstance(value, Tensor) for value in flat.values()):
        raise FileError(f"{path}: holds something else than tensors by name")
    return flat


def _flattened(held: Mapping[Any, Any], before: str, depth: int) -> list[tuple[str, Any]]:
    """Join the names of tables within tables by dots."""
    found: list[tuple[str, Any]] = []
    for name, value in held.items():
        if isinstance(value, Mapping) and depth == 0:
            found += _flattened(value, f"{before}{name}.", depth + 1)
        else:
            found.append((f"{before}{name}", value))
    return found


def _basis(state: Mapping[str, Tensor], path: str | Path) -> Tensor:
    strangers = [name for name in state if not TABLE.fullmatch(name)]
    wanted = [f"{k}.LUT" for k in range(len(state))]
    if strangers or sorted(state) != sorted(wanted):
        raise FileError(
            f"{path}: expected tables named {', '.join(wanted[:3])}, ..., "
            f"got {', '.join(sorted(state)[:6])}"
        )
    shapes = {tuple(table.shape) for table in state.values()}
    side = next(iter(shapes))[-1] if all(len(shape) == 4 for shape in shapes) else 0
    if shapes != {(3, side, side, side)} or side < 2:
        raise FileError(f"{path}: expected tables (3, s, s, s), got {sorted(shapes)}")
    basis = torch.stack([state[name].float() for name in wanted])
    if not torch.isfinite(basis).all():
        raise FileError(f"{path}: a table holds NaN or infinity")
    return basis
