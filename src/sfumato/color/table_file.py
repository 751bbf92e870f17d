"""Color tables in files: the ending of the name says the form."""

from __future__ import annotations

import functools
from pathlib import Path

from sfumato.color.color_table import ColorTable
from sfumato.color.cube_file import read_cube, write_cube
from sfumato.color.hald import hald_image, table_from_hald
from sfumato.errors import FileError, ShapeError

__all__ = ["cached_table", "read_table", "write_table"]

PICTURES = (".png", ".tif", ".tiff")
OTHERS = (".3dl", ".csp", ".spi3d")
"""Forms that OpenColorIO reads and writes for us."""
KEPT = 8
"""Tables remembered; a video or a folder of pictures uses one look again and again."""


def read_table(path: str | Path) -> ColorTable:
    """Read a color table.

    ``.cube`` is read strictly by sfumato; ``.png`` and ``.tif`` are HALD images; ``.3dl``,
    ``.csp`` and ``.spi3d`` need ``sfumato[ocio]``.

    Raises:
        FileError: it cannot be read, is damaged, or of another form.
        MissingExtraError: OpenColorIO is needed and not installed.

    Example:
        >>> path = getfixture("tmp_path") / "same.cube"
        >>> _ = write_table(path, ColorTable.identity(5))
        >>> read_table(path) == ColorTable.identity(5)
        True
    """
    path = Path(path)
    kind = _kind(path)
    if not path.exists():
        raise FileError(f"{path}: there is no such file", hint="check the name")
    if kind == ".cube":
        return read_cube(path)
    if kind in PICTURES:
        from sfumato.io.picture import read  # noqa: PLC0415 (codecs)

        try:
            return table_from_hald(read(path, orient=False).image, title=path.stem)
        except ShapeError as error:
            raise FileError(f"{path}: {error.message}", hint=error.hint) from error
    from sfumato.color._table_ocio import read_with_ocio  # noqa: PLC0415 (an extra)

    return read_with_ocio(path)


def write_table(path: str | Path, table: ColorTable, *, overwrite: bool = False) -> Path:
    """Write a color table.

    ``.cube`` gives the table back bit for bit. ``.png`` and ``.tif`` write a HALD image of
    16 bits with at least as many entries, clipped to 0..1. ``.3dl``, ``.csp`` and ``.spi3d``
    need ``sfumato[ocio]``; ``.3dl`` rounds to whole numbers.

    Raises:
        FileError: it exists, cannot be written, or the form cannot hold this table.
        MissingExtraError: OpenColorIO is needed and not installed.
    """
    path = Path(path)
    kind = _kind(path)
    if kind == ".cube":
        return write_cube(path, table, overwrite=overwrite)
    if path.exists() and not overwrite:
        raise FileError(f"{path}: exists already and is kept", hint="overwrite=True replaces it")
    if kind in PICTURES:
        from sfumato.io.picture import write  # noqa: PLC0415 (codecs)

        level = next(k for k in range(2, 13) if k * k >= min(table.size, 121))
        return write(path, hald_image(level, "uint16", table=table), overwrite=overwrite)
    from sfumato.color._table_ocio import write_with_ocio  # noqa: PLC0415 (an extra)

    return write_with_ocio(path, table)


def cached_table(path: str | Path) -> ColorTable:
    """Read a table once, and again when the file has changed."""
    path = Path(path)
    try:
        about = path.stat()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot be read: {said}", hint="check the name") from error
    return _remembered(path, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=KEPT)
def _remembered(path: Path, _mtime_ns: int, _size: int) -> ColorTable:
    return read_table(path)


def _kind(path: Path) -> str:
    kind = path.suffix.lower()
    if kind not in (".cube", *PICTURES, *OTHERS):
        raise FileError(
            f"{path}: '{path.suffix}' is no form of a color table",
            hint=f"it is one of .cube, {', '.join((*PICTURES, *OTHERS))}",
        )
    return kind
