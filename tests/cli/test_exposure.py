"""`sfumato exposure`: what it prints."""

from __future__ import annotations

import json

import pytest


def test_iso_6400_is_64_times_and_36_12_db(run):
    result = run("exposure", "--iso", "6400")
    assert result.exit_code == 0, result.output
    assert "gain 64x, 36.12 dB" in result.stdout
    assert "36.00 dB at 6 dB a stop" in result.stdout


def test_a_shutter_is_a_number_or_a_fraction(run):
    for shutter in ("1/64", "0.015625", "1/64s"):
        options = ("--iso", "400", "--f-number", "8", "--shutter", shutter, "--json")
        told = json.loads(run("exposure", *options).stdout)
        assert (told["ev"], told["ev_at_iso_100"], told["stops"]) == (12.0, 10.0, 2.0)


def test_another_base_iso_gives_another_gain(run):
    told = json.loads(run("exposure", "--iso", "12800", "--base-iso", "64", "--json").stdout)
    assert told["gain"] == 200.0
    assert told["gain_db"] == pytest.approx(46.0206, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--iso", "0"), "above 0"),
        (("--iso", "nan"), "above 0"),
        (("--iso", "100", "--f-number", "8"), "go together"),
        (("--iso", "100", "--f-number", "8", "--shutter", "1/0"), "no time"),
        (("--iso", "100", "--f-number", "8", "--shutter", "fast"), "no time"),
        (("--iso", "100", "--f-number", "0", "--shutter", "1"), "f_number"),
        ((), "--iso"),
    ],
)
def test_what_cannot_be_told_is_refused_in_a_line(run, options, said):
    result = run("exposure", *options)
    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output
