"""Answers for pictures of any size: padded and cropped, or tile by tile without a seam."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sfumato.core.batch import Batch
from sfumato.core.method import Method
from sfumato.core.tensors import Tensor, nn, torch
from sfumato.core.tiles import Window, blending_weights, tile_windows
from sfumato.errors import FieldError, RangeError, ShapeError

__all__ = ["predict", "tile_for_memory"]

SPATIAL = ("image", "target", "hint", "depth", "mask", "scores")
PROBE_PX = 64
"""Side of the picture that is sent through to see what memory it takes."""
LEAST_TILE_PX = 128
SHARE = 0.5
"""How much of the free memory tiles may take."""


def predict(
    method: Method,
    batch: Batch,
    *,
    rng: torch.Generator | None = None,
    tile_px: int | Literal["auto"] | None = None,
    overlap_px: int | None = None,
    **options: Any,
) -> Batch:
    """Let a method answer pictures of any size.

    Sides are padded to ``multiple_of`` by reflection, and the answer is cropped
    back. With tiles, windows that lie on the method's own grid are answered one by
    one and blended (`sfumato.core.tiles`): a method that sees at most
    ``overlap_px / 4`` pixels far gives the same with tiles as without. Labels are not
    blended: where the answer has ``scores``, these are, and the labels are the largest;
    else each label comes from the window in which it lies deepest.

    Args:
        method: a method; it is left in the mode (training or not) that it is in.
        batch: what it reads.
        rng: where all randomness comes from; None always draws the same.
        tile_px: side of a tile; None for the picture at once; "auto" for the picture
            at once where it fits into memory, else the largest tile that does.
        overlap_px: what neighbours share; None as the method says.
        options: passed on to the method.

    Raises:
        RangeError: the overlap leaves no room in a tile.
        FieldError: tiles, and the method answers with something that has no place.
        ShapeError: the answer is of a size that has no whole ratio to the picture's.
    """
    height, width = batch.size
    grid = method.multiple_of
    padded = _padded(batch, -height % grid, -width % grid)
    if tile_px == "auto":
        tile_px = tile_for_memory(method, padded)
    if tile_px is None or tile_px >= max(padded.size):
        return _cropped(padded, method.predict(padded, rng=rng, **options), batch)
    overlap = method.overlap_px if overlap_px is None else overlap_px
    answer = _tiled(method, padded, tile_px, overlap, {**options, "rng": rng})
    return _cropped(padded, answer, batch)


def _tiled(
    method: Method, batch: Batch, tile_px: int, overlap_px: int, options: dict[str, Any]
) -> Batch:
    grid = method.multiple_of
    tile, overlap = max(1, tile_px // grid), -(-overlap_px // grid)
    if overlap >= tile:
        raise RangeError(
            f"{type(method).__name__}: tiles of {tile * grid} px cannot overlap by "
            f"{overlap * grid} px",
            hint="give larger tiles (tile_px) or a smaller overlap (overlap_px)",
        )
    blocks = batch.size[0] // grid, batch.size[1] // grid
    sums: dict[str, Tensor] = {}
    deepest: Tensor | None = None
    weight_sum = batch.image.new_zeros(batch.size)
    for window in tile_windows(blocks, tile, overlap):
        place = Window(*(grid * number for number in window))
        piece = _cut(batch, place)
        answer = method.predict(piece, **options)
        told = _news(piece, answer)
        weight = torch.from_numpy(blending_weights(place, batch.size, overlap * grid))
        weight = weight.to(batch.device)
        if deepest is None:
            deepest = torch.full_like(weight_sum, -1.0)
        deeper = weight > deepest[place.slices]
        for name, tensor in told.items():
            scale = _scale(tensor, (place.height, place.width))
            if name not in sums:
                whole = (*tensor.shape[:-2], *(scale * side for side in batch.size))
                dtype = tensor.dtype if name == "mask" else torch.float32
                sums[name] = torch.zeros(whole, dtype=dtype, device=tensor.device)
            rows, columns = Window(*(scale * number for number in place)).slices
            into = sums[name][..., rows, columns]
            if name == "mask":
                into.copy_(torch.where(_enlarged(deeper, scale), tensor, into))
            else:
                into.add_(_enlarged(weight, scale) * tensor.float())
        deepest[place.slices] = torch.maximum(weight, deepest[place.slices])
        weight_sum[place.slices] += weight
    for name, total in sums.items():
        if name != "mask":
            sums[name] = total / _enlarged(weight_sum, total.shape[-2] // batch.size[0])
    if "scores" in sums and "mask" in sums:
        sums["mask"] = sums["scores"].argmax(1)
    return batch.but(**sums)


def _enlarged(plane: Tensor, scale: int) -> Tensor:
    return plane.repeat_interleave(scale, -2).repeat_interleave(scale, -1) if scale > 1 else plane


def _scale(tensor: Tensor, size: tuple[int, int]) -> int:
    scale = max(1, tensor.shape[-2] // size[0])
    if tuple(tensor.shape[-2:]) != (size[0] * scale, size[1] * scale):
        raise ShapeError(
            f"a method answered {size[0]} x {size[1]} px with "
            f"{tensor.shape[-2]} x {tensor.shape[-1]} px, which is no whole ratio"
        )
    return scale


def _news(asked: Batch, answer: Batch) -> dict[str, Tensor]:
    """Give what the method wrote; everything else is passed on from the whole picture."""
    before = asked.tensors()
    told = {n: t for n, t in answer.tensors().items() if t is not before.get(n)}
    strangers = [name for name in told if name not in SPATIAL]
    if strangers:
        raise FieldError(
            f"tiles have no place for '{strangers[0]}', which is about the whole picture",
            hint="tile_px=None",
        )
    return told


def _cut(batch: Batch, window: Window) -> Batch:
    rows, columns = window.slices
    spatial = _of_size(batch, batch.size)
    return batch.but(**{name: tensor[..., rows, columns] for name, tensor in spatial.items()})


def _of_size(batch: Batch, size: tuple[int, int]) -> dict[str, Tensor]:
    tensors = {name: t for name, t in batch.tensors().items() if name in SPATIAL}
    return {name: t for name, t in tensors.items() if tuple(t.shape[-2:]) == size}


def _padded(batch: Batch, down: int, across: int) -> Batch:
    if not down and not across:
        return batch
    rows, columns = (
        _reflected(side, side + more, batch.device)
        for side, more in zip(batch.size, (down, across), strict=True)
    )
    spatial = _of_size(batch, batch.size)
    grown = {n: t.index_select(-2, rows).index_select(-1, columns) for n, t in spatial.items()}
    return batch.but(**grown)


def _reflected(length: int, wanted: int, device: torch.device) -> Tensor:
    """Number the rows of a picture continued by mirroring, however far."""
    index = torch.arange(wanted, device=device)
    if length == 1:
        return torch.zeros_like(index)
    index = index % (2 * (length - 1))
    return torch.minimum(index, 2 * (length - 1) - index)


def _cropped(padded: Batch, answer: Batch, batch: Batch) -> Batch:
    told = {n: t for n, t in answer.tensors().items() if t is not padded.tensors().get(n)}
    height, width = batch.size
    for name in SPATIAL:
        if name in told:
            scale = _scale(told[name], padded.size)
            told[name] = told[name][..., : height * scale, : width * scale]
    plain = {n: getattr(answer, n) for n in ("text", "meta") if getattr(answer, n) is not None}
    return batch.but(**told, **plain)


def tile_for_memory(method: Method, batch: Batch) -> int | None:
    """Choose the largest tile that fits into memory; None where the picture does at once.

    A small piece is sent through the method, and what all its modules give is added
    up: more than is ever held at once, since most of it is freed on the way. Half of the
    memory that is free now may be taken.
    """
    grid = method.multiple_of
    side = max(grid, PROBE_PX // grid * grid)
    piece = _cut(batch, Window(0, 0, min(side, batch.size[0]), min(side, batch.size[1])))
    with _counting(method) as count:
        method.predict(piece, rng=torch.Generator(batch.device).manual_seed(0))
    given = sum(t.numel() * t.element_size() for t in piece.tensors().values())
    per_px = (count() + given) / (piece.size[0] * piece.size[1])
    affordable_px = SHARE * free_bytes(batch.device) / per_px
    if batch.size[0] * batch.size[1] <= affordable_px:
        return None
    least = max(LEAST_TILE_PX, 2 * method.overlap_px)
    return max(least, int(affordable_px**0.5)) // grid * grid or grid


@contextmanager
def _counting(method: nn.Module) -> Iterator[Any]:
    """Add up the bytes that the modules of a method give away."""
    total = 0

    def heard(_module: nn.Module, _given: Any, gave: Any) -> None:
        nonlocal total
        if isinstance(gave, Tensor):
            total += gave.numel() * gave.element_size()

    hooks = [module.register_forward_hook(heard) for module in method.modules()]
    try:
        yield lambda: total
    finally:
        for hook in hooks:
            hook.remove()


def free_bytes(device: torch.device) -> float:
    """Tell how much memory is free: of the GPU, or of this machine and its container."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    found = [_first_number(line) * 1024 for line in _lines("/proc/meminfo") if "Available" in line]
    limit, used = (_lines(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit and used and limit[0].strip().isdigit():
        found.append(int(limit[0]) - int(used[0]))
    if not found and hasattr(os, "sysconf"):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
    return float(max(0, min(found, default=2 * 2**30)))


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _first_number(line: str) -> int:
    return int(next(word for word in line.split() if word.isdigit()))
