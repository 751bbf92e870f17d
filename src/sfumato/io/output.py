"""What an output file may be called and can hold."""

from __future__ import annotations

from pathlib import Path

from sfumato.core.sample import Sample
from sfumato.errors import FileError, ShapeError
from sfumato.io import jpeg, webp
from sfumato.io.depth import Depth
from sfumato.io.formats import HOLDS, format_of_name

__all__ = ["check_fits", "check_output"]


def check_output(path: str | Path, *, overwrite: bool = False, depth: Depth | None = None) -> Path:
    """Refuse an output that could not be written anyway, before the work is done.

    Args:
        path: the output.
        overwrite: whether an existing file may be replaced.
        depth: bits per channel that the output is meant to have.

    Raises:
        FileError: it exists, its folder does not, or the format does not hold this depth.

    Example:
        >>> check_output("dusk.jpg", depth=16)
        Traceback (most recent call last):
        ...
        sfumato.errors.FileError: dusk.jpg: JPEG holds 8 bits per channel, not 16
    """
    path = Path(path)
    kind = format_of_name(path)
    if depth is not None and depth not in HOLDS[kind]:
        raise FileError(_cannot_hold(path, kind, depth), hint=_ways_out(kind))
    if path.is_dir():
        raise FileError(f"{path}: this is a folder", hint="name a file in it")
    if not path.parent.is_dir():
        raise FileError(f"{path}: the folder {path.parent} does not exist", hint="create it first")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise FileError(
            f"{path}: exists already and is kept",
            hint="choose another name, or replace it with --overwrite (overwrite=True)",
        )
    return path


def _cannot_hold(path: Path, kind: str, depth: int) -> str:
    held = " or ".join(map(str, HOLDS[kind]))
    return f"{path}: {kind.upper()} holds {held} bits per channel, not {depth}"


def _ways_out(kind: str) -> str:
    best = max(HOLDS[kind])
    return f"convert with depth={best} (--depth {best}), or write a .tif"


def check_fits(path: Path, sample: Sample, depth: Depth | None) -> None:
    """Refuse a picture that the format of an output cannot hold.

    Raises:
        FileError: too many bits or pixels, or light that the format does not know.
        ShapeError: channels that the format does not have.
    """
    kind = format_of_name(path)
    image = sample.image
    bits = depth or 8 * image.dtype.itemsize
    if bits not in HOLDS[kind]:
        raise FileError(_cannot_hold(path, kind, bits), hint=_ways_out(kind))
    channels = image.shape[2]
    if channels not in (1, 3, 4):
        raise ShapeError(f"{path}: a picture has 1, 3 or 4 channels, got {channels}")
    if kind == "jpeg" and channels == 4:
        raise ShapeError(
            f"{path}: JPEG has no alpha channel",
            hint="write a .png or .tif, or leave the alpha out: image[..., :3]",
        )
    if kind != "tiff" and sample.space != "srgb":
        raise FileError(
            f"{path}: {kind.upper()} holds sRGB values, the picture is in {sample.space} light",
            hint="convert it to sRGB first, or write a .tif",
        )
    largest = {"jpeg": jpeg.LARGEST_SIDE_PX, "webp": webp.LARGEST_SIDE_PX}.get(kind)
    if largest is not None and max(sample.size) > largest:
        raise FileError(
            f"{path}: {kind.upper()} holds sides up to {largest} px, got {max(sample.size)}",
            hint="write a .png or .tif",
        )
