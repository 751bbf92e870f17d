"""The noise of a camera from its flat and dark frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.dark_frames import DarkFrames, measure_darks
from sfumato.capture.flat_pair import TransferPoint, measure_pair
from sfumato.capture.noise_model import NoiseModel
from sfumato.capture.photon_transfer import TransferFit, fit_transfer
from sfumato.errors import RangeError, ShapeError

__all__ = ["Calibration", "FlatPair", "IsoCalibration", "calibrate_iso", "site_names", "value_step"]

SAMPLED = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FlatPair:
    """Two frames of one light, read when they are needed.

    Args:
        name: for messages and the report.
        read: gives both mosaics, (h, w) each, as the camera wrote them.
    """

    name: str
    read: Callable[[], tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True, kw_only=True)
class IsoCalibration:
    """What the frames of one ISO say.

    Args:
        iso: of the frames.
        sites: names of the colors of the mosaic, R, G1, G2, B, or grey.
        fits: the photon transfer of each.
        darks: what dark frames say, where there were some.
        model: the noise that follows.
        notes: what whoever uses it should know.
    """

    iso: float
    sites: tuple[str, ...]
    fits: tuple[TransferFit, ...]
    darks: DarkFrames | None
    model: NoiseModel
    notes: tuple[str, ...] = ()

    def read_interval(self, site: int, share: float = 0.95) -> tuple[float, float]:
        """Give the confidence interval of the read noise of a site in DN."""
        if self.darks is None:
            return self.fits[site].sigma_interval(share)
        reach = NormalDist().inv_cdf((1 + share) / 2) * self.darks.read_sigma_error[site]
        middle = self.darks.read_sigma[site]
        return max(middle - reach, 0.0), middle + reach


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A camera calibrated at one ISO or more.

    Args:
        isos: in rising order.
        camera: its name.
        notes: about files that were not used.
    """

    isos: tuple[IsoCalibration, ...]
    camera: str = ""
    notes: tuple[str, ...] = ()

    @property
    def noise(self) -> CameraNoise:
        """The noise of the camera across ISO."""
        return CameraNoise(
            isos=tuple(found.iso for found in self.isos),
            models=tuple(found.model for found in self.isos),
            camera=self.camera,
            notes=tuple(n for found in self.isos for n in found.notes),
        )


def site_names(pattern: str | None) -> tuple[str, ...]:
    """Name the places of a 2 x 2 cell row by row; one name without a pattern.

    Example:
        >>> site_names("GRBG"), site_names(None)
        (('G1', 'R', 'B', 'G2'), ('grey',))
    """
    if pattern is None:
        return ("grey",)
    if sorted(pattern) != ["B", "G", "G", "R"] or pattern[0] == pattern[3] == "R":
        raise RangeError(f"a Bayer pattern is RGGB, BGGR, GRBG or GBRG, got {pattern!r}")
    greens = iter(("G1", "G2"))
    return tuple(next(greens) if letter == "G" else letter for letter in pattern)


