"""What the camera wrote, as facts with units, and back.

``exposure_time_s``, ``f_number``, ``iso``, ``focal_length_mm``,
``exposure_bias_ev``, ``camera``, ``lens``, ``datetime`` (ISO 8601, local time of the
camera). A fact that is missing, zero or nonsense in the file is not there.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sfumato.io.exif import Directory, Field, Tag, TagReader, block, fields_of

__all__ = ["exif_from_facts", "exif_of_tiff", "facts", "orientation_of"]

MAIN_TAGS = (
    Tag.DESCRIPTION, Tag.MAKE, Tag.MODEL, Tag.ORIENTATION, Tag.SOFTWARE, Tag.DATETIME,
    Tag.ARTIST, Tag.COPYRIGHT,
)  # fmt: skip
LEFT_OUT = {Tag.MAKER_NOTE, Tag.INTEROP_IFD}  # their inner offsets break when they move
DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")


def facts(exif: bytes | None) -> dict[str, Any]:
    """Read the facts of an EXIF block; a broken block has none.

    Example:
        >>> facts(exif_from_facts({"exposure_time_s": 0.004, "iso": 200}))
        {'exposure_time_s': 0.004, 'iso': 200}
    """
    if not exif:
        return {}
    try:
        reader = TagReader.of(exif)
    except ValueError:
        return {}
    main = reader.directory(reader.first)[0]
    # TIFF/EP and some raw files keep the exposure in the first directory
    both = {**main, **reader.below(main, Tag.EXIF_IFD)}
    found: dict[str, Any] = {}
    for key, value in (
        ("exposure_time_s", _exposure_time(reader, both)),
        ("f_number", _f_number(reader, both)),
        ("iso", _iso(reader, both)),
        ("focal_length_mm", _positive(reader, both, Tag.FOCAL_LENGTH)),
        ("exposure_bias_ev", _bias(reader, both)),
        ("camera", _camera(reader, both)),
        ("lens", reader.text(both.get(Tag.LENS_MODEL)) or None),
        ("datetime", _datetime(reader, both)),
    ):
        if value is not None:
            found[key] = value
    return found


def orientation_of(exif: bytes | None) -> int:
    """Give the orientation 1 to 8; what is missing or nonsense counts as 1."""
    if not exif:
        return 1
    try:
        reader = TagReader.of(exif)
    except ValueError:
        return 1
    value = reader.integer(reader.directory(reader.first)[0].get(Tag.ORIENTATION), 1)
    return value if 1 <= value <= 8 else 1


def _positive(reader: TagReader, entries: Directory, tag: int) -> float | None:
    value = reader.number(entries.get(tag))
    return float(value) if value is not None and 0 < value < 1e6 else None


def _exposure_time(reader: TagReader, entries: Directory) -> float | None:
    stated = _positive(reader, entries, Tag.EXPOSURE_TIME)
    speed = reader.number(entries.get(Tag.SHUTTER_SPEED))
    if stated is None and speed is not None and 0 < abs(speed) < 20:
        return float(2.0**-speed)
    return stated


def _f_number(reader: TagReader, entries: Directory) -> float | None:
    stated = _positive(reader, entries, Tag.F_NUMBER)
    aperture = reader.number(entries.get(Tag.APERTURE))
    if stated is None and aperture is not None and 0 < aperture < 20:
        return float(2.0 ** (aperture / 2))
    return stated


def _iso(reader: TagReader, entries: Directory) -> int | None:
    value = _positive(reader, entries, Tag.ISO)
    if value == 65535:  # more than the tag holds: the recommended index says it
        value = _positive(reader, entries, Tag.EXPOSURE_INDEX) or value
    return int(value) if value is not None else None


def _bias(reader: TagReader, entries: Directory) -> float | None:
    value = reader.number(entries.get(Tag.EXPOSURE_BIAS))
    return float(value) if value is not None and abs(value) <= 20 else None


def _camera(reader: TagReader, entries: Directory) -> str | None:
    make, model = reader.text(entries.get(Tag.MAKE)), reader.text(entries.get(Tag.MODEL))
    if make and model.lower().startswith(make.split()[0].lower()):
        make = ""
    return " ".join(part for part in (make, model) if part) or None


def _datetime(reader: TagReader, entries: Directory) -> str | None:
    for tag in (Tag.DATETIME_ORIGINAL, Tag.DATETIME):
        match = DATE.match(reader.text(entries.get(tag)))
        if match and match[1] != "0000":
            year, month, day, hour, minute, second = match.groups()
            moment = f"{year}-{month}-{day}T{hour}:{minute}:{second}"
            part = reader.text(entries.get(Tag.SUBSEC_ORIGINAL))
            whole = tag == Tag.DATETIME_ORIGINAL and part.isascii() and part.isdigit()
            return f"{moment}.{part[:6]}" if whole else moment
    return None


def exif_of_tiff(reader: TagReader, main: Directory) -> bytes | None:
    """Gather the EXIF facts of a TIFF picture or camera raw into a block of its own."""
    inner = reader.below(main, Tag.EXIF_IFD)
    place = reader.below(main, Tag.GPS_IFD)
    inner_tags = set(inner) - LEFT_OUT
    flat = {t: e for t, e in main.items() if t in _EXPOSURE_TAGS and t not in inner}
    inner_fields = fields_of(reader, inner, inner_tags) + fields_of(reader, flat, flat)
    main_fields = fields_of(reader, main, MAIN_TAGS)
    told = [f for f in main_fields if f.tag not in (Tag.ORIENTATION, Tag.DESCRIPTION)]
    if not (told or inner_fields or place):
        has_turn = any(f.tag == Tag.ORIENTATION and f.data[:1] != b"\x01" for f in main_fields)
        if not has_turn:
            return None
    main_fields = [f for f in main_fields if f.tag != Tag.DESCRIPTION]
    below = {Tag.EXIF_IFD: inner_fields, Tag.GPS_IFD: fields_of(reader, place, place)}
    return block(main_fields, below)


_EXPOSURE_TAGS = (
    Tag.EXPOSURE_TIME, Tag.F_NUMBER, Tag.ISO, Tag.SHUTTER_SPEED, Tag.APERTURE,
    Tag.EXPOSURE_BIAS, Tag.FOCAL_LENGTH, Tag.DATETIME_ORIGINAL,
)  # fmt: skip


def exif_from_facts(meta: Mapping[str, Any]) -> bytes | None:
    """Write facts as an EXIF block; None where there is nothing to say."""
    main: list[Field] = []
    inner: list[Field] = []
    for key, tag in (("exposure_time_s", Tag.EXPOSURE_TIME), ("f_number", Tag.F_NUMBER),
                     ("focal_length_mm", Tag.FOCAL_LENGTH)):  # fmt: skip
        value = meta.get(key)
        if isinstance(value, int | float) and 0 < value < 1e6:
            inner.append(Field(tag, 5, 1, struct.pack("<II", *_ratio(float(value)))))
    bias, iso = meta.get("exposure_bias_ev"), meta.get("iso")
    if isinstance(bias, int | float) and abs(bias) <= 20:
        inner.append(Field(Tag.EXPOSURE_BIAS, 10, 1, struct.pack("<ii", *_ratio(float(bias)))))
    if isinstance(iso, int | float) and 0 < iso < 1e6:
        whole = round(iso)
        kind, code = (3, "<H") if whole < 65536 else (4, "<I")
        inner.append(Field(Tag.ISO, kind, 1, struct.pack(code, whole)))
    for key, tag, where in (("camera", Tag.MODEL, main), ("lens", Tag.LENS_MODEL, inner)):
        if isinstance(meta.get(key), str) and meta[key]:
            where.append(_text(tag, meta[key]))
    match = DATE.match(str(meta.get("datetime", "")))
    if match:
        year, month, day, *clock = match.groups()
        inner.append(_text(Tag.DATETIME_ORIGINAL, f"{year}:{month}:{day} {':'.join(clock)}"))
    if not main and not inner:
        return None
    if inner:
        inner.append(Field(Tag.EXIF_VERSION, 7, 4, b"0232"))
    return block(main, {Tag.EXIF_IFD: inner})


def _text(tag: int, value: str) -> Field:
    data = value[:1000].encode("utf-8").replace(b"\0", b"") + b"\0"
    return Field(tag, 2, len(data), data)


def _ratio(value: float) -> tuple[int, int]:
    """Give the fraction that a camera would write: 1/250 and not 4000/1000000."""
    exact = Fraction(value)
    largest = (2**31 - 1) // (int(abs(value)) + 1)  # numerator and denominator have 31 bits
    for bound in (10_000, 1_000_000):
        near = exact.limit_denominator(min(bound, largest))
        if near and abs(float(near) - value) <= 1e-6 * abs(value):
            return near.numerator, near.denominator
    near = exact.limit_denominator(largest)
    return near.numerator, near.denominator
