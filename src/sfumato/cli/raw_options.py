"""What commands that take camera raws share: options, reading, the noise profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sfumato.capture.camera_noise import CameraNoise
    from sfumato.capture.develop_raw import DevelopRaw
    from sfumato.core.sample import Sample

__all__ = [
    "RawChoices",
    "camera_noise",
    "profile_options",
    "raw_line",
    "raw_options",
    "read_raw_or_pictures",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def raw_options(command: Command) -> Command:
    """Add how camera raws become pictures."""
    options = (
        click.option(
            "--demosaic",
            type=click.Choice(["directional", "malvar", "bilinear", "libraw"]),
            help="Raw: how missing colors are found; libraw leaves all of it to LibRaw.  "
            "[default: directional]",
        ),
        click.option(
            "--white-balance",
            metavar="HOW",
            help="Raw: camera, grey (by the mean), or factors R,G,B.  [default: camera]",
        ),
        click.option("--exposure", type=float, metavar="EV", help="Raw: stops brighter."),
        click.option("--linear", is_flag=True, help="Raw: give linear light; for TIFF."),
        click.option("--mend", is_flag=True, help="Raw: replace hot and dead pixels."),
        click.option(
            "--flat",
            type=click.Path(path_type=Path),
            metavar="RAW",
            help="Raw: undo the falloff of light, by a flat of the same lens and aperture.",
        ),
        click.option(
            "--denoise",
            type=click.Choice(["nlm", "wavelet", "none"]),
            help="Raw: remove noise.  [default: none, or nlm with --profile]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return profile_options(command)


def profile_options(command: Command) -> Command:
    """Add whose noise it is."""
    options = (
        click.option(
            "--profile",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Noise of the camera: YAML of sfumato calibrate, or darktable's JSON.",
        ),
        click.option("--camera", metavar="NAME", help="Which camera of darktable's JSON."),
        click.option("--iso", type=float, help="Of frames that do not say it."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class RawChoices:
    """What was said about camera raws; None and False where nothing was."""

    demosaic: str | None = None
    white_balance: str | None = None
    exposure: float | None = None
    linear: bool = False
    mend: bool = False
    flat: Path | None = None
    denoise: str | None = None
    profile: Path | None = None
    camera: str | None = None
    iso: float | None = None

    @property
    def asked(self) -> str | None:
        """The first option that was given, by its name."""
        for name, value in vars(self).items():
            if value is not None and value is not False:
                return "--" + name.replace("_", "-")
        return None

    def build(self) -> DevelopRaw:
        """Turn the choices into the operator.

        Raises:
            SfumatoError: a value is wrong, or a profile cannot be read.
        """
        from sfumato.capture.correct_shading import CorrectShading
        from sfumato.capture.demosaic import Demosaic
        from sfumato.capture.denoise_raw import DenoiseRaw
        from sfumato.capture.develop_raw import DevelopRaw
        from sfumato.capture.mend_pixels import MendPixels
        from sfumato.core.operator import Operator
        from sfumato.io.mosaic import read_mosaic

        # LibRaw gives pictures, for which this operator has nothing to do.
        method: Any = "directional" if self.demosaic in (None, "libraw") else self.demosaic
        space: Any = "linear" if self.linear else "srgb"
        denoise: Any = self.denoise or ("none" if self.profile is None else "nlm")
        before: list[Operator] = [MendPixels()] if self.mend else []
        noise = camera_noise(self.profile, self.camera)
        if denoise != "none":
            before.append(DenoiseRaw(noise=noise, iso=self.iso, method=denoise))
        if self.flat is not None:
            # After the noise, whose law knows nothing of gains by place.
            before.append(CorrectShading.from_flat(read_mosaic(self.flat)))
        return DevelopRaw(
            before=tuple(before),
            demosaic=Demosaic(method=method),
            white_balance=_balance(self.white_balance),
            exposure_ev=self.exposure or 0.0,
            space=space,
        )


def _balance(text: str | None) -> Any:
    from sfumato.errors import SpecError

    if text is None or text == "camera":
        return "camera"
    if text in ("grey", "gray"):
        return "grey_world"
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise SpecError(
            f"--white-balance: expected camera, grey or R,G,B, got {text!r}",
            hint="for example --white-balance 2.1,1,1.5",
        ) from None
    return red, green, blue


def camera_noise(profile: Path | None, camera: str | None) -> CameraNoise | None:
    """Read the noise of a camera, where a profile is named.

    Raises:
        SfumatoError: it cannot be read, or does not know the camera.
    """
    from sfumato.errors import SpecError

    if profile is None:
        if camera is not None:
            raise SpecError("--camera names a camera of --profile", hint="give --profile too")
        return None
    if profile.suffix.lower() == ".json":
        from sfumato.capture.noise_files import read_darktable_noise

        if camera is None:
            raise SpecError(
                f"{profile}: holds many cameras", hint='say which: --camera "Canon EOS 90D"'
            )
        return read_darktable_noise(profile, camera)
    from sfumato.capture.camera_noise import CameraNoise

    return CameraNoise.load(profile)


def raw_line(sample: Sample, raw: DevelopRaw) -> str:
    """Say how mosaics are made pictures."""
    from sfumato.capture.denoise_raw import DenoiseRaw

    count = 1 if sample.stack is None else len(sample.stack)
    said = f"raw: {count} mosaic{'s' * (count > 1)}, {sample.meta['mosaic'].pattern}, "
    for step in raw.before:
        if isinstance(step, DenoiseRaw):
            model = step.model(sample)
            said += f"denoised ({step.method}, a {max(model.gain):.2g}), "
        else:
            said += {"MendPixels": "defects mended, ", "CorrectShading": "shading undone, "}.get(
                type(step).__name__, ""
            )
    return said + f"{raw.demosaic.method} demosaicing"


def read_raw_or_pictures(
    frames: tuple[Path, ...], choices: RawChoices
) -> tuple[Sample, tuple[str, ...]]:
    """Read camera raws as mosaics, where all frames are such; everything else as pictures.

    Returns:
        the frames, and lines about what was decided.

    Raises:
        SfumatoError: a frame cannot be read, or raw options were given for pictures.
    """
    from sfumato.cli.inputs import check_frames, read_frames
    from sfumato.errors import FileError, SpecError
    from sfumato.io.mosaic import is_mosaic_file, read_mosaic

    check_frames(frames)
    if choices.demosaic == "libraw":
        others = RawChoices(**{**vars(choices), "demosaic": None}).asked
        if others is not None:
            raise SpecError(f"{others} does not go with --demosaic libraw")
        return read_frames(frames), ()
    if not all(is_mosaic_file(frame) for frame in frames):
        if choices.asked is not None:
            raise SpecError(f"{choices.asked} is for camera raws, and not all frames are such")
        return read_frames(frames), ()
    try:
        return read_mosaic(*frames), ()
    except FileError as error:
        if choices.asked is not None or "libraw" not in (error.hint or ""):
            raise
        return read_frames(frames), (f"{error.message}: LibRaw made the pictures",)
