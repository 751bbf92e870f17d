"""The promises every operator keeps, as checks anyone can run on their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.metric import Metric, SetMetric
from sfumato.core.operator import ImageOperator, Operator
from sfumato.core.sample import Sample
from sfumato.core.shapes import full_range
from sfumato.core.spec import from_spec, from_yaml, to_spec, to_yaml
from sfumato.errors import RangeError, SfumatoError, SpecError

__all__ = ["check_metric", "check_operator", "practice_sample"]

DTYPES = (np.uint8, np.uint16, np.float32)


def practice_sample(
    size: tuple[int, int] = (37, 45), channels: int = 3, dtype: Any = np.uint8, seed: int = 0
) -> Sample:
    """Make a small sample with every field that an operator of pictures may read.

    The stack holds three frames of the same scene at different brightness.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    planes = [0.5 + 0.3 * np.sin(x / (3.0 + c)) + 0.1 * np.cos(y / 4.0) for c in range(channels)]
    clean = np.stack(planes, axis=-1) + rng.normal(0, 0.01, (*size, channels))
    white = full_range(dtype)
    frames = [np.clip(clean * gain, 0, 1) * white for gain in (0.5, 1.0, 1.6)]
    stack = np.stack([f if dtype == np.float32 else np.rint(f) for f in frames]).astype(dtype)
    mask = (x > size[1] // 2).astype(np.uint8)
    points = np.array([[1.0, 2.0], [size[1] - 3.0, size[0] / 2]], np.float32)
    boxes = np.array([[2.0, 3.0, size[1] / 2, size[0] - 4.0]], np.float32)
    depth = (1.0 + x / size[1] + y / size[0]).astype(np.float32)
    return Sample(
        stack[1].copy(),
        stack=stack,
        mask=mask,
        keypoints=points,
        boxes=boxes,
        depth=depth,
        hint=stack[2].copy(),
    )


def check_operator(operator: Operator) -> None:
    """Check the contract of operators, and say which promise was broken.

    An operator can be written down and read back; refuses unknown settings;
    gives the same for the same seed; leaves its input as it was and shares no
    memory with it; keeps dtype and channels; gives finite values; takes gray and
    color, odd and small sizes; one that names practice samples of its own is tried
    on these. An operator that reads the stack is built from an
    `example` that can do with three small frames of one scene.

    Raises:
        AssertionError: a promise is broken; the message names it.
    """
    name = type(operator).__name__
    _check_spec(operator, name)
    for k, sample in enumerate(operator.practice_samples()):
        _check_call(operator, sample, f"{name} on its practice sample {k + 1}")
    if operator.practice_samples():
        return
    # A transform may state for which numbers of channels it is; a setting of that name is no such.
    taken = None if "channels" in operator.config else getattr(operator, "channels", None)
    for dtype in DTYPES:
        for channels in (1, 3):
            if taken is not None and channels not in taken:
                continue
            sample = practice_sample(channels=channels, dtype=dtype)
            what = f"{name} on {np.dtype(dtype)} with {channels} channels"
            _check_call(operator, sample, what)
    _check_call(operator, practice_sample(size=(24, 31)), f"{name} on 24 x 31")


def _check_spec(operator: Operator | Metric, name: str) -> None:
    trust = (type(operator).__module__,)
    read = from_spec(to_spec(operator), trust=trust)
    assert read == operator, f"{name}: from_spec(to_spec(op)) differs"
    read = from_yaml(to_yaml(operator), trust=trust)
    assert read == operator, f"{name}: the YAML form does not come back"
    try:
        type(operator)(**operator.config, **{"no_such_setting": 1})
    except SpecError as refusal:
        message = str(refusal)
    else:
        raise AssertionError(f"{name} takes a setting that it does not have")
    assert "no_such_setting" in message, f"{name}: the refusal does not name the setting"


def _check_call(operator: Operator, sample: Sample, what: str) -> None:
    before = {field: _copy(getattr(sample, field)) for field in sample.fields()}
    try:
        first, again = operator(sample, 7), operator(sample, 7)
    except SfumatoError as refusal:
        raise AssertionError(f"{what}: refuses a practice picture: {refusal}") from refusal
    for field, old in before.items():
        assert _same(getattr(sample, field), old), f"{what}: the input's {field} was changed"
    for field in first.fields():
        new = getattr(first, field)
        assert _same(new, getattr(again, field)), f"{what}: same seed, another {field}"
        if isinstance(new, np.ndarray):
            _check_array(new, sample, f"{what}: {field}")
    alters = getattr(operator, "alters", ())  # what a conversion changes on purpose
    same = "dtype" in alters or first.image.dtype == sample.image.dtype
    assert same, f"{what}: the dtype became {first.image.dtype}"
    same = "channels" in alters or first.image.shape[2] == sample.image.shape[2]
    assert same, f"{what}: the channels changed"
    if isinstance(operator, ImageOperator):
        assert first.size == sample.size, f"{what}: the geometry changed"


def _check_array(new: NDArray[Any], sample: Sample, what: str) -> None:
    for field in sample.fields():
        old = getattr(sample, field)
        if isinstance(old, np.ndarray):
            assert not np.shares_memory(new, old), f"{what} shares memory with the input's {field}"
    assert np.all(np.isfinite(new)), f"{what} is not finite"


def check_metric(metric: Metric) -> None:
    """Check the contract of metrics.

    It can be written down and read back. The first of its practice pairs (equal
    pictures, where it has none of its own) gets the best score there is; all
    scores lie in the stated range and none is NaN, flat pictures included; inputs
    stay as they were; a set of one pair scores as the pair, a set of several the
    mean of its pairs (unless the metric sums tallies) in any order; ``reset``
    empties it; pictures with NaN are refused.

    Raises:
        AssertionError: a promise is broken; the message names it.
    """
    name = type(metric).__name__
    _check_spec(metric, name)
    pairs = metric.practice_pairs() or _practice_pairs()
    before = [tuple(_copy(part) for part in pair) for pair in pairs]
    scores = [metric(*pair) for pair in pairs]
    assert not np.isnan(scores).any(), f"{name}: a practice pair gives NaN"
    best, low, high = scores[0], *metric.value_range
    for score in scores:
        worse = score <= best if metric.higher_is_better else score >= best
        assert worse, f"{name}: a pair scores {score}, the best one {best}"
        assert low <= score <= high, f"{name}: {score} is outside {metric.value_range}"
    for pair, old in zip(pairs, before, strict=True):
        same = all(_same(new, part) for new, part in zip(pair, old, strict=True))
        assert same, f"{name}: a score changes its inputs"
    _check_set(metric, pairs, scores, name)
    assert _close(best, metric.best) or np.isinf(metric.best), (
        f"{name}: the best pair scores {best}, its stated best is {metric.best}"
    )
    if not metric.practice_pairs():
        _check_refusal(metric, name)


def _practice_pairs() -> tuple[tuple[Any, Any], ...]:
    """Pair pictures large enough for five halvings: equal, darker, brighter, and flat ones."""
    sample = practice_sample(size=(176, 184))
    assert sample.stack is not None
    dark, middle, bright = sample.stack
    flat = np.full_like(middle, 128)
    pairs = [(middle, middle), (dark, middle), (bright, middle), (flat, flat), (flat, flat // 2)]
    return (*pairs, (flat, middle), (middle, flat))


def _check_set(metric: Metric, pairs: Any, scores: list[float], name: str) -> None:
    several = pairs[1:4]
    for order in (several, several[::-1]):
        metric.reset()
        for pair in order:
            metric.update(*pair)
        if not isinstance(metric, SetMetric):
            mean = float(np.mean(scores[1 : 1 + len(several)]))
            assert _close(metric.compute(), mean), f"{name}: not the mean of its pairs"
    forth = metric.compute()
    metric.reset()
    for pair in several:
        metric.update(*pair)
    assert _close(metric.compute(), forth), f"{name}: the order of the pairs matters"
    metric.reset()
    metric.update(*pairs[0])
    assert _close(metric.compute(), scores[0]), f"{name}: one pair is not a set of one pair"
    metric.reset()
    try:
        metric.compute()
    except RangeError:
        return
    raise AssertionError(f"{name}: reset leaves something to compute from")


def _check_refusal(metric: Metric, name: str) -> None:
    picture = practice_sample(size=(176, 184), dtype=np.float32).image
    broken = picture.copy()
    broken[3, 5] = np.nan
    for pair in ((broken, picture), (picture, broken)):
        try:
            metric(*pair)
        except RangeError:
            continue
        raise AssertionError(f"{name}: a picture with NaN is scored")


def _close(a: float, b: float) -> bool:
    return a == b or abs(a - b) <= 1e-9 * max(1.0, abs(b))


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(a: Any, b: Any) -> bool:
    if not isinstance(a, np.ndarray):
        return bool(a == b)
    # NaN equals NaN here: that a value is no number is said by a check of its own.
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
