"""Write a mosaic as DNG, which every raw developer opens."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from sfumato.core.files import atomic_path
from sfumato.core.sample import Sample
from sfumato.errors import FileError, RangeError
from sfumato.io.exif import Tag
from sfumato.io.metadata import exif_from_facts
from sfumato.io.mosaic_facts import MosaicFacts, facts_of, tiled
from sfumato.io.raw import XYZ_TO_SRGB
from sfumato.io.tiff_write import LARGEST_BYTES, append_fields, split_exif

__all__ = ["check_mosaic_output", "write_mosaic"]

CFA = 32803
D65 = 21
PARTS = 1_000_000
BYTE, TEXT, SHORT, LONG, FRACTION, SIGNED_FRACTION, DOUBLE = 1, 2, 3, 4, 5, 10, 12


def write_mosaic(path: str | Path, sample: Sample, *, overwrite: bool = False) -> Path:
    """Write a raw mosaic as uncompressed 16-bit DNG.

    Values go back to the codes of the sensor, rounded; what lies outside 0 to 65535 ends
    there, as in a sensor. Black, white, pattern, white balance, camera matrix, orientation,
    the noise profile and the facts of the exposure stand in the file.

    Args:
        path: where to, ending in .dng; its folder must exist.
        sample: from `read_mosaic`, `mosaic_from_array` or a simulated camera; of one with a
            stack the image is written.
        overwrite: replace an existing file.

    Raises:
        FileError: another ending, an existing file, a file that cannot be written, or a
            mosaic larger than a DNG can be.
        FieldError: the sample is no mosaic.
        RangeError: values that are not finite.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array, read_mosaic
        >>> sample = mosaic_from_array(np.full((64, 64), 1024, np.uint16), white=4095)
        >>> name = write_mosaic(getfixture("tmp_path") / "grey.dng", sample)
        >>> name.name
        'grey.dng'
    """
    path = Path(path)
    found = _whole(facts_of(sample, "write_mosaic"))
    check_mosaic_output(path, overwrite=overwrite)
    if 2 * sample.image.size > LARGEST_BYTES:
        raise FileError(f"{path}: the mosaic is larger than a DNG can be")
    if not np.isfinite(sample.image).all():
        raise RangeError("write_mosaic: the mosaic holds NaN or infinite values")
    codes = codes_of(sample.image[..., 0], found)
    exif = sample.meta.get("exif") or exif_from_facts(sample.meta)
    main, below = split_exif(exif)
    main = [field for field in main if field.tag in (Tag.DATETIME, Tag.ARTIST, Tag.COPYRIGHT)]
    camera = str(sample.meta.get("camera") or "sfumato virtual camera")
    maker, _, model = camera.partition(" ")
    with atomic_path(path) as temporary:
        with tifffile.TiffWriter(temporary, byteorder="<", bigtiff=False) as file:
            file.write(
                codes,
                photometric=CFA,
                subfiletype=0,
                software=False,
                metadata=None,
                extratags=_tags(found, maker, model or maker, camera),
            )
        append_fields(temporary, main, below)
    return path


def check_mosaic_output(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a raw file that could not be written anyway, before the work is done.

    Raises:
        FileError: another ending than .dng, a folder that does not exist, or a file that does.
    """
    if path.suffix.lower() != ".dng":
        raise FileError(f"{path}: a mosaic is written as .dng", hint="name it so")
    if not path.parent.is_dir():
        raise FileError(f"{path}: the folder {path.parent} does not exist", hint="create it first")
    if (path.exists() or path.is_symlink()) and not overwrite:
        raise FileError(
            f"{path}: exists already and is kept",
            hint="choose another name, or replace it with --overwrite (overwrite=True)",
        )


def _whole(found: MosaicFacts) -> MosaicFacts:
    """Round black and white, since readers may cut fractions of them off."""
    black, white = np.rint(found.black).tolist(), np.rint(found.white).tolist()
    return dataclasses.replace(found, black=tuple(black), white=tuple(white))


def codes_of(plane: NDArray[Any], found: MosaicFacts) -> NDArray[np.uint16]:
    """Give the readings of a sensor for signed values on the unit range."""
    span, black = tiled(found.span, plane.shape), tiled(np.array(found.black), plane.shape)
    codes = np.rint(plane * span + black)
    return np.asarray(np.clip(codes, 0, 65535), np.uint16)


def _tags(
    found: MosaicFacts, maker: str, model: str, camera: str
) -> list[tuple[int, int, int, Any, bool]]:
    colors = bytes(found.sites)
    # Pure camera colors of daylight, balanced as the picture was taken.
    balance = np.array(found.white_balance)
    matrix = np.linalg.inv(np.array(found.camera_to_srgb)) @ XYZ_TO_SRGB / balance[:, None]
    tags: list[tuple[int, int, int, Any, bool]] = [
        (Tag.MAKE, TEXT, 0, maker, True),
        (Tag.MODEL, TEXT, 0, model, True),
        (Tag.ORIENTATION, SHORT, 1, found.orientation, True),
        (33421, SHORT, 2, (2, 2), True),
        (33422, BYTE, 4, colors, True),
        (Tag.DNG_VERSION, BYTE, 4, bytes([1, 4, 0, 0]), True),
        (50707, BYTE, 4, bytes([1, 1, 0, 0]), True),
        (50708, TEXT, 0, camera, True),
        (50710, BYTE, 3, bytes([0, 1, 2]), True),
        (50711, SHORT, 1, 1, True),
        (50713, SHORT, 2, (2, 2), True),
        (50714, FRACTION, 4, _fractions(found.black), True),
        (50717, LONG, 1, round(max(found.white)), True),
        (50721, SIGNED_FRACTION, 9, _fractions(matrix.ravel().tolist()), True),
        (50728, FRACTION, 3, _fractions((1.0 / balance).tolist()), True),
        (50778, SHORT, 1, D65, True),
    ]
    if found.noise_profile:
        tags.append((51041, DOUBLE, len(found.noise_profile), found.noise_profile, True))
    return tags


def _fractions(values: Sequence[float]) -> tuple[int, ...]:
    # Thousandths for readings, millionths for what is near 1: both fit into 31 bits.
    pairs = [
        (round(v * parts), parts) for v in values for parts in [PARTS if abs(v) < 2000 else 1000]
    ]
    return tuple(n for pair in pairs for n in pair)