def value_step(frame: NDArray[Any]) -> float:
    """Measure the distance of neighbouring values; 0 for floats.

    A 14-bit sensor in 16-bit files may use every fourth value, which then
    rounds by 4 and not by 1.

    Example:
        >>> value_step(np.array([[512, 520], [516, 540]], np.uint16))
        4.0
    """
    if frame.dtype.kind not in "ui":
        return 0.0
    every = max(1, math.isqrt(frame.size // SAMPLED))
    values = np.unique(frame[::every, ::every]).astype(np.int64)
    return float(np.gcd.reduce(np.diff(values))) if len(values) > 1 else 1.0


def calibrate_iso(
    pairs: Iterable[FlatPair],
    darks: Sequence[NDArray[Any]] = (),
    *,
    iso: float,
    pattern: str | None = "RGGB",
    black: float | None = None,
    white: float,
    dark_names: Sequence[str] = (),
) -> IsoCalibration:
    """Calibrate a camera at one ISO from pairs of flat frames and, if there are some, darks.

    Each color gets its photon transfer line. Dark frames give black, read noise,
    row noise and the shape of the noise, and stand in the line as its darkest level.
    Pairs are read one after the other, so the memory is that of two frames.

    Args:
        pairs: of flat frames, at least 4 levels, from dark to bright.
        darks: mosaics of dark frames, as the camera gives them.
        iso: of all of them.
        pattern: colors of the 2 x 2 cell row by row; None for a sensor without.
        black: value of no light, where there are no dark frames.
        white: value where the sensor clips.
        dark_names: of the dark frames.

    Raises:
        ShapeError: unequal sizes, too few levels or dark frames.
        RangeError: no black level, or data that no line can be laid through.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> def flat(level):
        ...     light = np.full((2, 128, 128), float(level))
        ...     pair = NoiseModel(gain=(2.0,), read_noise=(6.0,)).apply(light, rng, clip=False)
        ...     return FlatPair(name=f"{level}", read=lambda: tuple(pair + 512))
        >>> levels = [flat(level) for level in (0, 100, 400, 1600, 6400)]
        >>> found = calibrate_iso(levels, iso=100, black=512, white=16383)
        >>> abs(found.model.gain[0] - 2) < 0.1
        True
    """
    names = site_names(pattern)
    notes: list[str] = []
    dark = None
    if len(darks):
        dark = measure_darks(
            darks, names=dark_names, bayer=pattern is not None, step=value_step(darks[0])
        )
        notes += [f"ISO {iso:g}: {name} left out: {why}" for name, why in dark.outliers]
    if dark is None and black is None:
        raise RangeError(
            f"ISO {iso:g}: the black level is not known",
            hint="give dark frames, or say it: --black 512",
        )
    blacks = dark.bias if dark is not None else (float(black or 0.0),) * len(names)
    points: list[list[TransferPoint]] = [[] for _ in names]
    step, shape = 0.0, None
    for pair in pairs:
        first, second = pair.read()
        shape = _same_sensor(first, shape, darks, pair.name, len(names))
        step = step or value_step(first)
        for k in range(len(names)):
            a, b = (_site(frame, k, len(names)) for frame in (first, second))
            points[k].append(
                measure_pair(a, b, black=blacks[k], white=white, step=step, name=pair.name)
            )
    fits = []
    for k, name in enumerate(names):
        if dark is not None:
            points[k].insert(0, _dark_point(dark, k, shape or darks[0].shape, len(names)))
        fits.append(fit_transfer(points[k], step=step, name=f"ISO {iso:g} {name}"))
    notes += _notes(fits, names, iso, dark)
    return IsoCalibration(
        iso=iso,
        sites=names,
        fits=tuple(fits),
        darks=dark,
        model=_model(fits, dark, blacks, white, step),
        notes=tuple(notes),
    )


def _site(frame: NDArray[Any], k: int, count: int) -> NDArray[Any]:
    return frame if count == 1 else frame[k // 2 :: 2, k % 2 :: 2]


def _same_sensor(
    frame: NDArray[Any],
    shape: tuple[int, ...] | None,
    darks: Sequence[NDArray[Any]],
    name: str,
    count: int,
) -> tuple[int, ...]:
    wanted = shape if shape is not None else darks[0].shape if len(darks) else frame.shape
    if frame.shape != wanted:
        raise ShapeError(
            f"{name}: is {frame.shape}, the other frames are {wanted}",
            hint="all flats and darks must come from one camera in one mode",
        )
    if count > 1 and (frame.ndim != 2 or frame.shape[0] % 2 or frame.shape[1] % 2):
        raise ShapeError(
            f"{name}: a Bayer mosaic is a plane even in both sizes, got {frame.shape}",
            hint="cut one row or column off, or say that the sensor has no pattern",
        )
    return wanted


def _dark_point(dark: DarkFrames, k: int, shape: tuple[int, ...], count: int) -> TransferPoint:
    """Turn dark frames into a level of the line, with the weight that they deserve."""
    read, row = dark.read_sigma[k] ** 2, max(dark.row_variance, 0.0)
    variance = read + row + dark.rounding_variance
    rows = shape[0] / (1 if count == 1 else 2) * (dark.frames - 1)
    error = (2 * dark.read_sigma[k] * dark.read_sigma_error[k]) ** 2 + 2 * row**2 / rows
    return TransferPoint(
        mean=0.0,
        variance=variance,
        pixels=int(1 + 2 * variance**2 / error),
        name=f"{dark.frames} dark frames",
    )


def _notes(
    fits: Sequence[TransferFit], names: Sequence[str], iso: float, dark: DarkFrames | None
) -> list[str]:
    notes = []
    for fit, name in zip(fits, names, strict=True):
        if not fit.resolved and dark is None:
            bound = fit.sigma_interval(0.9)[1]
            notes.append(
                f"ISO {iso:g} {name}: the flats cannot tell the read noise from none "
                f"(fitted variance {fit.read_variance:.3g} DN^2); below {bound:.3g} DN at 95 %"
            )
        if fit.p_value < 0.01:
            notes.append(
                f"ISO {iso:g} {name}: the levels scatter more than chance explains "
                f"(p = {fit.p_value:.1g}); the intervals are widened"
            )
    return notes


def _model(
    fits: Sequence[TransferFit],
    dark: DarkFrames | None,
    blacks: tuple[float, ...],
    white: float,
    step: float,
) -> NoiseModel:
    tail = None
    if dark is not None:
        tail = min(max(dark.read_shape.shape, -0.49), 2.0)
    return NoiseModel(
        gain=tuple(fit.gain for fit in fits),
        read_noise=dark.read_sigma if dark is not None else tuple(fit.sigma for fit in fits),
        black=blacks,
        white=(white,) * len(fits),
        tail=tail,
        row_noise=dark.row_sigma if dark is not None else 0.0,
        step=step,
    )
