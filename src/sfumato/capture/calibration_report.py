"""A page that shows how a camera was calibrated, complete in one file."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

import sfumato
from sfumato.capture.calibration import Calibration, IsoCalibration
from sfumato.capture.photon_transfer import TransferFit
from sfumato.core.files import write_atomically
from sfumato.errors import SfumatoError

__all__ = ["calibration_page", "write_calibration"]

WIDTH, HEIGHT, BELOW = 640, 330, 130
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 34
COLUMN = 32
COLORS = {"R": "#e46a5e", "G1": "#7fc06a", "G2": "#4f9e77", "B": "#6a9be4", "grey": "#d8d2c6"}
RESIDUALS = 4.0


def write_calibration(folder: str | Path, calibration: Calibration) -> Path:
    """Write ``index.html`` into a folder that exists.

    Raises:
        FileError: it cannot be written.
    """
    path = Path(folder) / "index.html"
    write_atomically(path, calibration_page(calibration).encode())
    return path


def calibration_page(calibration: Calibration) -> str:
    """Give a page with the photon transfer, the residuals and the numbers of each ISO.

    Example:
        >>> from sfumato.capture.calibration import FlatPair, calibrate_iso
        >>> from sfumato.capture.noise_model import NoiseModel
        >>> model, rng = NoiseModel(gain=(2.0,), read_noise=(6.0,)), np.random.default_rng(0)
        >>> def flat(level):
        ...     pair = model.apply(np.full((2, 64, 64), level), rng, clip=False) + 512
        ...     return FlatPair(name=f"{level}", read=lambda: tuple(pair))
        >>> pairs = [flat(level) for level in (0.0, 100.0, 400.0, 1600.0, 6400.0)]
        >>> found = calibrate_iso(pairs, iso=100, pattern=None, black=512, white=16383)
        >>> calibration_page(Calibration(isos=(found,))).startswith("<!doctype html>")
        True
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["short"] = _short
    template = resources.files("sfumato.capture").joinpath("calibration_report.html.jinja")
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        version=sfumato.__version__,
        calibration=calibration,
        isos=[_shown(found) for found in calibration.isos],
        law=_law(calibration),
        size=(WIDTH, HEIGHT, BELOW),
        frame=(LEFT, RIGHT, TOP, BOTTOM),
        reach=RESIDUALS,
        colors=COLORS,
    )


def _short(value: float) -> str:
    """Write four digits that mean something."""
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    return f"{value:.4g}" if size == 0 or 1e-3 <= size < 1e5 else f"{value:.3e}"


def _law(calibration: Calibration) -> Any:
    """Give the law across ISO, or why there is none."""
    try:
        return {"law": calibration.noise.law(), "why": ""}
    except SfumatoError as error:
        return {"law": None, "why": error.message}


def _shown(found: IsoCalibration) -> dict[str, Any]:
    points = [point for fit in found.fits for point in fit.points]
    means = [p.mean for p in points if p.mean > 0.05 * math.sqrt(max(p.variance, 0.0))]
    variances = [p.variance for p in points if p.variance > 0]
    # Levels at or below black have no logarithm: they stand in a column of their own.
    low, high = 0.7 * min(means), 1.4 * max(means)
    bottom, top = 0.6 * min(variances), 1.7 * max(variances)

    def across(mean: float) -> float:
        if mean < low:
            return LEFT + COLUMN / 2
        share = math.log(mean / low) / math.log(high / low)
        return round(LEFT + COLUMN + share * (WIDTH - LEFT - COLUMN - RIGHT), 1)

    def up(variance: float) -> float:
        share = math.log(max(variance, bottom) / bottom) / math.log(top / bottom)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    curves = []
    for name, fit in zip(found.sites, found.fits, strict=True):
        grid = np.geomspace(low, high, 60)
        line = [(across(float(m)), up(float(fit.variance(m)))) for m in grid]
        dots = [
            {"x": across(p.mean), "y": up(p.variance), "text": _told(p), "used": not p.excluded}
            for p in fit.points
            if math.isfinite(p.variance)
        ]
        path = "M" + " L".join(f"{x} {y}" for x, y in line)
        path += f" M{LEFT} {up(float(fit.variance(0.0)))} h{COLUMN - 8}"
        curves.append({"name": name, "color": COLORS[name], "path": path, "dots": dots})
    return {
        "found": found,
        "curves": curves,
        "residuals": _residual_dots(found, across),
        "ticks_x": [
            {"at": across(0.0), "text": "0"},
            *({"at": across(v), "text": f"{v:g}"} for v in _decades(low, high)),
        ],
        "ticks_y": [{"at": up(v), "text": f"{v:g}"} for v in _decades(bottom, top)],
        "rows": [_row(found, k, fit) for k, fit in enumerate(found.fits)],
        "left_out": sorted({(p.name, p.excluded) for p in points if p.excluded}),
    }


def _told(point: Any) -> str:
    told = f"{point.name}: mean {_short(point.mean)} DN, variance {_short(point.variance)} DN²"
    return f"{told}; left out: {point.excluded}" if point.excluded else told


def _decades(low: float, high: float) -> list[float]:
    return [10.0**k for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]


def _residual_dots(found: IsoCalibration, across: Any) -> list[dict[str, Any]]:
    dots = []
    for name, fit in zip(found.sites, found.fits, strict=True):
        for point, residual in zip(fit.used, fit.residuals, strict=True):
            held = min(max(residual, -RESIDUALS), RESIDUALS)
            dots.append(
                {
                    "x": across(point.mean),
                    "y": round(BELOW / 2 - held / RESIDUALS * (BELOW / 2 - 8), 1),
                    "color": COLORS[name],
                    "text": f"{name}, {point.name}: {residual:+.2f} standard errors",
                }
            )
    return dots


def _row(found: IsoCalibration, k: int, fit: TransferFit) -> dict[str, Any]:
    model = found.model
    return {
        "name": found.sites[k],
        "gain": fit.gain,
        "gain_interval": fit.gain_interval(),
        "read": model.read_noise[k],
        "read_interval": found.read_interval(k),
        "electrons": model.read_noise[k] / fit.gain,
        "black": model.black[k],
        "full_well": (model.white[k] - model.black[k]) / fit.gain,
        "levels": len(fit.used),
        "chi": fit.chi_squared / max(len(fit.used) - 2, 1),
        "p": fit.p_value,
    }
