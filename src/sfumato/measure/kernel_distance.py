"""Kernel distance of two sets of pictures, in the features of any extractor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import SetMetric
from sfumato.errors import RangeError, ShapeError
from sfumato.measure._feature_sets import features_of, in_any_order

__all__ = ["KernelDistance", "KernelReport"]

Rows = NDArray[np.float64]


class KernelReport(NamedTuple):
    """A distance, how much it scatters, and what to hold it against.

    Args:
        distance: mean over the subsets, prediction against target.
        spread: standard deviation over the subsets.
        floor: the same mean, one random half of the target against the other.
        floor_spread: its standard deviation.
        subset_size: members of each subset of the prediction and of the target.
        floor_subset_size: members of each subset of a half; smaller where a half is.
    """

    distance: float
    spread: float
    floor: float
    floor_spread: float
    subset_size: int
    floor_subset_size: int


class KernelDistance(SetMetric):
    """Say how far one set of pictures is from another, without assuming clouds.

    An extractor turns each picture into a vector of length d. With the kernel
    ``k(x, y) = (x · y / d + 1)³`` the squared maximum mean discrepancy of m members of
    each set is estimated without bias::

        mean of k(x, x') over pairs of the one + the same of the other - 2 mean of k(x, y)

    where no member is paired with itself. The score is the mean over random subsets;
    `report` gives their standard deviation too, and both for two random halves of the
    target: the floor, which is near 0. With ``extractor=InceptionFeatures(...)`` it is KID
    (often quoted times 1000); with another extractor the scale is another.

    It has no bias, so small sets only scatter more, and sets of different sizes compare.
    The spread tells how much subsets differ; they share members, so it is no error of
    the mean.

    Members count, pairs do not: the sets may differ in size, and neither order nor
    portions matter. The features of all members are kept until ``reset``.

    Best is the lower. The expectation is 0 for equal distributions and positive
    otherwise; an estimate may lie a little below 0. NaN is refused.

    Args:
        extractor: takes a tensor (n, c, h, w) with white at 1, gives (n, d), tensor or
            array: `InceptionFeatures`, or a network of your own in ``eval()``. None where
            prediction and target are features already, which needs no torch.
        subsets: how many are drawn.
        subset_size: members of each; a set with fewer is refused.
        seed: of the draw, and of the split of the target into halves.
        device: where the extractor gets its tensors.
        batch_size: pictures that the extractor gets at a time.

    Shape:
        prediction and target each a picture (h, w, c), a stack (n, h, w, c), a list of
        pictures, or, without extractor, features (n, d).

    Raises:
        ShapeError: other shapes, or features of different lengths.
        DtypeError: no pictures, or no numbers.
        RangeError: NaN or infinity; fewer members than a subset when it comes to the
            score; an extractor in training mode.
        MissingExtraError: an extractor is used, and torch is not installed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> metric = KernelDistance(subset_size=200, subsets=20)
        >>> metric.update(rng.normal(0.5, 1.0, (500, 4)), rng.normal(0.0, 1.0, (500, 4)))
        >>> report = metric.report()
        >>> bool(report.distance > 10 * abs(report.floor))
        True

    References:
        M. Binkowski, D. Sutherland, M. Arbel, A. Gretton. Demystifying MMD GANs. ICLR,
        2018. arXiv:1801.01401
    """

    _example: ClassVar[dict[str, Any]] = {"subsets": 5, "subset_size": 30}
    higher_is_better = False

    extractor: Callable[..., Any] | None = None
    subsets: Annotated[int, Between(1, 100_000)] = 100
    subset_size: Annotated[int, Between(2, 1_000_000)] = 1000
    seed: Annotated[int, Between(0, 2**32 - 1)] = 0
    device: str = "cpu"
    batch_size: Annotated[int, Between(1, 65536)] = 32

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        """Return the features of both sets, (n, d) and (m, d)."""
        sides = (("the prediction", prediction), ("the target", target))
        first, second = (
            features_of(
                side, self.extractor, self.device, self.batch_size, f"KernelDistance: {name}"
            )
            for name, side in sides
        )
        if first.shape[1] != second.shape[1]:
            raise ShapeError(
                f"KernelDistance: the prediction has {first.shape[1]} features, "
                f"the target {second.shape[1]}"
            )
        return first, second

    def practice_pairs(self) -> tuple[tuple[Any, Any], ...]:
        rng = np.random.default_rng(3)
        size = self.subset_size
        a, b = rng.normal(size=(size, 3)), rng.normal(2.0, 1.0, (size + 20, 3))
        return (a, a), (b, a), (a + 3.0, a), (a, 3.0 * b), (np.full_like(a, 2.0), a)

    def tally(self, prediction: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]:
        """Give the features of both sets below each other, after a column that says whose."""
        sides = [np.insert(rows, 0, k, axis=1) for k, rows in enumerate((prediction, target))]
        return np.concatenate(sides)

    def update(self, prediction: Any, target: Any) -> None:
        """Add members to both sets."""
        new = self.tally(*self.check_pair(prediction, target))
        if self._scores and self._scores[0].shape[1] != new.shape[1]:
            raise ShapeError(
                f"KernelDistance: got {new.shape[1] - 1} features "
                f"after {self._scores[0].shape[1] - 1}",
                hint="reset() before another kind of features",
            )
        self._scores.append(new)

    def total(self) -> NDArray[Any]:
        if not self._scores:
            raise self._nothing()
        return np.concatenate(self._scores)

    def finish(self, tally: NDArray[Any]) -> float:
        prediction, target = _sides(tally)
        return float(np.mean(self._estimates(prediction, target, self.subset_size)))

    def report(self) -> KernelReport:
        """Give the distance of the sets so far with its spread, and the floor under it.

        Raises:
            RangeError: the sets are empty or smaller than a subset.
        """
        prediction, target = _sides(self.total())
        estimates = self._estimates(prediction, target, self.subset_size)
        order = np.random.default_rng((self.seed, 1)).permutation(len(target))
        first, second = np.array_split(target[order], 2)
        size = min(self.subset_size, len(second))
        floor = self._estimates(first, second, size)
        return KernelReport(
            float(estimates.mean()),
            float(estimates.std()),
            float(floor.mean()),
            float(floor.std()),
            self.subset_size,
            size,
        )

    def _estimates(self, a: Rows, b: Rows, size: int) -> NDArray[np.float64]:
        fewest = min(len(a), len(b))
        if fewest < max(2, size):
            raise RangeError(
                f"KernelDistance: a set of {fewest} members is smaller than a subset of {size}",
                hint=f"add members, or build it with subset_size={max(2, fewest)} or less",
            )
        rng = np.random.default_rng(self.seed)
        draws = (
            [rows[rng.choice(len(rows), size, replace=False)] for rows in (a, b)]
            for _ in range(self.subsets)
        )
        return np.array([_unbiased_discrepancy(*pair) for pair in draws])


def _sides(tally: NDArray[Any]) -> list[Rows]:
    return [in_any_order(tally[tally[:, 0] == k, 1:]) for k in (0, 1)]


def _unbiased_discrepancy(a: Rows, b: Rows) -> float:
    within = sum(_others(_kernel(rows, rows)) for rows in (a, b))
    return float(within - 2.0 * _kernel(a, b).mean())


def _kernel(a: Rows, b: Rows) -> Rows:
    plane = a @ b.T
    plane /= a.shape[1]
    plane += 1.0
    return np.asarray(plane * plane * plane)  # a power of 3 takes longer than the product a @ b


def _others(kernel: Rows) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
