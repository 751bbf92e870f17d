"""Scores of many pairs of pictures, from files, with their spread."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfumato.core.metric import Metric, SetMetric
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FileError, RangeError, SfumatoError, ShapeError, SpecError
from sfumato.io.picture import PictureInfo, probe, read
from sfumato.measure.boundary_f import BoundaryF
from sfumato.measure.confidence import Estimate, estimate_mean, estimate_set
from sfumato.measure.delta_e import DeltaE2000
from sfumato.measure.dice import Dice
from sfumato.measure.label_file import read_labels
from sfumato.measure.mae import MAE
from sfumato.measure.mean_iou import MeanIoU
from sfumato.measure.ms_ssim import MSSSIM
from sfumato.measure.mse import MSE
from sfumato.measure.pairing import Pairing, PicturePair
from sfumato.measure.psnr import PSNR
from sfumato.measure.ssim import SSIM

__all__ = ["METRICS", "Comparison", "PairScores", "build_metrics", "compare_pictures", "read_pair"]

METRICS: dict[str, type[Metric]] = {
    "psnr": PSNR, "ssim": SSIM, "ms_ssim": MSSSIM, "delta_e_2000": DeltaE2000,
    "mse": MSE, "mae": MAE, "mean_iou": MeanIoU, "dice": Dice, "boundary_f": BoundaryF,
}  # fmt: skip
OF_LABELS = ("mean_iou", "dice", "boundary_f")
LEAST_PX = {"ssim": 11, "ms_ssim": 161}


@dataclass(frozen=True, slots=True)
class PairScores:
    """The scores of one pair; NaN where no pixel of a label map counts."""

    pair: PicturePair
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out.

    Args:
        metrics: by the names they were asked for, in that order; the first one ranks.
        rows: one for each pair.
        estimates: the score of the whole set by each metric.
        pairing: what was compared, and what had no partner.
        notes: what was left out, and why.
    """

    metrics: Mapping[str, Metric]
    rows: tuple[PairScores, ...]
    estimates: Mapping[str, Estimate]
    pairing: Pairing
    notes: tuple[str, ...] = ()

    @property
    def of_labels(self) -> bool:
        """Whether label maps were compared."""
        return next(iter(self.metrics)) in OF_LABELS

    def worst(self, name: str, count: int = 1) -> tuple[PairScores, ...]:
        """Give the pairs with the worst scores, the worst one first."""
        sign = 1.0 if self.metrics[name].higher_is_better else -1.0
        known = [row for row in self.rows if not math.isnan(row.scores[name])]
        return tuple(sorted(known, key=lambda row: sign * row.scores[name])[:count])

    def method(self) -> str:
        """Say how the intervals were found."""
        said = {
            "t": "mean ± t s / √n over the pairs, Student's t",
            "bootstrap": "percentile bootstrap over the pairs, 2000 draws, seed 0",
        }
        kinds: dict[str, list[str]] = {}
        for name, found in self.estimates.items():
            if found.low is not None:
                kinds.setdefault(said[found.method], []).append(name)
        text = "; ".join(f"{', '.join(names)}: {how}" for how, names in kinds.items())
        return f"95 % intervals: {text}" if text else ""

    def to_json(self) -> str:
        """Give everything as JSON; infinity is ``"inf"``, what is not known is null."""
        tree = {
            "pairs": [
                {
                    "name": row.pair.name,
                    "first": str(row.pair.first),
                    "second": str(row.pair.second),
                    "scores": {name: _plain(value) for name, value in row.scores.items()},
                }
                for row in self.rows
            ],
            "metrics": {
                name: {
                    "score": _plain(found.value),
                    "low": _plain(found.low),
                    "high": _plain(found.high),
                    "interval": None if found.low is None else found.method,
                    "count": found.count,
                    "higher_is_better": self.metrics[name].higher_is_better,
                }
                for name, found in self.estimates.items()
            },
            "alone": [str(path) for path in self.pairing.alone],
            "notes": list(self.notes),
        }
        return json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False)

    def to_csv(self) -> str:
        """Give a line for each pair; what is not known is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", "first", "second", *self.metrics])
        for row in self.rows:
            known = [_plain(row.scores[name]) for name in self.metrics]
            files = (row.pair.name, str(row.pair.first), str(row.pair.second))
            writer.writerow([*files, *("" if value is None else value for value in known)])
        return text.getvalue()


def _plain(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def build_metrics(
    names: Iterable[str], *, ignore: int | None = None, radius_px: float | None = None
) -> dict[str, Metric]:
    """Make metrics from their names.

    Args:
        names: keys of the table of metrics; of pictures or of label maps, not both.
        ignore: label that does not count, of metrics of label maps.
        radius_px: how far a boundary may lie off, of ``boundary_f``.

    Raises:
        SpecError: an unknown name, kinds that do not go together, or a setting that
            no metric has.

    Example:
        >>> build_metrics(["mean_iou", "boundary_f"], ignore=11, radius_px=2)["boundary_f"].radii_px
        (2.0,)
    """
    names = tuple(names)
    for name in names:
        if name not in METRICS:
            raise SpecError(f"there is no metric '{name}'", hint=f"metrics: {', '.join(METRICS)}")
    labels = [name for name in names if name in OF_LABELS]
    if labels and len(labels) < len(names):
        other = next(name for name in names if name not in OF_LABELS)
        raise SpecError(
            f"{labels[0]} compares label maps and {other} pictures",
            hint="measure them in two runs",
        )
    if ignore is not None and not labels:
        raise SpecError("a label to ignore needs a metric of label maps", hint="such as mean_iou")
    if radius_px is not None and "boundary_f" not in names:
        raise SpecError("a radius needs the metric boundary_f", hint="--metric boundary_f")
    built: dict[str, Metric] = {}
    for name in names:
        settings: dict[str, Any] = {"ignore": ignore} if ignore is not None else {}
        if name == "boundary_f" and radius_px is not None:
            settings["radii_px"] = (radius_px,)
        built[name] = METRICS[name](**settings)
    return built


def compare_pictures(
    pairing: Pairing,
    metrics: Mapping[str, Metric] | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Score every pair by every metric.

    Sizes and depths of all pairs are checked before the first pixel is decoded, and
    two pictures are in memory at a time.

    Args:
        pairing: from `pair_pictures`.
        metrics: from `build_metrics`; without them PSNR, SSIM, MS-SSIM and Delta-E 2000,
            less what the pictures are too small for or have no colours for.
        progress: told which pair is next.

    Raises:
        FileError: a file is missing, no picture or corrupt.
        ShapeError: the two of a pair differ in size or channels, or are too small.
        DtypeError: they differ in depth.
        RangeError: NaN, or labels beyond their classes.
    """
    of_labels = metrics is not None and next(iter(metrics)) in OF_LABELS
    facts = [_checked(pair, of_labels=of_labels) for pair in pairing.pairs]
    notes: tuple[str, ...] = ()
    if metrics is None:
        metrics, notes = _fitting(facts)
    elif "delta_e_2000" in metrics:
        _refuse_linear(pairing.pairs, facts)
    rows, tallies = [], {name: list[Any]() for name in metrics}
    for k, pair in enumerate(pairing.pairs, start=1):
        if progress is not None:
            progress(f"measuring {pair.name} ({k} of {len(pairing.pairs)})")
        try:
            rows.append(PairScores(pair, _scores(pair, metrics, tallies)))
        except SfumatoError as error:
            error.add_note(f"while comparing {pair.first} with {pair.second}")
            raise
    estimates = {
        name: estimate_set(metric, tallies[name])
        if isinstance(metric, SetMetric)
        else estimate_mean([row.scores[name] for row in rows], within=metric.value_range)
        for name, metric in metrics.items()
    }
    return Comparison(metrics, tuple(rows), estimates, pairing, notes)


