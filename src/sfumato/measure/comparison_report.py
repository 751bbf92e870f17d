"""A page that shows where pictures differ, complete in one file."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import jinja2
import numpy as np
from numpy.typing import NDArray

import sfumato
from sfumato.core.files import write_atomically
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.measure.comparison import Comparison, PairScores, read_pair
from sfumato.measure.delta_e import DeltaE2000
from sfumato.measure.pairing import PicturePair
from sfumato.measure.ssim import SSIM
from sfumato.raster._page_pictures import colored_map, data_uri, shrunk

__all__ = ["comparison_page", "write_comparison"]

Codes: TypeAlias = NDArray[np.uint8]
PICTURE_PX = 560
WORST = 10
SCREEN_GAMMA = 2.2
STRIP = (640, 54)
GOLDEN_ANGLE = 0.61803399


def write_comparison(folder: str | Path, comparison: Comparison) -> tuple[Path, Path]:
    """Write ``index.html`` and ``scores.csv`` into a folder that exists.

    Raises:
        FileError: they cannot be written, or a picture is no longer what it was.
    """
    folder, page = Path(folder), comparison_page(comparison)
    paths = folder / "index.html", folder / "scores.csv"
    for path, text in zip(paths, (page, comparison.to_csv()), strict=True):
        write_atomically(path, text.encode())
    return paths


def comparison_page(comparison: Comparison) -> str:
    """Give a page with the scores, their spread, and maps of the ten worst pairs.

    The worst are those by the first metric; they are read again, one pair at a time.

    Raises:
        FileError: a picture is no longer what it was.
    """
    ranking = next(iter(comparison.metrics))
    worst = comparison.worst(ranking, WORST)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["score"] = format_score
    template = resources.files("sfumato.measure").joinpath("comparison_report.html.jinja")
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        version=sfumato.__version__,
        comparison=comparison,
        ranking=ranking,
        strips={name: _strip(comparison, name) for name in comparison.metrics},
        strip=STRIP,
        worst=[_shown(row, comparison) for row in worst],
    )


def format_score(value: float | None) -> str:
    """Write a score with four or five digits that mean something.

    Example:
        >>> [format_score(v) for v in (41.8372, 0.98765, 0.00001234, float("inf"), None)]
        ['41.837', '0.9877', '1.234e-05', 'inf', '-']
    """
    if value is None or math.isnan(value):
        return "-"
    if not math.isfinite(value):
        return str(value)
    if 0.0 < abs(value) < 1e-3:
        return f"{value:.4g}"
    return f"{value:.4f}" if abs(value) < 10.0 else f"{value:.3f}"


def _strip(comparison: Comparison, name: str) -> dict[str, Any] | None:
    """Place every pair on a line from the worst to the best score, for a drawing."""
    values = [(row.pair.name, row.scores[name]) for row in comparison.rows]
    known = [(label, value) for label, value in values if math.isfinite(value)]
    if len(known) < 2:
        return None
    low, high = min(v for _, v in known), max(v for _, v in known)
    found, width = comparison.estimates[name], STRIP[0] - 20

    def place(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(10 + width * min(max(share, 0.0), 1.0), 1)

    bar = None
    if found.low is not None and found.high is not None:
        bar = place(found.low), place(found.high)
    mean = place(found.value) if math.isfinite(found.value) else None
    dots = [{"x": place(value), "name": label, "value": value} for label, value in known]
    return {"dots": dots, "low": low, "high": high, "mean": mean, "bar": bar}


def _shown(row: PairScores, comparison: Comparison) -> dict[str, Any]:
    first, second, space = read_pair(row.pair, of_labels=comparison.of_labels)
    if comparison.of_labels:
        ignore = getattr(next(iter(comparison.metrics.values())), "ignore", None)
        pictures = _label_pictures(row.pair, first, second, ignore)
    else:
        pictures = _pictures(row.pair, first, second, space, comparison)
    return {
        "row": row,
        "pictures": [{"picture": data_uri(codes), "text": text} for codes, text in pictures],
    }


def _pictures(
    pair: PicturePair, first: Image, second: Image, space: str, comparison: Comparison
) -> list[tuple[Codes, str]]:
    shown = [
        (_on_screen(image, space), str(path))
        for image, path in ((first, pair.first), (second, pair.second))
    ]
    gap = np.zeros(first.shape[:2], np.float32)
    for channel in range(first.shape[2]):
        gap += np.abs(to_unit(first[..., channel]) - to_unit(second[..., channel]))
    gap /= np.float32(first.shape[2])
    top = max(float(np.quantile(gap, 0.995)), 1.0 / 255.0)
    text = f"difference, black 0 to yellow {100 * top:.2g} % of white and more"
    shown.append((_map(gap, 0.0, top), text))
    if min(first.shape[:2]) >= 11:
        plane = SSIM().map(first, second).mean(axis=2)
        shown.append((_map(1.0 - plane, 0.0, 1.0), "SSIM, black 1 to yellow 0 and less"))
    if "delta_e_2000" in comparison.metrics:
        plane = DeltaE2000().map(first, second)
        top = max(float(np.quantile(plane, 0.995)), 2.0)
        shown.append((_map(plane, 0.0, top), f"ΔE 2000, black 0 to yellow {top:.2g} and more"))
    return shown


def _label_pictures(
    pair: PicturePair, first: NDArray[Any], second: NDArray[Any], ignore: int | None
) -> list[tuple[Codes, str]]:
    wrong = ((first != second) & (second != ignore)).astype(np.float32)
    share = f"labels that differ, {100 * float(wrong.mean()):.2f} % of the picture"
    return [
        (_label_colors(first), str(pair.first)),
        (_label_colors(second), str(pair.second)),
        (_map(wrong, 0.0, 1.0), share),
    ]


def _map(plane: NDArray[Any], low: float, high: float) -> Codes:
    small = shrunk(np.ascontiguousarray(plane, np.float32)[..., None], PICTURE_PX)
    return colored_map(small.reshape(small.shape[:2]), low, high)


def _on_screen(image: Image, space: str) -> Codes:
    small = shrunk(image[..., : 3 if image.shape[2] >= 3 else 1], PICTURE_PX)
    unit = np.clip(to_unit(small.reshape(*small.shape[:2], -1)), 0.0, 1.0)
    if space == "linear":
        unit **= np.float32(1.0 / SCREEN_GAMMA)
    return np.asarray(from_unit(unit, np.uint8))


def _label_colors(labels: NDArray[Any]) -> Codes:
    """Give every label a hue of its own, black to the label 0."""
    step = max(1, math.ceil(max(labels.shape) / PICTURE_PX))
    plane = labels[::step, ::step].astype(np.int64)
    hue = (plane * GOLDEN_ANGLE) % 1.0
    shades = np.stack([np.cos(2 * np.pi * (hue - third / 3)) for third in range(3)], axis=-1)
    colors = np.rint(150 + 100 * shades)
    colors[plane == 0] = 0
    return np.asarray(colors, np.uint8)
