"""How good a method is on data that it does not learn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.any_size import predict
from sfumato.core.batch import Batch
from sfumato.core.method import Method
from sfumato.core.metric import Metric
from sfumato.core.sample import Sample
from sfumato.core.tensors import torch
from sfumato.errors import FieldError
from sfumato.train.dice import seed_layers, seed_of
from sfumato.train.guards import explained
from sfumato.train.workplace import Workplace

__all__ = ["Validation", "names_of", "validate"]


@dataclass
class Validation:
    """What a validation found.

    Args:
        scores: metrics by name, and loss terms as ``validation/part/term``.
        shown: some samples as they were asked and answered.
    """

    scores: dict[str, float] = field(default_factory=dict)
    shown: list[tuple[Sample, Sample]] = field(default_factory=list)


def validate(
    method: Method,
    batches: Iterable[Batch],
    metrics: Sequence[Metric],
    *,
    place: Workplace,
    seed: int = 0,
    show: int = 0,
    losses: bool = True,
) -> Validation:
    """Score a method on batches; the same dice every time, so that scores compare.

    Metrics compare the answer with ``target``, or labels with ``mask`` where the method
    writes labels. Pictures are compared in the dtype that the target came in.

    Args:
        method: what is judged, in evaluation mode.
        batches: what it is judged on.
        metrics: how; they are reset first.
        place: where.
        seed: of the dice.
        show: how many samples to keep.
        losses: whether the loss terms are computed too.

    Raises:
        FieldError: there are metrics, and batches without anything to compare with.
    """
    found = Validation()
    for metric in metrics:
        metric.reset()
    sums: dict[str, float] = {}
    count = 0
    rng = torch.Generator(place.device)
    for number, raw in enumerate(batches):
        batch = raw.to(place.device)
        count += len(batch)
        dice = seed_of(seed, "validation", number)
        if losses:
            for name, value in _losses(method, batch, place, dice).items():
                sums[name] = sums.get(name, 0.0) + value * len(batch)
        if not metrics and len(found.shown) >= show:
            continue
        seed_layers(dice, place.device)
        with torch.no_grad(), explained(method.step, batch, place.device), place.autocast():
            answer = predict(method, batch, rng=rng.manual_seed(dice), tile_px="auto")
        for asked, given in zip(batch.samples(), _in_targets_dtype(answer), strict=True):
            for metric in metrics:
                metric.update(*_pair(method, asked, given, metric))
            if len(found.shown) < show:
                found.shown.append((asked, given))
    found.scores = dict(zip(names_of(metrics), (m.compute() for m in metrics), strict=True))
    found.scores |= {f"validation/{name}": value / count for name, value in sums.items()}
    return found


def names_of(metrics: Sequence[Metric]) -> list[str]:
    """Name metrics by their class, the second of a class with a number."""
    kinds = [type(metric).__name__ for metric in metrics]
    before = [kinds[:k].count(kind) for k, kind in enumerate(kinds)]
    return [f"{kind}-{n + 1}" if n else kind for kind, n in zip(kinds, before, strict=True)]


def _losses(method: Method, batch: Batch, place: Workplace, dice: int) -> dict[str, float]:
    """Give the loss terms of every part; gradient penalties need gradients even here."""
    told: dict[str, float] = {}
    for part in method.parts():
        seed_layers(dice, place.device)
        rng = torch.Generator(place.device).manual_seed(dice)
        with torch.enable_grad(), explained(method.step, batch, place.device), place.autocast():
            terms = method.loss(batch, part, rng)
        told |= {f"{part}/{name}": float(term.detach()) for name, term in terms.items()}
    return told


def _in_targets_dtype(answer: Batch) -> list[Sample]:
    origin = tuple(
        {**o, "image": o.get("target", o.get("image", "float32"))} for o in answer.origin
    )
    return answer.but(origin=origin).samples()


def _pair(
    method: Method, asked: Sample, given: Sample, metric: Metric
) -> tuple[NDArray[Any], NDArray[Any]]:
    if "mask" in method.writes and asked.mask is not None and given.mask is not None:
        return np.asarray(given.mask), np.asarray(asked.mask)
    if asked.target is None:
        raise FieldError(
            f"{type(metric).__name__}: the validation data have no 'target' to compare with",
            hint="validate without metrics, or on pairs",
        )
    return given.image, asked.target
