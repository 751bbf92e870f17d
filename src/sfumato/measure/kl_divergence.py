"""Kullback-Leibler divergence of histograms, distributions and Gaussians."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import Metric
from sfumato.core.shapes import Image
from sfumato.errors import RangeError, ShapeError
from sfumato.measure.histogram import Unit, check_weights, counts_of, in_unit

__all__ = ["KLDivergence", "kl_divergence", "kl_divergence_gaussian"]


def kl_divergence(p: NDArray[Any], q: NDArray[Any], *, unit: Unit = "nats") -> float:
    """Give ``KL(p || q) = sum p log(p / q)`` of two discrete distributions.

    It is what coding values of p with a code made for q wastes. It is not
    symmetric: it punishes q where it says "never" and p does not (infinity), and
    hardly where q expects what never comes. 0 only for equal distributions.

    Args:
        p: the true distribution, probabilities or counts; divided by their sum here.
        q: the model of it.
        unit: logarithm to base 2 or e.

    Shape:
        both the same, any.

    Raises:
        ShapeError: the shapes differ.
        RangeError: a weight is negative, NaN or infinite, or all are 0.

    Example:
        >>> even, odd = np.array([0.5, 0.5]), np.array([1.0, 0.0])
        >>> kl_divergence(odd, even, unit="bits"), kl_divergence(even, odd)
        (1.0, inf)
    """
    if np.shape(p) != np.shape(q):
        raise ShapeError(f"kl_divergence: p has shape {np.shape(p)}, q {np.shape(q)}")
    first, second = check_weights(p, "kl_divergence: p"), check_weights(q, "kl_divergence: q")
    held = first > 0
    if (second[held] == 0).any():
        return math.inf
    terms = first[held] * (np.log(first[held]) - np.log(second[held]))
    # The sum is never negative; its rounding may be.
    return max(0.0, in_unit(float(terms.sum()), unit))


def kl_divergence_gaussian(
    mean_p: ArrayLike,
    covariance_p: ArrayLike,
    mean_q: ArrayLike = 0.0,
    covariance_q: ArrayLike = 1.0,
    *,
    unit: Unit = "nats",
) -> float:
    """Give KL(p || q) of two normal distributions in closed form.

    ``(trace(Q⁻¹ P) + (n - m)ᵀ Q⁻¹ (n - m) - k + ln(det Q / det P)) / 2`` for means m, n
    and covariances P, Q of k dimensions. With q left out it is the term of a
    variational autoencoder, ``sum(m² + P - 1 - ln P) / 2``.

    Args:
        mean_p: mean of the true distribution.
        covariance_p: its covariance; a vector or number is a diagonal of variances.
        mean_q: mean of the model.
        covariance_q: its covariance.
        unit: logarithm to base 2 or e.

    Shape:
        means (k,) or a number; covariances (k, k), (k,) or a number.

    Raises:
        ShapeError: the shapes do not fit.
        RangeError: NaN, or a covariance that is not symmetric and positive definite.

    Example:
        >>> kl_divergence_gaussian([1.0, 0.0], [1.0, 1.0])
        0.5
    """
    parts = (mean_p, mean_q, covariance_p, covariance_q)
    dimensions = max(np.size(mean_p), np.size(mean_q), *(len(np.atleast_1d(c)) for c in parts[2:]))
    m, n = (_mean(mean, dimensions) for mean in (mean_p, mean_q))
    root_p, root_q = (_root(covariance, dimensions) for covariance in (covariance_p, covariance_q))
    ratio, shift = np.linalg.solve(root_q, root_p), np.linalg.solve(root_q, n - m)
    volume = 2.0 * (np.log(np.diag(root_q)).sum() - np.log(np.diag(root_p)).sum())
    nats = 0.5 * ((ratio**2).sum() + (shift**2).sum() - dimensions + volume)
    return max(0.0, in_unit(float(nats), unit))


def _mean(value: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    mean = np.asarray(value, np.float64)
    if mean.ndim > 1 or mean.size not in (1, dimensions):
        raise ShapeError(f"kl_divergence_gaussian: a mean of shape {mean.shape}, not {dimensions}")
    if not np.isfinite(mean).all():
        raise RangeError("kl_divergence_gaussian: a mean holds NaN or infinity")
    return np.broadcast_to(mean.ravel(), (dimensions,))


def _root(value: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    """Give the lower triangle L with L Lᵀ = covariance."""
    covariance = np.asarray(value, np.float64)
    if covariance.ndim < 2 and covariance.size in (1, dimensions):
        covariance = np.diag(np.broadcast_to(covariance.ravel(), (dimensions,)))
    if covariance.shape != (dimensions, dimensions):
        raise ShapeError(
            f"kl_divergence_gaussian: a covariance of shape {np.shape(value)} "
            f"does not fit {dimensions} dimensions"
        )
    symmetric = np.isfinite(covariance).all() and np.allclose(covariance, covariance.T)
    try:
        if symmetric:
            return np.asarray(np.linalg.cholesky(covariance), np.float64)
    except np.linalg.LinAlgError:
        pass
    raise RangeError("kl_divergence_gaussian: a covariance must be symmetric, positive definite")


class KLDivergence(Metric):
    """Say how far the histogram of a picture is from that of the target.

    KL(target || prediction) of the histograms of each channel, the mean over the
    channels. It is not symmetric: values of the target that the prediction lacks
    cost much, values that it has too many cost little; exchange the two for the
    other direction. Where things lie in the picture does not count.

    Range 0 to infinity, best 0. Flat pictures are defined. A value of the target that
    the prediction has nowhere would give infinity; so each bin of both is given
    ``pseudo_count`` pixels more, and 0 brings the infinity back. NaN is refused.

    Args:
        bins: number of equal bins from black to white.
        pseudo_count: pixels added to each bin.
        unit: logarithm to base 2 or e.

    Shape:
        prediction and target (h, w, c) or (h, w).

    Raises:
        ShapeError: the shapes differ.
        DtypeError: the dtypes differ.
        RangeError: NaN or infinity.

    Example:
        >>> target = np.array([[0, 0, 255, 255]], np.uint8)
        >>> metric = KLDivergence(bins=2, pseudo_count=0.0, unit="bits")
        >>> round(metric(np.array([[0, 0, 0, 255]], np.uint8), target), 4)
        0.2075

    References:
        S. Kullback, R. Leibler. On Information and Sufficiency. Annals of Mathematical
        Statistics, 1951. doi:10.1214/aoms/1177729694
    """

    higher_is_better = False
    value_range = (0.0, math.inf)

    bins: Annotated[int, Between(2, 65536)] = 256
    pseudo_count: Annotated[float, Between(0.0, 1e6)] = 0.5
    unit: Unit = "nats"

    def score(self, prediction: Image, target: Image) -> float:
        pairs = zip(counts_of(target, self.bins), counts_of(prediction, self.bins), strict=True)
        more = self.pseudo_count
        return float(np.mean([kl_divergence(p + more, q + more, unit=self.unit) for p, q in pairs]))
