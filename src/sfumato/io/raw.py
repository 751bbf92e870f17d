"""Camera raw, through LibRaw."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from sfumato.core.shapes import Image
from sfumato.errors import FileError, MissingExtraError
from sfumato.io.exif import TagReader
from sfumato.io.header import Header
from sfumato.io.jpeg import exif_in
from sfumato.io.metadata import exif_from_facts, exif_of_tiff
from sfumato.io.pixels import settle
from sfumato.io.source import Source, damaged

__all__ = ["decode", "header"]

FLIPS = {0: 1, 3: 3, 5: 8, 6: 6}
"""LibRaw's way to say how the camera was held, as EXIF orientation."""


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[Any]:
    try:
        import rawpy  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingExtraError(
            f"{source.path}: reading camera raw needs rawpy", hint='pip install "sfumato[raw]"'
        ) from error
    try:
        with rawpy.imread(str(source.path)) as raw:
            yield raw
    except FileError:
        raise
    except Exception as error:  # LibRaw and what it makes of foreign bytes
        said = error.args[0] if error.args else type(error).__name__
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise damaged(source.path, f"LibRaw cannot read this camera raw ({said[:120]})") from error


def header(source: Source) -> Header:
    """Read size and EXIF of a camera raw.

    Raises:
        FileError: LibRaw does not know it.
        MissingExtraError: rawpy is not installed.
    """
    with _opened(source) as raw:
        sizes = raw.sizes
        exif = _exif_of_structure(source) or _exif_of_preview(raw) or _exif_of_libraw(raw)
    return Header(
        format="raw",
        width=sizes.iwidth,
        height=sizes.iheight,
        channels=3,
        dtype=np.dtype(np.uint16),
        orientation=FLIPS.get(sizes.flip, 1),
        exif=exif,
    )


def _exif_of_structure(source: Source) -> bytes | None:
    """Most camera raws are TIFF inside: their own directories tell most."""
    try:
        reader = TagReader(source.at)
    except ValueError:
        return None
    return exif_of_tiff(reader, reader.directory(reader.first)[0])


def _exif_of_preview(raw: Any) -> bytes | None:
    try:
        preview = raw.extract_thumb().data
    except Exception:  # no preview, or one of a kind that LibRaw does not give out
        return None
    return exif_in(preview) if isinstance(preview, bytes) else None


def _exif_of_libraw(raw: Any) -> bytes | None:
    other = getattr(raw, "other", None)
    return exif_from_facts(
        {
            "exposure_time_s": getattr(other, "shutter", 0),
            "f_number": getattr(other, "aperture", 0),
            "iso": getattr(other, "iso_speed", 0),
            "focal_length_mm": getattr(other, "focal_length", 0),
        }
    )


def decode(source: Source, head: Header, out: Image | None = None) -> Image:
    """Render a camera raw with the camera's white balance to 16-bit sRGB.

    Nothing is adapted to the content (no automatic brightness, no automatic
    white level), so frames of a bracket keep their differences.

    Raises:
        FileError: LibRaw cannot decode it.
        MissingExtraError: rawpy is not installed.
    """
    with _opened(source) as raw:
        image = raw.postprocess(
            use_camera_wb=True,
            output_bps=16,
            gamma=(2.4, 12.92),  # the sRGB curve
            user_flip=0,
            no_auto_bright=True,
            adjust_maximum_thr=0.0,
        )
    if image.shape != (head.height, head.width, 3) or image.dtype != np.uint16:
        raise FileError(
            f"{source.path}: LibRaw gives {image.shape} where it promised {head.size(False)}"
        )
    return settle(image, out)
