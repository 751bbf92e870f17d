"""Fréchet distance of two sets of pictures, in the features of any extractor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import SetMetric
from sfumato.errors import RangeError, ShapeError
from sfumato.measure._feature_sets import features_of, first_half
from sfumato.measure._moments import Moments, merged

__all__ = ["FrechetDistance", "FrechetReport", "frechet_distance"]

Matrix = NDArray[np.float64]


def frechet_distance(
    mean_a: ArrayLike, covariance_a: ArrayLike, mean_b: ArrayLike, covariance_b: ArrayLike
) -> float:
    """Give the squared Fréchet (2-Wasserstein) distance of two normal distributions.

    ``|m - n|² + trace(A + B - 2 (A B)^½)`` for means m, n and covariances A, B. The last
    trace is taken as the sum of the singular values of ``A^½ B^½``, which needs no
    square root of a matrix that is not symmetric, stays real for singular covariances,
    and loses no digits to one.

    Args:
        mean_a: mean of one distribution.
        covariance_a: its covariance.
        mean_b: mean of the other.
        covariance_b: its covariance.

    Shape:
        means (d,); covariances (d, d).

    Raises:
        ShapeError: the shapes do not fit.
        RangeError: NaN, or a covariance that is not symmetric or has a negative direction.

    Example:
        >>> frechet_distance([0.0, 0.0], np.eye(2), [3.0, 4.0], 4.0 * np.eye(2))
        27.0

    References:
        D. Dowson, B. Landau. The Fréchet Distance between Multivariate Normal
        Distributions. Journal of Multivariate Analysis, 1982.
        doi:10.1016/0047-259X(82)90077-X
    """
    means = [np.asarray(mean, np.float64) for mean in (mean_a, mean_b)]
    if means[0].ndim != 1 or means[0].shape != means[1].shape or not means[0].size:
        raise ShapeError(f"frechet_distance: means of shapes {means[0].shape}, {means[1].shape}")
    covariances = [_covariance(c, means[0].size) for c in (covariance_a, covariance_b)]
    if not np.isfinite(means).all():
        raise RangeError("frechet_distance: a mean holds NaN or infinity")
    factors = [_factor(covariance) for covariance in covariances]
    common = np.linalg.svd(factors[0].T @ factors[1], compute_uv=False).sum()
    spread = np.trace(covariances[0]) + np.trace(covariances[1]) - 2.0 * common
    # Neither part is ever negative; the rounding of the second may be.
    return float(((means[0] - means[1]) ** 2).sum() + max(0.0, spread))


def _covariance(value: ArrayLike, dimensions: int) -> Matrix:
    matrix = np.asarray(value, np.float64)
    if matrix.shape != (dimensions, dimensions):
        raise ShapeError(
            f"frechet_distance: a covariance of shape {matrix.shape} "
            f"does not fit {dimensions} dimensions"
        )
    finite = bool(np.isfinite(matrix).all())
    if not finite or np.abs(matrix - matrix.T).max() > 1e-6 * np.abs(matrix).max():
        raise RangeError("frechet_distance: a covariance must be finite and symmetric")
    return matrix


def _factor(covariance: Matrix) -> Matrix:
    """Give F with F Fᵀ = covariance: a square root but for a turn, which the trace ignores."""
    values, vectors = np.linalg.eigh(covariance)
    # Rounding puts the zeros of a singular covariance a little below 0, not further.
    if values[0] < -1e-6 * max(values[-1], 0.0):
        raise RangeError(
            f"frechet_distance: a covariance has the negative variance {values[0]:.3g}",
            hint="is it a covariance? numpy.cov(features, rowvar=False) gives one",
        )
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


class FrechetReport(NamedTuple):
    """A distance, and what to hold it against.

    Args:
        distance: prediction against target.
        floor: one random half of the target against the other.
        predictions: members of the prediction.
        targets: members of the target, both halves together.
        features: length of a feature vector.
    """

    distance: float
    floor: float
    predictions: int
    targets: int
    features: int


class FrechetDistance(SetMetric):
    """Say how far one set of pictures is from another, as normal clouds of features.

    An extractor turns each picture into a vector. Both sets of vectors are summed up by
    mean and covariance, and `frechet_distance` compares those. With
    ``extractor=InceptionFeatures(...)`` it is FID; with another extractor the value has
    another scale and must carry another name.

    Members count, pairs do not: the sets may differ in size, and order does not matter.
    Sums are kept in double precision while pictures pass; no picture is stored.

    Few members make the value too large, by a part that falls as 1 / n: compare at equal
    n only. `report` therefore sets the distance beside that of two random halves of the
    target. That floor is what two samples of one and the same thing score; being of half
    the size it is itself too large, about twofold, so that a distance below it means
    "no difference seen". Sets with no more members than features are refused, for their
    covariance is singular; ``allow_few`` lets them pass.

    Range 0 to infinity, best 0. NaN is refused.

    Args:
        extractor: takes a tensor (n, c, h, w) with white at 1, gives (n, d), tensor or
            array: `InceptionFeatures`, or a network of your own in ``eval()``. None where
            prediction and target are features already, which needs no torch.
        allow_few: score sets with no more members than features as well.
        unbiased: divide the squares by n - 1 (as the published numbers do), not by n.
        seed: of the split of the target into halves.
        device: where the extractor gets its tensors.
        batch_size: pictures that the extractor gets at a time.

    Shape:
        prediction and target each a picture (h, w, c), a stack (n, h, w, c), a list of
        pictures, or, without extractor, features (n, d).

    Raises:
        ShapeError: other shapes, or features of different lengths.
        DtypeError: no pictures, or no numbers.
        RangeError: NaN or infinity; too few members when it comes to the score; an
            extractor in training mode.
        MissingExtraError: an extractor is used, and torch is not installed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> metric = FrechetDistance()
        >>> for _ in range(10):
        ...     metric.update(rng.normal(1.0, 1.0, (100, 4)), rng.normal(0.0, 1.0, (100, 4)))
        >>> report = metric.report()
        >>> bool(abs(report.distance - 4.0) < 0.4), bool(report.floor < 0.1)
        (True, True)

    References:
        M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter. GANs Trained by
        a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium. NeurIPS, 2017.
        arXiv:1706.08500
    """

    higher_is_better = False
    value_range = (0.0, math.inf)

    extractor: Callable[..., Any] | None = None
    allow_few: bool = False
    unbiased: bool = True
    seed: Annotated[int, Between(0, 2**32 - 1)] = 0
    device: str = "cpu"
    batch_size: Annotated[int, Between(1, 65536)] = 32

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        """Return the features of both sets, (n, d) and (m, d)."""
        first, second = (
            features_of(side, self.extractor, self.device, self.batch_size, f"{name} {word}")
            for name, word, side in (
                ("FrechetDistance: the", "prediction", prediction),
                ("FrechetDistance: the", "target", target),
            )
        )
        if first.shape[1] != second.shape[1]:
            raise ShapeError(
                f"FrechetDistance: the prediction has {first.shape[1]} features, "
                f"the target {second.shape[1]}"
            )
        return first, second

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        rng = np.random.default_rng(3)
        a, b = rng.normal(size=(60, 3)), rng.normal(0.5, 2.0, (50, 3))
        return (a, a), (b, a), (a + 1.0, a), (a, 3.0 * b), (np.zeros_like(a), a)

    def tally(self, prediction: NDArray[Any], target: NDArray[Any]) -> Matrix:
        """Give the moments of the prediction and of both halves of the target, packed."""
        parts: list[Moments] = []
        self._add(parts, prediction, target)
        return np.stack([moments.settled() for moments in parts])

    def update(self, prediction: Any, target: Any) -> None:
        """Add members to both sets."""
        self._add(self._scores, *self.check_pair(prediction, target))

    def total(self) -> Matrix:
        if not self._scores:
            raise self._nothing()
        return np.stack([moments.settled() for moments in self._scores])

    def finish(self, tally: NDArray[Any]) -> float:
        prediction, first, second = tally
        return self._between(prediction, merged(first, second))

    def report(self) -> FrechetReport:
        """Give the distance of the sets so far, and the floor under it.

        Raises:
            RangeError: the sets are empty, or half of the target has too few members.
        """
        tally = self.total()
        prediction, first, second = tally
        counts = [int(part[0, 0]) for part in tally]
        floor = self._between(first, second, name="half of the target")
        features = len(prediction) - 1
        return FrechetReport(self.finish(tally), floor, counts[0], sum(counts[1:]), features)

    def _add(self, parts: list[Moments], prediction: NDArray[Any], target: NDArray[Any]) -> None:
        width = prediction.shape[1]
        if not parts:
            parts.extend(Moments(width) for _ in range(3))
        if parts[0].features != width:
            raise ShapeError(
                f"FrechetDistance: got {width} features after {parts[0].features}",
                hint="reset() before another kind of features",
            )
        first = first_half(self.seed, parts[1].count + parts[2].count, len(target))
        for moments, rows in zip(parts, (prediction, target[first], target[~first]), strict=True):
            moments.add(rows)

    def _between(self, a: Matrix, b: Matrix, name: str = "a set") -> float:
        for packed in (a, b):
            count, features = int(packed[0, 0]), len(packed) - 1
            if count < 2 or (count <= features and not self.allow_few):
                raise RangeError(
                    f"FrechetDistance: {name} has {count} members for {features} features",
                    hint=f"add members, at least {features + 1}; an extractor with fewer "
                    "features; KernelDistance, which small sets do not bias; or allow_few=True",
                )
        less = 1.0 if self.unbiased else 0.0
        sums = ((packed[0, 1:], packed[1:, 1:] / (packed[0, 0] - less)) for packed in (a, b))
        (mean_a, covariance_a), (mean_b, covariance_b) = sums
        return frechet_distance(mean_a, covariance_a, mean_b, covariance_b)
