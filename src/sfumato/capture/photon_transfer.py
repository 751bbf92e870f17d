"""The photon transfer curve: what one electron weighs, and what reading costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.flat_pair import TransferPoint
from sfumato.errors import RangeError, ShapeError

__all__ = ["TransferFit", "fit_transfer"]

LEAST_LEVELS = 4
CURVED, CURVED_SIGMAS = 0.05, 4.0


@dataclass(frozen=True, kw_only=True)
class TransferFit:
    """The line through a photon transfer curve: variance = gain * mean + read_variance.

    Args:
        gain: K, DN for each electron.
        read_variance: of the noise without light in DN^2, rounding taken out.
            It is what the line says: below zero where the flats cannot tell
            it from none, never clamped.
        rounding_variance: step^2 / 12 of the values, in DN^2.
        covariance: of gain and read_variance.
        chi_squared: sum of squared residuals, each by its standard error.
        p_value: how often pure chance gives residuals at least as large.
        points: all levels, those that the line does not rest on too.
        residuals: of the levels that it rests on, in standard errors.
    """

    gain: float
    read_variance: float
    rounding_variance: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    chi_squared: float
    p_value: float
    points: tuple[TransferPoint, ...]
    residuals: tuple[float, ...]

    @property
    def used(self) -> tuple[TransferPoint, ...]:
        """The levels that the line rests on."""
        return tuple(point for point in self.points if not point.excluded)

    @property
    def gain_error(self) -> float:
        """Standard error of the gain."""
        return math.sqrt(self.covariance[0][0])

    @property
    def sigma(self) -> float:
        """Read noise in DN; 0 where the fitted variance is not positive (see `sigma_interval`)."""
        return math.sqrt(self.read_variance) if self.read_variance > 0 else 0.0

    @property
    def resolved(self) -> bool:
        """Whether the flats tell the read noise from none, at 95 %."""
        return self.read_variance > 1.645 * math.sqrt(self.covariance[1][1])

    def gain_interval(self, share: float = 0.95) -> tuple[float, float]:
        """Give where the true gain is found in this share of all calibrations."""
        reach = NormalDist().inv_cdf((1 + share) / 2) * self.gain_error
        return self.gain - reach, self.gain + reach

    def sigma_interval(self, share: float = 0.95) -> tuple[float, float]:
        """Give the same for the read noise in DN; it begins at 0 where it is not resolved."""
        reach = NormalDist().inv_cdf((1 + share) / 2) * math.sqrt(self.covariance[1][1])
        # Below zero the estimate is chance alone, and bounds nothing by itself.
        high = max(self.read_variance, 0.0) + reach
        return math.sqrt(max(self.read_variance - reach, 0.0)), math.sqrt(high)

    def variance(self, mean: NDArray[Any] | float) -> Any:
        """Give the line: variance in DN^2 at a mean above black, rounding included."""
        return self.gain * np.asarray(mean) + self.read_variance + self.rounding_variance


def fit_transfer(
    points: Sequence[TransferPoint], *, step: float = 1.0, name: str = "photon transfer"
) -> TransferFit:
    """Fit variance = K * mean + sigma^2 to flat levels of one colour.

    Each level counts by the inverse of the variance of its variance,
    2 V^2 / (n - 1) + K^3 mean / (2 n), taken from the line itself until both agree:
    weights from the measured variances would pull the line down. Rounding,
    step^2 / 12, is taken out of the intercept. Where the residuals are larger
    than chance explains (p < 0.01) the covariance grows with them.

    Args:
        points: levels as `measure_pair` gives them; excluded ones are kept aside.
        step: distance of neighbouring values in DN; 0 for values without steps.
        name: of camera, colour and ISO, for messages.

    Raises:
        ShapeError: fewer than 4 levels that can be used.
        RangeError: the levels lie too close together, do not rise with the light,
            bend (gamma-encoded values), or have a read variance below zero by
            more than chance.

    Example:
        >>> levels = [TransferPoint(mean=m, variance=2 * m + 36, pixels=4096)
        ...           for m in (0.0, 50.0, 200.0, 800.0, 3000.0)]
        >>> fit = fit_transfer(levels, step=0)
        >>> round(fit.gain, 6), round(fit.sigma, 6)
        (2.0, 6.0)

    References:
        J. R. Janesick. Photon Transfer. SPIE Press, 2007.
    """
    used = [point for point in points if not point.excluded]
    if len(used) < LEAST_LEVELS:
        reasons = sorted({f"{p.name}: {p.excluded}" for p in points if p.excluded})
        said = f" ({'; '.join(reasons[:4])})" if reasons else ""
        raise ShapeError(
            f"{name}: a fit needs {LEAST_LEVELS} levels of light, {len(used)} can be used{said}",
            hint="take pairs from dark to 85 % of white, doubling the exposure time each",
        )
    mean = np.array([p.mean for p in used])
    variance = np.array([p.variance for p in used])
    pixels = np.array([float(p.pixels) for p in used])
    rows = np.stack([mean, np.ones_like(mean)])
    line, error, cov = _fit_line(rows, variance, pixels)
    residuals = (variance - line @ rows) / error
    chi_squared, freedom = float((residuals**2).sum()), len(used) - 2
    p_value = _chance(chi_squared, freedom)
    if p_value < 0.01:
        cov = cov * max(1.0, chi_squared / freedom)
    _check_line(line, cov, name, step**2 / 12)
    _check_straight(rows, variance, error, line, name)
    return TransferFit(
        gain=float(line[0]),
        read_variance=float(line[1]) - step**2 / 12,
        rounding_variance=step**2 / 12,
        covariance=(
            (float(cov[0, 0]), float(cov[0, 1])),
            (float(cov[1, 0]), float(cov[1, 1])),
        ),
        chi_squared=chi_squared,
        p_value=p_value,
        points=tuple(points),
        residuals=tuple(float(r) for r in residuals),
    )


Fitted = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _fit_line(
    rows: NDArray[np.float64], variance: NDArray[np.float64], pixels: NDArray[np.float64]
) -> Fitted:
    """Give the line, the standard error of each level, and the covariance of the line."""
    model, gain = variance.copy(), 0.0
    line = np.zeros(2)
    for _ in range(100):
        tail = np.maximum(gain, 0.0) ** 3 * np.maximum(rows[0], 0.0) / (2 * pixels)
        error = np.sqrt(2 * model**2 / (pixels - 1) + tail)
        before, (line, cov) = line, _least_squares(rows, variance, error)
        if np.allclose(line, before, rtol=1e-10, atol=0):
            break
        gain = float(line[0])
        # A level whose variance the line puts below zero would otherwise get all the weight.
        model = np.maximum(line @ rows, 0.1 * variance)
    return line, error, cov


def _least_squares(
    rows: NDArray[np.float64], values: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scale = np.abs(rows).max(axis=1, keepdims=True)
    scale[scale == 0] = 1.0
    design = rows / scale / error
    cov = np.linalg.pinv(design @ design.T)
    found = cov @ (design @ (values / error))
    return found / scale[:, 0], cov / (scale * scale.T)


def _check_line(
    line: NDArray[np.float64], cov: NDArray[np.float64], name: str, rounding: float
) -> None:
    gain, gain_error = float(line[0]), math.sqrt(cov[0, 0])
    if gain <= 2 * gain_error:
        raise RangeError(
            f"{name}: the noise does not grow with the light "
            f"(K = {gain:.3g}, standard error {gain_error:.2g})",
            hint="linear sensor values are needed: rendered or denoised pictures have lost this",
        )
    if gain_error > 0.25 * gain:
        raise RangeError(
            f"{name}: the levels lie too close together for a line "
            f"(K = {gain:.3g}, standard error {gain_error:.2g})",
            hint="take pairs from dark to 85 % of white, doubling the exposure time each",
        )
    read, read_error = float(line[1]) - rounding, math.sqrt(cov[1, 1])
    if read < -4 * read_error:
        raise RangeError(
            f"{name}: the read variance comes out below zero, {read:.3g} DN^2 with a "
            f"standard error of {read_error:.2g}",
            hint="is the black level right, and are the values linear?",
        )


def _check_straight(
    rows: NDArray[np.float64],
    variance: NDArray[np.float64],
    error: NDArray[np.float64],
    line: NDArray[np.float64],
    name: str,
) -> None:
    """Refuse values whose variance bends over the light, as that of encoded pictures does."""
    bent, cov = _least_squares(np.vstack([rows, rows[0] ** 2]), variance, error)
    sigmas = abs(float(bent[2])) / math.sqrt(cov[2, 2])
    straight, curve = line @ rows, bent @ np.vstack([rows, rows[0] ** 2])
    departure = float(np.max(np.abs(curve - straight) / np.maximum(straight, 0.5 * variance)))
    if sigmas > CURVED_SIGMAS and departure > CURVED:
        way = "flattens" if bent[2] < 0 else "steepens"
        raise RangeError(
            f"{name}: the variance {way} with the light, {departure:.0%} off a line "
            f"({sigmas:.0f} standard errors): these values are not linear",
            hint="use undeveloped sensor values; JPEGs and gamma-encoded TIFFs bend like this",
        )


def _chance(chi_squared: float, freedom: int) -> float:
    """Give the upper tail of a chi-squared distribution, by Wilson and Hilferty's cube root."""
    if freedom < 1:
        return 1.0
    shift = 2 / (9 * freedom)
    return 1 - NormalDist().cdf(((chi_squared / freedom) ** (1 / 3) - (1 - shift)) / shift**0.5)
