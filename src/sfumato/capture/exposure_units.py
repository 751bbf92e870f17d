"""How photographers and engineers write the same things down: ISO, gain, dB, EV, stops.

One stop is a factor of two in light. A gain of g is ``20 log10 g`` dB, since it acts on
a voltage, so that a stop is 6.0206 dB; many data sheets round that to 6, and
``rule="six_db_a_stop"`` calculates as they do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.core.bounds import Between
from sfumato.core.spec import Configured
from sfumato.errors import RangeError

__all__ = [
    "Exposure",
    "GainSplit",
    "SensorGain",
    "exact_f_number",
    "exact_shutter",
    "gain_from_db",
    "gain_from_iso",
    "gain_to_db",
    "gain_to_iso",
    "gain_to_stops",
]

Rule = Literal["exact", "six_db_a_stop"]
Steps = Literal["full", "half", "third"]
DB_A_STOP = {"exact": 20.0 * math.log10(2.0), "six_db_a_stop": 6.0}
PARTS = {"full": 1, "half": 2, "third": 3}


def gain_from_iso(iso: ArrayLike, *, base_iso: float = 100.0) -> NDArray[np.float64]:
    """Give the linear gain over the base ISO, nominally: ISO 6400 from 100 is 64.

    Raises:
        RangeError: an ISO is not above 0.

    Example:
        >>> float(gain_from_iso(6400))
        64.0
    """
    return _positive(iso, "ISO") / float(_positive(base_iso, "base ISO"))


def gain_to_iso(gain: ArrayLike, *, base_iso: float = 100.0) -> NDArray[np.float64]:
    """Give the ISO of a linear gain over the base ISO.

    Raises:
        RangeError: a gain is not above 0.
    """
    return _positive(gain, "gain") * float(_positive(base_iso, "base ISO"))


def gain_to_db(gain: ArrayLike, *, rule: Rule = "exact") -> NDArray[np.float64]:
    """Give a linear gain in decibel.

    Args:
        gain: factor, above 0.
        rule: 6.0206 dB a stop, or 6 as data sheets have it.

    Raises:
        RangeError: a gain is not above 0, or there is no such rule.

    Example:
        >>> float(gain_to_db(64).round(2)), float(gain_to_db(64, rule="six_db_a_stop"))
        (36.12, 36.0)
    """
    return np.asarray(gain_to_stops(gain) * _db_a_stop(rule))


def gain_from_db(db: ArrayLike, *, rule: Rule = "exact") -> NDArray[np.float64]:
    """Give the linear gain of decibel; undoes `gain_to_db` of the same rule.

    Raises:
        RangeError: a value is not finite, or there is no such rule.
    """
    values = np.asarray(db, np.float64)
    if not np.isfinite(values).all():
        raise RangeError(f"gain_from_db: decibel are finite, got {values}")
    return np.asarray(np.exp2(values / _db_a_stop(rule)))


def gain_to_stops(gain: ArrayLike) -> NDArray[np.float64]:
    """Give a linear gain in stops, which are EV.

    Raises:
        RangeError: a gain is not above 0.
    """
    return np.asarray(np.log2(_positive(gain, "gain")))


def exact_f_number(nominal: float, steps: Steps = "third") -> float:
    """Give the f-number that an engraved one stands for: 5.6 is 2^(5/2) = 5.657.

    Args:
        nominal: as on the lens.
        steps: of the scale; 1.7 and 1.8 are told apart by it.

    Raises:
        RangeError: not above 0, or there is no such scale.
    """
    parts = _parts(steps)
    stops = 2.0 * math.log2(float(_positive(nominal, "f-number")))
    return float(2.0 ** (round(stops * parts) / parts / 2.0))


def exact_shutter(nominal_s: float, steps: Steps = "third") -> float:
    """Give the time that an engraved one stands for: 1/60 s is 1/64 s.

    Args:
        nominal_s: seconds, as on the dial.
        steps: of the scale.

    Raises:
        RangeError: not above 0, or there is no such scale.
    """
    parts = _parts(steps)
    stops = math.log2(float(_positive(nominal_s, "shutter")))
    return float(2.0 ** (round(stops * parts) / parts))


class Exposure(Configured):
    """Hold what sets the exposure of a frame: aperture, shutter, ISO.

    Args:
        f_number: focal length over the diameter of the aperture.
        exposure_time_s: how long the shutter is open, seconds.
        iso: nominal sensitivity.

    Raises:
        RangeError: a value is not above 0.

    Example:
        >>> sunny = Exposure(f_number=16.0, exposure_time_s=1 / 128)
        >>> sunny.ev
        15.0
        >>> sunny.stops_above(Exposure(f_number=16.0, exposure_time_s=1 / 512))
        2.0
    """

    f_number: Annotated[float, Between(1e-3, 1e6)] = 8.0
    exposure_time_s: Annotated[float, Between(1e-12, 1e9)] = 0.01
    iso: Annotated[float, Between(1e-3, 1e9)] = 100.0

    @property
    def ev(self) -> float:
        """Exposure value of aperture and shutter: log2(N^2 / t)."""
        return 2.0 * math.log2(self.f_number) - math.log2(self.exposure_time_s)

    @property
    def ev_at_iso_100(self) -> float:
        """Exposure value at ISO 100 for which this frame is exposed: the light of the scene."""
        return self.ev - math.log2(self.iso / 100.0)

    def stops_above(self, other: Exposure) -> float:
        """Tell by how many stops this frame is brighter than another of the same scene."""
        return other.ev_at_iso_100 - self.ev_at_iso_100


@dataclass(frozen=True)
class GainSplit:
    """Say where the gain of an ISO comes from; the three multiply to all of it.

    Args:
        conversion: of the pixel itself, by a smaller capacitance; 1 or that of the high mode.
        analog: of the amplifier before the converter.
        digital: of multiplying readings after it; below 1 for an ISO under the base.
    """

    conversion: float
    analog: float
    digital: float

    @property
    def total(self) -> float:
        """All of the gain over the base ISO."""
        return self.conversion * self.analog * self.digital


class SensorGain(Configured):
    """Describe how a sensor makes its gain: amplifier, multiplication, second conversion gain.

    ISO is nominal: the amplifier goes up to some limit, above it readings are multiplied
    and their noise with them. Sensors with two conversion gains switch the pixel at one ISO; the
    noise of what follows the pixel then falls against the signal, and read noise jumps.

    Args:
        base_iso: where the gain is 1.
        analog_limit_iso: highest ISO that is made without multiplying; none for no limit.
        switch_iso: from which ISO on the pixel has its high conversion gain; none for one gain.
        conversion_ratio: high over low conversion gain.

    Raises:
        RangeError: the limit is below the base, or the switch below the ISO that its ratio needs.

    Example:
        >>> sensor = SensorGain(analog_limit_iso=3200, switch_iso=800, conversion_ratio=4.0)
        >>> sensor.split(6400)
        GainSplit(conversion=4.0, analog=8.0, digital=2.0)
    """

    base_iso: Annotated[float, Between(1e-3, 1e9)] = 100.0
    analog_limit_iso: Annotated[float | None, Between(1e-3, 1e9)] = None
    switch_iso: Annotated[float | None, Between(1e-3, 1e9)] = None
    conversion_ratio: Annotated[float, Between(1.0, 1e3)] = 1.0

    def check(self) -> None:
        limit, switch = self.analog_limit_iso, self.switch_iso
        if limit is not None and limit < self.base_iso:
            raise RangeError(
                f"SensorGain: the analog limit ISO {limit:g} is below the base {self.base_iso:g}"
            )
        needed = self.base_iso * self.conversion_ratio
        if switch is not None and switch < needed:
            raise RangeError(
                f"SensorGain: at ISO {switch:g} a conversion ratio of {self.conversion_ratio:g} "
                f"is more than all of the gain",
                hint=f"the switch can be at ISO {needed:g} or above",
            )
        if switch is not None and limit is not None and switch > limit:
            raise RangeError(
                f"SensorGain: the switch at ISO {switch:g} is above the analog limit {limit:g}"
            )

    def split(self, iso: float) -> GainSplit:
        """Tell the parts of the gain at an ISO.

        Raises:
            RangeError: the ISO is not above 0.
        """
        total = float(gain_from_iso(iso, base_iso=self.base_iso))
        switched = self.switch_iso is not None and iso >= self.switch_iso
        conversion = self.conversion_ratio if switched else 1.0
        most = math.inf if self.analog_limit_iso is None else self.analog_limit_iso / self.base_iso
        before = min(max(total, 1.0), most)
        return GainSplit(conversion=conversion, analog=before / conversion, digital=total / before)

    def read_noise(
        self, iso: float, *, pixel_dn: float, amplifier_dn: float, converter_dn: float
    ) -> float:
        """Add up the read noise of the parts: each is amplified by what comes after it.

        Args:
            iso: nominal sensitivity.
            pixel_dn: noise of the pixel at base ISO, DN.
            amplifier_dn: noise at the amplifier's input at base ISO, DN.
            converter_dn: noise of the converter, DN.

        Raises:
            RangeError: a noise is below 0 or not finite.
        """
        parts = np.array([pixel_dn, amplifier_dn, converter_dn], np.float64)
        if not (np.isfinite(parts).all() and parts.min() >= 0.0):
            raise RangeError(f"SensorGain.read_noise: noise is at least 0, got {parts.tolist()}")
        gain = self.split(iso)
        ahead = np.array([gain.conversion * gain.analog, gain.analog, 1.0])
        return gain.digital * float(np.sqrt(((ahead * parts) ** 2).sum()))


def _positive(value: ArrayLike, name: str) -> NDArray[np.float64]:
    values = np.asarray(value, np.float64)
    if not (np.isfinite(values).all() and (values > 0.0).all()):
        raise RangeError(f"{name}: expected values above 0, got {values}")
    return values


def _db_a_stop(rule: str) -> float:
    if rule not in DB_A_STOP:
        raise RangeError(f"rule: {rule!r} is not one of {', '.join(DB_A_STOP)}")
    return DB_A_STOP[rule]


def _parts(steps: str) -> int:
    if steps not in PARTS:
        raise RangeError(f"steps: {steps!r} is not one of {', '.join(PARTS)}")
    return PARTS[steps]
