"""What a trained method is worth, beside doing nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfumato.core.method import Method
from sfumato.core.metric import Metric
from sfumato.data.loader import Loader
from sfumato.errors import SfumatoError
from sfumato.train.validation import names_of, validate
from sfumato.train.workplace import Workplace

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """Scores by the name of the metric.

    Args:
        scores: of the method's answers, and the validation losses.
        untouched: of the pictures as they came, for the metrics that can compare them.
    """

    scores: Mapping[str, float]
    untouched: Mapping[str, float]


def evaluate(
    weights: str | Path,
    data: Loader,
    metrics: Sequence[Metric],
    *,
    device: str = "auto",
    trust: tuple[str, ...] = (),
) -> Evaluation:
    """Score a saved method on data.

    Args:
        weights: see `sfumato.load`.
        data: every sample is read once.
        metrics: how.
        device: as torch calls it.
        trust: packages whose classes the weights may name.

    Raises:
        FileError: there are no such weights, or data cannot be read.
        FieldError: there is nothing to compare with.
    """
    place = Workplace(device, "fp32")
    method = Method.load(weights, trust=trust, device=str(place.device))
    found = validate(method, data.once(), metrics, place=place)
    return Evaluation(found.scores, _untouched(method, data, metrics))


def _untouched(method: Method, data: Loader, metrics: Sequence[Metric]) -> dict[str, float]:
    scores: dict[str, float] = {}
    if "mask" in method.writes:
        return scores
    for name, metric in zip(names_of(metrics), metrics, strict=True):
        metric.reset()
        try:
            for batch in data.once():
                for sample in batch.samples():
                    metric.update(sample.image, sample.target)
            scores[name] = metric.compute()
        except SfumatoError:
            continue  # another size, depth or number of channels: nothing to compare
    return scores
