"""Camera raw, through LibRaw."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image
from sfumato.errors import FileError, MissingExtraError, RangeError
from sfumato.io.exif import Tag, TagReader
from sfumato.io.header import Header
from sfumato.io.jpeg import exif_in
from sfumato.io.metadata import exif_from_facts, exif_of_tiff
from sfumato.io.mosaic_facts import PATTERNS, MosaicFacts
from sfumato.io.pixels import settle
from sfumato.io.source import Source, damaged

__all__ = ["XYZ_TO_SRGB", "camera_to_srgb", "decode", "header", "mosaic"]

FLIPS = {0: 1, 3: 3, 5: 8, 6: 6}
"""LibRaw's way to say how the camera was held, as EXIF orientation."""
XYZ_TO_SRGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
"""For light with the white point D65."""
NOISE_PROFILE, SUB_IFDS = 51041, 330


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


def mosaic(source: Source) -> tuple[NDArray[np.uint16], MosaicFacts]:
    """Give the codes of the visible part of the sensor, and what they mean.

    Raises:
        FileError: LibRaw cannot decode it, it is not from a Bayer sensor, or its black and
            white level make no sense.
        MissingExtraError: rawpy is not installed.
    """
    with _opened(source) as raw:
        if raw.raw_pattern is None or raw.raw_pattern.shape != (2, 2) or raw.num_colors != 3:
            raise FileError(
                f"{source.path}: no Bayer mosaic of red, green and blue",
                hint="LibRaw can still make a picture of it: --demosaic libraw, or io.read",
            )
        # The pattern of the visible part; raw_pattern is that of the whole sensor.
        cell = np.asarray(raw.raw_colors_visible[:2, :2]).reshape(-1)
        letters = raw.color_desc.decode("ascii", "replace")
        pattern = "".join(letters[k] for k in cell)
        codes = np.array(raw.raw_image_visible, np.uint16)
        blacks, white = raw.black_level_per_channel, float(raw.white_level)
        whites = raw.camera_white_level_per_channel or [white] * 4
        facts: dict[str, Any] = {
            "pattern": pattern,
            "black": tuple(float(blacks[k]) for k in cell),
            "white": tuple(float(min(whites[k] or white, white)) for k in cell),
            "white_balance": _balance(raw.camera_whitebalance, raw.daylight_whitebalance),
            "camera_to_srgb": _matrix(raw, dng=_is_dng(source)),
            "noise_profile": _noise_profile(source),
        }
    if pattern not in PATTERNS:
        raise FileError(
            f"{source.path}: the colors {pattern} are no Bayer pattern",
            hint="LibRaw can still make a picture of it: --demosaic libraw, or io.read",
        )
    try:
        return codes, MosaicFacts(**facts)
    except RangeError as error:
        raise damaged(source.path, f"what it says of its mosaic is wrong ({error.message})") from (
            error
        )


def _balance(camera: Any, daylight: Any) -> tuple[float, float, float]:
    """Give the balance that the camera chose, else that of daylight, with green at 1."""
    for factors in (camera, daylight):
        three = np.asarray(factors, np.float64)[:3]
        if np.isfinite(three).all() and three.min() > 0.0:
            red, green, blue = (three / three[1]).tolist()
            return red, green, blue
    return 1.0, 1.0, 1.0


def _is_dng(source: Source) -> bool:
    try:
        reader = TagReader(source.at)
    except ValueError:
        return False
    return Tag.DNG_VERSION in reader.directory(reader.first)[0]


def _matrix(raw: Any, *, dng: bool) -> tuple[tuple[float, float, float], ...]:
    """Give what a DNG says of itself, else what LibRaw knows of the camera."""
    found = np.asarray(raw.color_matrix, np.float64)[:3, :3]
    if not (dng and _keeps_grey(found)):
        xyz_to_camera = np.asarray(raw.rgb_xyz_matrix, np.float64)[:3, :3]
        if np.isfinite(xyz_to_camera).all() and abs(np.linalg.det(xyz_to_camera)) > 1e-6:
            found = camera_to_srgb(xyz_to_camera)
    if not _keeps_grey(found):
        found = np.eye(3)  # nobody knows: the colors stay the camera's
    return tuple((float(a), float(b), float(c)) for a, b, c in found)


def _keeps_grey(matrix: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(matrix).all() and np.abs(matrix.sum(axis=1) - 1.0).max() < 0.02)


def camera_to_srgb(xyz_to_camera: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the matrix from balanced camera colors to linear sRGB.

    Args:
        xyz_to_camera: the matrix for D65 that DNG files and LibRaw state.

    Shape:
        (3, 3); the rows of the result sum to 1.
    """
    srgb_to_camera = xyz_to_camera @ np.linalg.inv(XYZ_TO_SRGB)
    balanced = srgb_to_camera / srgb_to_camera.sum(axis=1, keepdims=True)
    return np.asarray(np.linalg.inv(balanced))


def _noise_profile(source: Source) -> tuple[float, ...]:
    """Read the tag that DNG files may say their noise with."""
    try:
        reader = TagReader(source.at)
    except ValueError:
        return ()
    first = reader.directory(reader.first)[0]
    inner = [reader.directory(at)[0] for at in reader.integers(first.get(SUB_IFDS))[:8]]
    for entries in (first, *inner):
        values = reader.numbers(entries.get(NOISE_PROFILE))
        if len(values) in {2, 6, 8} and all(math.isfinite(v) for v in values):
            return values
    return ()
