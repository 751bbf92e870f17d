"""Which format a file has, by its first bytes, and what each output format holds."""

from __future__ import annotations

import codecs
from pathlib import Path

from sfumato.errors import FileError
from sfumato.io.exif import TagReader
from sfumato.io.png import SIGNATURE
from sfumato.io.source import COPY_AGAIN, Source
from sfumato.io.tiff import is_raw

__all__ = ["ENDINGS", "HOLDS", "format_of_name", "sniff"]

ENDINGS = {
    ".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png",
    ".tif": "tiff", ".tiff": "tiff", ".webp": "webp",
}  # fmt: skip
HOLDS: dict[str, tuple[int, ...]] = {
    "jpeg": (8,), "png": (8, 16), "tiff": (8, 16, 32), "webp": (8,),
}  # fmt: skip
"""Bits per channel that each format can hold; 32 is float32."""

RAWS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
OTHERS = (
    (b"GIF8", "GIF"), (b"BM", "BMP"), (b"%PDF", "PDF"), (b"8BPS", "Photoshop"),
    (b"\x76\x2f\x31\x01", "OpenEXR"), (b"#?RADIANCE", "Radiance HDR"), (b"#?RGBE", "Radiance HDR"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"), (b"\0\0\0\x0cjP  ", "JPEG 2000"), (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"), (b"gimp xcf", "GIMP"), (b"PK\x03\x04", "ZIP"),
)  # fmt: skip


def sniff(source: Source) -> str:
    """Name the format of a file by its content; its name does not count.

    Raises:
        FileError: it is no picture, or of a format that is not read.
    """
    head = source.at(0, 64)
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(SIGNATURE):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(RAWS) or (head[4:8] == b"ftyp" and head[8:11] == b"crx"):
        return "raw"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") and len(head) >= 8:
        return "raw" if is_raw(TagReader(source.at)) else "tiff"
    raise _unknown(source.path, head)


def _unknown(path: Path, head: bytes) -> FileError:
    other = next((name for start, name in OTHERS if head.startswith(start)), None)
    if head[4:8] == b"ftyp":
        other = "AVIF" if head[8:11] == b"avi" else "HEIF or video"
    if other:
        return FileError(
            f"{path}: this is {other}, which is not read",
            hint="convert it to TIFF, PNG or JPEG",
        )
    if _is_text(head):
        return FileError(f"{path}: this is text, not a picture", hint="check the name")
    return FileError(f"{path}: not a picture, or one that is cut off or corrupt", hint=COPY_AGAIN)


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # a cut last letter is allowed
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter in "\t\n\r\x0c" for letter in text)


def format_of_name(path: str | Path) -> str:
    """Name the format that the ending of an output asks for.

    Raises:
        FileError: no ending, or one that cannot be written.

    Example:
        >>> format_of_name("dusk.TIF"), HOLDS[format_of_name("dusk.TIF")]
        ('tiff', (8, 16, 32))
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        what = (
            f"'{ending}' is no ending that can be written" if ending else "the name has no ending"
        )
        raise FileError(f"{path}: {what}", hint=f"use one of {', '.join(ENDINGS)}")
    return ENDINGS[ending]
