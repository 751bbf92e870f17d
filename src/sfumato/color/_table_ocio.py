"""Color tables in the forms that OpenColorIO reads and writes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.color.color_table import ColorTable
from sfumato.color.cube_file import write_cube
from sfumato.core.files import atomic_path
from sfumato.errors import FileError, MissingExtraError, SfumatoError

try:
    import PyOpenColorIO as ocio  # noqa: N813 (its usual name)
except ImportError as error:
    raise MissingExtraError(
        f"this kind of color table needs OpenColorIO, which cannot be imported: {error}",
        hint='pip install "sfumato[ocio]", or convert the table to .cube elsewhere',
    ) from error

__all__ = ["read_with_ocio", "write_with_ocio"]

MAX_BYTES = 256 * 2**20
FORMATS = {".3dl": "lustre", ".csp": "cinespace", ".spi3d": "spi3d"}


def read_with_ocio(path: Path) -> ColorTable:
    """Read a .3dl, .csp or .spi3d file, its shaper kept apart.

    Raises:
        FileError: OpenColorIO cannot read it, or it holds no 3D table.
    """
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise FileError(f"{path}: larger than {MAX_BYTES // 2**20} MiB, this is no table")
    ocio.SetLoggingLevel(ocio.LOGGING_LEVEL_NONE)
    try:
        transform = ocio.FileTransform(str(path.resolve()))
        parts = list(ocio.Config.CreateRaw().getProcessor(transform).createGroupTransform())
    except Exception as error:  # whatever a foreign parser may say
        said = " ".join(str(error).split())[-160:]
        raise FileError(
            f"{path}: OpenColorIO cannot read it ({said})",
            hint="copy the file again, it may be cut off",
        ) from error
    if not parts or not isinstance(parts[-1], ocio.Lut3DTransform):
        raise FileError(f"{path}: the file holds curves only, no 3D table")
    try:
        return _table(path, parts)
    except FileError:
        raise
    except SfumatoError as error:
        raise FileError(f"{path}: {error.message}", hint=error.hint) from error


def _table(path: Path, parts: list[Any]) -> ColorTable:
    *before, cube = parts
    size = cube.getGridSize()
    # Blue runs fastest there, red here.
    data = np.array(cube.getData(), np.float32).reshape(size, size, size, 3)
    table = ColorTable(data.transpose(2, 1, 0, 3), title=path.stem)
    if before and isinstance(before[-1], ocio.MatrixTransform):
        low, high = _bounds(path, before.pop())
        table = table.but(domain_min=low, domain_max=high)
    if before and isinstance(before[-1], ocio.Lut1DTransform):
        curves = before.pop()
        length = curves.getLength()
        shaper = np.array(curves.getData(), np.float32).reshape(length, 3)
        low, high = _bounds(path, before.pop()) if before else ((0.0,) * 3, (1.0,) * 3)
        table = table.but(shaper=shaper, shaper_min=low, shaper_max=high)
    if before:
        names = ", ".join(type(part).__name__ for part in before)
        raise FileError(f"{path}: has parts before its table that are not supported: {names}")
    return table


def _bounds(path: Path, matrix: Any) -> tuple[Any, Any]:
    """Give the range that a scaling brings to 0..1."""
    scales = np.array(matrix.getMatrix()).reshape(4, 4)
    shifts = np.array(matrix.getOffset())
    scale = np.diag(scales)[:3]
    if np.abs(scales - np.diag(np.diag(scales))).max() > 0 or not (scale > 0).all():
        raise FileError(f"{path}: mixes channels before its table, which is not supported")
    low = -shifts[:3] / scale
    return tuple(low.tolist()), tuple((low + 1.0 / scale).tolist())


def write_with_ocio(path: Path, table: ColorTable) -> Path:
    """Let OpenColorIO write a table whose input is 0..1.

    Raises:
        FileError: the table has a shaper or another domain, or OpenColorIO refuses.
    """
    unit = (table.domain_min, table.domain_max) == ((0.0,) * 3, (1.0,) * 3)
    if table.shaper is not None or not unit:
        raise FileError(
            f"{path}: this form is written for tables over 0..1 without a shaper",
            hint="write a .cube file",
        )
    ocio.SetLoggingLevel(ocio.LOGGING_LEVEL_NONE)
    with tempfile.TemporaryDirectory() as folder:
        source = write_cube(Path(folder) / "table.cube", table)
        try:
            text = _baked(source, path.suffix.lower(), table.size)
        except Exception as error:  # whatever a foreign writer may say
            said = " ".join(str(error).split())[-160:]
            raise FileError(f"{path}: OpenColorIO cannot write it ({said})") from error
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _baked(source: Path, kind: str, size: int) -> str:
    config = ocio.Config.CreateRaw()
    graded = ocio.ColorSpace(name="graded")
    look = ocio.FileTransform(str(source), interpolation=ocio.INTERP_TETRAHEDRAL)
    graded.setTransform(look, ocio.COLORSPACE_DIR_FROM_REFERENCE)
    plain = ocio.ColorSpace(name="plain")
    for space in (graded, plain):
        config.addColorSpace(space)
    baker = ocio.Baker()
    baker.setConfig(config)
    baker.setFormat(FORMATS[kind])
    baker.setInputSpace("plain")
    baker.setTargetSpace("graded")
    baker.setCubeSize(size)
    return str(baker.bake())
