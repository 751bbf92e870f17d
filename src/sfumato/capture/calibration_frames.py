"""Flat and dark frames in files: found, checked, sorted by ISO, put into pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.calibration import Calibration, FlatPair, calibrate_iso
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FileError, RangeError, ShapeError
from sfumato.io.mosaic import read_codes
from sfumato.io.mosaic_facts import MosaicFacts
from sfumato.io.picture import PictureInfo, probe, read

__all__ = ["calibrate_folder"]

ENDINGS = (".tif", ".tiff", ".png")
RAW_ENDINGS = (
    ".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw", ".raw",
)  # fmt: skip
NO_MOSAIC = (".jpg", ".jpeg", ".webp")
EQUAL_LEVELS = 0.05
"""Levels that differ by less may be two frames of one light, where no exposure time is known."""
LEAST_LEVEL = 20.0


@dataclass(frozen=True)
class _Frame:
    path: Path
    info: PictureInfo
    iso: float

    facts: MosaicFacts | None = None
    """What a camera raw says of itself; other files say nothing."""

    def mosaic(self) -> NDArray[Any]:
        if self.facts is not None:
            return even_codes(self.path)[0]
        sample: Sample = read(self.path, orient=False)
        return np.asarray(sample.image[..., 0])


def even_codes(path: Path) -> tuple[NDArray[Any], MosaicFacts]:
    """Read a camera raw, cut to whole cells."""
    codes, facts = read_codes(path)
    height, width = (n // 2 * 2 for n in codes.shape)
    return codes[:height, :width], facts


def calibrate_folder(
    flats: str | Path,
    darks: str | Path | None = None,
    *,
    pattern: str | None = "auto",
    black: float | None = None,
    white: float | None = None,
    iso: float | None = None,
) -> Calibration:
    """Calibrate a camera from folders of linear mosaics.

    The mosaics are camera raws, or grey TIFF or PNG of 16 bits, or float TIFF, as the sensor
    gave them: not demosaiced, not scaled, black not subtracted. Camera raws state pattern,
    black and white themselves. ISO and exposure time are read from their EXIF. Frames of one
    ISO and one exposure time are a level; without exposure times frames of nearly equal
    brightness are.

    Args:
        flats: folder of evenly lit frames, two of each exposure.
        darks: folder of frames without light, at the same ISO.
        pattern: colors of the 2 x 2 cell row by row; None for a sensor without; ``auto`` for
            what camera raws say, and RGGB for other files.
        black: value of no light, where there are no dark frames; by default what raws say.
        white: value where the sensor clips; by default what raws say, of float frames 1.
        iso: of frames that do not say it.

    Raises:
        FileError: a folder without frames, a JPEG, or a frame that cannot be read.
        DtypeError: 8-bit frames.
        ShapeError: frames in color, of unequal sizes, or too few.
        RangeError: no ISO, black or white known, or data that cannot support a fit.
    """
    lit = _frames(Path(flats), iso)
    dark = _frames(Path(darks), iso) if darks is not None else []
    top = _white(lit[0], white)
    pattern, black = _stated(lit[0], pattern, black)
    notes: list[str] = []
    found = []
    for value in sorted({frame.iso for frame in lit}):
        here = [frame for frame in lit if frame.iso == value]
        pairs, alone = _pairs(here)
        notes += [f"{frame.path.name}: no second frame of this light" for frame in alone]
        mine = [frame for frame in dark if frame.iso == value]
        if dark and not mine:
            notes.append(f"ISO {value:g}: no dark frames of this ISO")
        _check_sizes([*here, *mine])
        found.append(
            calibrate_iso(
                pairs,
                [frame.mosaic() for frame in mine],
                iso=value,
                pattern=pattern,
                black=black,
                white=top,
                dark_names=[frame.path.name for frame in mine],
            )
        )
    unused = sorted({f.iso for f in dark} - {f.iso for f in lit})
    notes += [f"ISO {value:g}: dark frames, but no flats" for value in unused]
    camera = str(lit[0].info.meta.get("camera", ""))
    return Calibration(isos=tuple(found), camera=camera, notes=tuple(notes))


def _frames(folder: Path, iso: float | None) -> list[_Frame]:
    if not folder.is_dir():
        raise FileError(f"{folder}: there is no such folder", hint="give the folder of the frames")
    paths = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    wrong = next((p for p in paths if p.suffix.lower() in NO_MOSAIC), None)
    if wrong is not None:
        raise FileError(
            f"{wrong}: this is a developed picture, no linear mosaic",
            hint="calibration needs what the sensor gave: 16-bit grey TIFF or PNG",
        )
    paths = [p for p in paths if p.suffix.lower() in (*ENDINGS, *RAW_ENDINGS)]
    if not paths:
        raise FileError(
            f"{folder}: holds no mosaics",
            hint=f"they are camera raws, or grey pictures of 16 bits: {', '.join(ENDINGS)}",
        )
    return [_frame(path, iso) for path in paths]


def _frame(path: Path, iso: float | None) -> _Frame:
    info = probe(path, orient=False)
    if info.meta.get("format") == "raw":
        return _Frame(path, info, _iso(path, info, iso), even_codes(path)[1])
    if info.meta.get("format") not in ("png", "tiff") or info.channels != 1:
        raise ShapeError(
            f"{path}: expected a mosaic, one value for each pixel, got {info.channels} channels "
            f"of {info.meta.get('format')}",
            hint="a developed picture has lost its noise: write the mosaic as grey TIFF",
        )
    if info.dtype == "uint8":
        raise DtypeError(
            f"{path}: 8-bit values are no linear sensor values",
            hint="write the mosaic with 16 bits",
        )
    return _Frame(path, info, _iso(path, info, iso))


def _iso(path: Path, info: PictureInfo, iso: float | None) -> float:
    value = info.meta.get("iso", iso)
    if value is None:
        raise RangeError(f"{path}: does not say its ISO", hint="say it: --iso 100")
    return float(value)


def _stated(
    frame: _Frame, pattern: str | None, black: float | None
) -> tuple[str | None, float | None]:
    """Give pattern and black: as asked for, else as the raw says, else RGGB and unknown."""
    if frame.facts is None:
        return ("RGGB" if pattern == "auto" else pattern), black
    levels = frame.facts.black
    if black is None and max(levels) == min(levels):
        black = levels[0]
    return (frame.facts.pattern if pattern == "auto" else pattern), black


def _check_sizes(frames: Sequence[_Frame]) -> None:
    first = frames[0]
    for frame in frames[1:]:
        if frame.info.size != first.info.size:
            raise ShapeError(
                f"{frame.path}: is {frame.info.size[1]} x {frame.info.size[0]} px, "
                f"{first.path} is {first.info.size[1]} x {first.info.size[0]}",
                hint="all flats and darks must come from one camera in one mode",
            )


def _white(frame: _Frame, white: float | None) -> float:
    if white is not None:
        return white
    if frame.facts is not None:
        return min(frame.facts.white)
    if frame.info.dtype == "float32":
        return 1.0
    raise RangeError(
        f"{frame.path}: the value where the sensor clips is not known",
        hint="say it: --white 16383 for a sensor of 14 bits",
    )


def _pairs(frames: Sequence[_Frame]) -> tuple[list[FlatPair], list[_Frame]]:
    """Put frames of one ISO into pairs of one light, from dark to bright."""
    levels = {frame.path: float(frame.mosaic()[::5, ::5].mean()) for frame in frames}
    times = {f.info.meta.get("exposure_time_s") for f in frames}
    groups: dict[Any, list[_Frame]] = {}
    for frame in frames:
        meta: Mapping[str, Any] = frame.info.meta
        key = (meta["exposure_time_s"], meta.get("f_number")) if None not in times else None
        groups.setdefault(key, []).append(frame)
    found, alone = [], []
    for key, group in groups.items():
        waiting = sorted(group, key=lambda frame: (levels[frame.path], frame.path.name))
        while waiting:
            frame = waiting.pop(0)
            level = levels[frame.path]
            near = waiting and (
                key is not None
                or levels[waiting[0].path] - level < EQUAL_LEVELS * max(level, LEAST_LEVEL)
            )
            if near:
                found.append((level, frame, waiting.pop(0)))
            else:
                alone.append(frame)
    found.sort(key=lambda item: item[0])
    return [_pair(a, b) for _, a, b in found], alone


def _pair(a: _Frame, b: _Frame) -> FlatPair:
    name = f"{a.path.name} and {b.path.name}"
    return FlatPair(name=name, read=lambda: (a.mosaic(), b.mosaic()))
