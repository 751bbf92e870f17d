"""Noise as other programs write it down: the DNG tag NoiseProfile, and darktable's profiles."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.files import read_text, write_atomically
from sfumato.errors import FieldError, FileError, RangeError, ShapeError

__all__ = [
    "noise_profile_tag",
    "read_darktable_noise",
    "read_noise_profile",
    "write_darktable_noise",
]

NOISE_PROFILE = 51041
DOUBLE = 12


def read_noise_profile(path: str | Path) -> tuple[float, ...]:
    """Read the numbers of the NoiseProfile of a DNG, for `NoiseModel.from_noise_profile`.

    Args:
        path: a DNG; the tag may stand in the first directory or in that of the raw picture.

    Raises:
        FileError: the file cannot be read as TIFF.
        FieldError: it has no NoiseProfile.
    """
    try:
        with tifffile.TiffFile(Path(path)) as file:
            for page in _pages(file.pages):
                tag = page.tags.get(NOISE_PROFILE)
                if tag is not None:
                    return tuple(float(v) for v in np.atleast_1d(tag.value))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise FileError(f"{path}: cannot be read as a DNG: {error}") from error
    raise FieldError(
        f"{path}: the file has no NoiseProfile",
        hint="measure the camera: sfumato calibrate flats/",
    )


def noise_profile_tag(model: NoiseModel) -> tuple[int, int, int, tuple[float, ...]]:
    """Give the DNG tag of a model: its number, type, count and values.

    Raises:
        ShapeError: the model knows sites; the tag is by color plane.
    """
    if model.colors == 4:
        raise ShapeError(
            "NoiseProfile: one pair for red, green and blue each, the model has four sites",
            hint="model.without_pattern('RGGB')",
        )
    values = model.noise_profile()
    return NOISE_PROFILE, DOUBLE, len(values), values


def read_darktable_noise(path: str | Path, camera: str) -> CameraNoise:
    """Read the models of one camera from a file of darktable's profiles, on the unit range.

    A fitted b below 0 means that read noise was lost in the error of the fit: it becomes 0.
    Profiles marked to be skipped, and all but the first of one ISO, are left out. The
    notes of the result name each of these.

    Args:
        path: ``noiseprofiles.json`` of a darktable that you have.
        camera: model name, with or without the maker: ``Canon EOS 90D``.

    Raises:
        FileError: the file cannot be read, or is none of darktable's profiles.
        FieldError: it does not know the camera.
        RangeError: an a is below 0.
    """
    known = dict(_cameras(path))
    found = [name for name in known if camera.casefold() in _names(*name)]
    if not found:
        said = [" ".join(name) for name in known]
        close = difflib.get_close_matches(camera, said, n=3, cutoff=0.4)
        raise FieldError(
            f"{path}: no profiles of {camera!r}",
            hint=f"did you mean {', '.join(close)}?" if close else None,
        )
    maker, name = found[0]
    notes: list[str] = []
    models: dict[float, NoiseModel] = {}
    for profile in known[found[0]]:
        iso = float(profile["iso"])
        if profile.get("skip"):
            notes.append(f"ISO {iso:g}: left out, marked to be skipped")
        elif iso in models:
            notes.append(f"ISO {iso:g}: left out, there is one already")
        else:
            models[iso] = _model(f"{path}: {maker} {name} ISO {iso:g}", profile, notes)
    if not models:
        raise FieldError(f"{path}: every profile of {maker} {name} is marked to be skipped")
    isos = tuple(sorted(models))
    return CameraNoise(
        camera=f"{maker} {name}",
        isos=isos,
        models=tuple(models[iso] for iso in isos),
        notes=tuple(notes),
    )


def write_darktable_noise(path: str | Path, noise: CameraNoise, *, maker: str) -> None:
    """Write the models of a camera as darktable reads them.

    Args:
        path: of the new file.
        noise: models of one or three colors, in any unit.
        maker: of the camera; the rest of its name is the model.

    Raises:
        ShapeError: the models know sites, or black and white differ between the colors.
        FileError: the file cannot be written.
    """
    model_name = noise.camera.removeprefix(maker).strip()
    profiles = []
    for iso, model in zip(noise.isos, noise.models, strict=True):
        if model.colors == 4:
            raise ShapeError(
                "darktable's profiles are of red, green and blue, the model has four sites",
                hint="model.without_pattern('RGGB')",
            )
        pairs = np.reshape(model.noise_profile(), (-1, 2)).repeat(3 // model.colors, axis=0)
        profiles.append(
            {
                "name": f"{noise.camera} iso {iso:g}",
                "iso": int(iso) if iso == int(iso) else iso,
                "a": pairs[:, 0].tolist(),
                "b": pairs[:, 1].tolist(),
            }
        )
    entry = {"comment": "measured by sfumato", "model": model_name, "profiles": profiles}
    written = {"version": 0, "noiseprofiles": [{"maker": maker, "models": [entry]}]}
    write_atomically(path, json.dumps(written, indent=1).encode())


def _pages(pages: Any) -> Iterator[Any]:
    for page in pages:
        yield page
        if page.pages is not None:
            yield from _pages(page.pages)


def _names(maker: str, model: str) -> tuple[str, str]:
    return model.casefold(), f"{maker} {model}".casefold()


def _cameras(path: str | Path) -> Iterator[tuple[tuple[str, str], list[Mapping[str, Any]]]]:
    try:
        for maker in json.loads(read_text(path))["noiseprofiles"]:
            for model in maker["models"]:
                yield (str(maker["maker"]), str(model["model"])), list(model["profiles"])
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: not a file of darktable's noise profiles") from error


def _model(where: str, profile: Mapping[str, Any], notes: list[str]) -> NoiseModel:
    try:
        slopes, offsets = ([float(v) for v in profile[name]] for name in ("a", "b"))
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(f"{where}: a and b are not lists of numbers") from error
    if len(slopes) != 3 or len(offsets) != 3 or not all(map(math.isfinite, slopes + offsets)):
        raise FileError(f"{where}: expected three finite numbers in a and in b")
    if min(slopes) < 0.0:
        raise RangeError(f"{where}: a is {slopes}, below 0")
    notes.extend(
        f"ISO {profile['iso']}: b of {color} was {b:g}, its read noise is taken as 0"
        for color, b in zip(("red", "green", "blue"), offsets, strict=True)
        if b < 0.0
    )
    return NoiseModel(
        gain=tuple(slopes),
        read_noise=tuple(math.sqrt(max(b, 0.0)) for b in offsets),
        white=(1.0,),
    )
