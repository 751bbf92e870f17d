"""ISO, gain, decibel and stops, against numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.capture.exposure_units import (
    Exposure,
    SensorGain,
    exact_f_number,
    exact_shutter,
    gain_from_db,
    gain_from_iso,
    gain_to_db,
    gain_to_iso,
    gain_to_stops,
)
from sfumato.errors import RangeError

DUAL = SensorGain(analog_limit_iso=3200, switch_iso=800, conversion_ratio=4.0)


def test_iso_6400_is_a_gain_of_64_and_36_12_decibel():
    gain = gain_from_iso(6400)
    assert float(gain) == 64.0
    assert float(gain_to_stops(gain)) == 6.0
    assert round(float(gain_to_db(gain)), 2) == 36.12
    assert float(gain_to_db(gain, rule="six_db_a_stop")) == 36.0
    assert float(gain_from_db(36.0, rule="six_db_a_stop")) == 64.0


def test_decibel_are_twenty_times_the_logarithm_and_arrays_stay_arrays():
    gains = np.array([0.5, 1.0, 10.0, 1000.0])
    np.testing.assert_allclose(gain_to_db(gains), 20 * np.log10(gains), atol=1e-12)


@given(iso=st.floats(1e-2, 1e8), base=st.floats(1, 1000))
def test_every_way_there_has_a_way_back(iso, base):
    gain = gain_from_iso(iso, base_iso=base)
    assert float(gain_to_iso(gain, base_iso=base)) == pytest.approx(iso)
    for rule in ("exact", "six_db_a_stop"):
        assert float(gain_from_db(gain_to_db(gain, rule=rule), rule=rule)) == pytest.approx(
            float(gain)
        )


@pytest.mark.parametrize(
    ("nominal", "steps", "stops"),
    [
        (1.4, "full", 1),
        (5.6, "third", 5),
        (22, "full", 9),
        (1.8, "third", 5 / 3),
        (1.7, "half", 1.5),
    ],
)
def test_engraved_f_numbers_stand_for_powers_of_the_root_of_two(nominal, steps, stops):
    assert exact_f_number(nominal, steps) == pytest.approx(2 ** (stops / 2))


@pytest.mark.parametrize(
    ("nominal", "stops"), [(1 / 60, -6), (1 / 125, -7), (1 / 8000, -13), (30, 5), (1 / 50, -17 / 3)]
)
def test_engraved_times_stand_for_powers_of_two(nominal, stops):
    assert exact_shutter(nominal) == pytest.approx(2**stops)


def test_exposure_values():
    assert Exposure(f_number=1.0, exposure_time_s=1.0).ev == 0.0
    assert Exposure(f_number=16.0, exposure_time_s=1 / 128, iso=100).ev == 15.0
    dim = Exposure(f_number=4.0, exposure_time_s=1 / 32, iso=400)
    assert (dim.ev, dim.ev_at_iso_100) == (9.0, 7.0)
    base = Exposure(f_number=8.0, exposure_time_s=1 / 64, iso=100)
    wide = Exposure(f_number=4.0, exposure_time_s=1 / 128, iso=400)
    # Two stops by the aperture, one lost by the shutter, two by ISO.
    assert wide.stops_above(base) == pytest.approx(3.0)
    assert base.stops_above(wide) == pytest.approx(-3.0)


@pytest.mark.parametrize(
    ("iso", "parts"),
    [
        (50, (1.0, 1.0, 0.5)),
        (100, (1.0, 1.0, 1.0)),
        (400, (1.0, 4.0, 1.0)),
        (800, (4.0, 2.0, 1.0)),
        (3200, (4.0, 8.0, 1.0)),
        (12800, (4.0, 8.0, 4.0)),
    ],
)
def test_the_parts_of_the_gain(iso, parts):
    split = DUAL.split(iso)
    assert (split.conversion, split.analog, split.digital) == parts
    assert split.total == iso / 100


def test_read_noise_jumps_down_where_the_pixel_switches_and_doubles_where_it_is_digital():
    noise = {"pixel_dn": 0.1, "amplifier_dn": 1.0, "converter_dn": 0.5}
    # sqrt((4 0.1)^2 + 4^2 + 0.5^2) and sqrt((8 0.1)^2 + 2^2 + 0.5^2)
    assert DUAL.read_noise(400, **noise) == pytest.approx(16.41**0.5)
    assert DUAL.read_noise(800, **noise) == pytest.approx(4.89**0.5)
    assert DUAL.read_noise(12800, **noise) == pytest.approx(4 * DUAL.read_noise(3200, **noise))


def test_what_is_no_exposure_is_refused():
    for value in (0, -100, float("nan"), float("inf"), [100, 0]):
        with pytest.raises(RangeError, match="above 0"):
            gain_from_iso(value)
    with pytest.raises(RangeError, match="rule"):
        gain_to_db(2.0, rule="roughly")
    with pytest.raises(RangeError, match="finite"):
        gain_from_db(float("nan"))
    with pytest.raises(RangeError, match="steps"):
        exact_shutter(0.1, "quarter")
    with pytest.raises(RangeError, match="exposure_time_s"):
        Exposure(exposure_time_s=0.0)
    with pytest.raises(RangeError, match="below the base"):
        SensorGain(analog_limit_iso=50)
    with pytest.raises(RangeError, match="more than all of the gain"):
        SensorGain(switch_iso=200, conversion_ratio=4.0)
    with pytest.raises(RangeError, match="above the analog limit"):
        SensorGain(switch_iso=800, conversion_ratio=2.0, analog_limit_iso=400)
    with pytest.raises(RangeError, match="at least 0"):
        DUAL.read_noise(100, pixel_dn=-1.0, amplifier_dn=0.0, converter_dn=0.0)