def _checked(pair: PicturePair, *, of_labels: bool) -> PictureInfo:
    """Look at the headers of a pair and refuse what cannot be compared."""
    first, second = (probe(path, orient=not of_labels) for path in (pair.first, pair.second))
    if first.size != second.size or (first.channels != second.channels and not of_labels):
        raise ShapeError(
            f"{pair.first} is {_said(first)}, {pair.second} is {_said(second)}",
            hint="crop, resize or convert one to the form of the other",
        )
    # Labels are numbers, whatever they are stored as.
    if of_labels:
        return first
    if first.dtype != second.dtype:
        raise DtypeError(
            f"{pair.first} has {first.dtype} values, {pair.second} has {second.dtype}",
            hint="write both with the same number of bits",
        )
    if first.space != second.space:
        raise FileError(
            f"{pair.first} is in {first.space} light, {pair.second} in {second.space}",
            hint="bring both to the same light",
        )
    return first


def _said(about: PictureInfo) -> str:
    height, width = about.size
    plural = "s" if about.channels > 1 else ""
    return f"{width} x {height} px with {about.channels} channel{plural}"


def _fitting(facts: Sequence[PictureInfo]) -> tuple[dict[str, Metric], tuple[str, ...]]:
    """Take the usual metrics that all pairs allow, and say why not the others."""
    names, notes = ["psnr"], []
    least = min(min(about.size) for about in facts)
    for name, needed in LEAST_PX.items():
        if least >= needed:
            names.append(name)
        else:
            notes.append(f"{name} left out: it needs sides of {needed} px, one is {least} px")
    if any(about.space != "srgb" for about in facts):
        notes.append("delta_e_2000 left out: it is defined for sRGB, not for linear light")
    elif any(about.channels not in (1, 3) for about in facts):
        notes.append(
            "delta_e_2000 left out: a picture has alpha, which the others count as a color"
        )
    else:
        names.append("delta_e_2000")
    return build_metrics(names), tuple(notes)


def _refuse_linear(pairs: Sequence[PicturePair], facts: Sequence[PictureInfo]) -> None:
    for pair, about in zip(pairs, facts, strict=True):
        if about.space != "srgb":
            raise FileError(
                f"{pair.first}: delta_e_2000 is defined for sRGB, this is {about.space} light",
                hint="convert both to sRGB, or choose other metrics",
            )


def read_pair(pair: PicturePair, *, of_labels: bool) -> tuple[Any, Any, str]:
    """Read the two arrays of a pair, and the light of their values."""
    if of_labels:
        return read_labels(pair.first), read_labels(pair.second), "srgb"
    first: Sample = read(pair.first)
    return first.image, read(pair.second).image, first.space


def _scores(
    pair: PicturePair, metrics: Mapping[str, Metric], tallies: Mapping[str, list[Any]]
) -> dict[str, float]:
    of_labels = next(iter(metrics)) in OF_LABELS
    first, second, _ = read_pair(pair, of_labels=of_labels)
    scores: dict[str, float] = {}
    for name, metric in metrics.items():
        if isinstance(metric, SetMetric):
            tally = metric.tally(*metric.check_pair(first, second))
            tallies[name].append(tally)
            scores[name] = _finished(metric, tally)
        else:
            scores[name] = metric(first, second)
    return scores


def _finished(metric: SetMetric, tally: Any) -> float:
    try:
        return metric.finish(tally)
    except RangeError:
        # Where every pixel has the ignored label there is nothing to score.
        return math.nan
