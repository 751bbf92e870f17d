"""Old and new words of albumentations are understood; strangers are refused."""

from __future__ import annotations

import inspect
import warnings

import albumentations as peer
import pytest

import sfumato.augment as A
from sfumato.augment._vocabulary import positional_order
from sfumato.errors import RangeError, SpecError


def peer_parameters(cls):
    theirs = getattr(peer, cls.__name__, None)
    if theirs is None:
        pytest.skip("albumentations 2.0.8 has no such transform")
    parameters = dict(inspect.signature(theirs.__init__).parameters)
    return {n: p for n, p in parameters.items() if n != "self"}


def test_bare_values_follow_the_order_of_albumentations(transform_class):
    cls = transform_class
    theirs = [n for n in peer_parameters(cls)]
    ours = [n for n in positional_order(cls)]
    assert ours[: len(theirs)] == theirs


def test_defaults_are_those_of_albumentations(transform_class):
    cls = transform_class
    theirs = peer_parameters(cls)
    ours = {f: field.default for f, field in cls.__dataclass_fields__.items()}
    for name, parameter in theirs.items():
        if parameter.default is inspect.Parameter.empty or name in cls.own_defaults:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            given = cls.shorthand.get(name, lambda v: v)(parameter.default)
        assert as_written(given) == as_written(ours[name]), name


def as_written(value):
    if isinstance(value, (list, tuple)):
        return tuple(as_written(v) for v in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def test_old_words_lead_to_settings_that_exist(transform_class):
    cls = transform_class
    for old, became in cls.legacy.items():
        new = became if isinstance(became, (str, type(None))) else became[0]
        assert new is None or new in cls.__dataclass_fields__, (old, new)
    for name in (*cls.defaults_1_3, *cls.shorthand, *(cls.order or ())):
        assert name in cls.__dataclass_fields__, name


def test_an_old_word_is_renewed_with_one_warning():
    with pytest.warns(DeprecationWarning, match="'threshold' is now 'threshold_range'") as seen:
        made = A.Solarize(threshold=51, always_apply=True)
    assert len(seen) == 1
    assert made == A.Solarize(threshold_range=(0.2, 0.2), p=1)


def test_the_warning_points_at_the_line_that_used_the_old_word():
    with pytest.warns(DeprecationWarning, match="p=1") as seen:
        A.InvertImg(always_apply=True)
    assert seen[0].filename == __file__


def test_always_apply_by_place_is_known_by_its_type():
    with pytest.warns(DeprecationWarning, match="always_apply"):
        assert A.HorizontalFlip(False, 0.25) == A.HorizontalFlip(p=0.25)
    assert A.HorizontalFlip(0.25).p == 0.25


def test_an_unknown_word_is_an_error_that_names_a_near_one():
    with pytest.raises(SpecError, match="treshold_range.*\n.*did you mean 'threshold_range'"):
        A.Solarize(treshold_range=(0.1, 0.2))


def test_too_many_bare_values_are_an_error():
    with pytest.raises(SpecError, match="3 bare values for 1 settings"):
        A.InvertImg(0.5, 0.5, 0.5)


def test_one_setting_given_twice_is_an_error():
    with pytest.raises(SpecError, match="by place and by name"):
        A.InvertImg(0.5, p=0.5)


def test_a_share_beyond_one_is_refused_when_built():
    with pytest.raises(RangeError, match=r"HorizontalFlip.p: 1.5 is outside \[0, 1\]"):
        A.HorizontalFlip(p=1.5)


def test_an_unknown_version_is_refused():
    with pytest.raises(SpecError, match="'1.3' or '2.0'"):
        A.set_compat("3.0")
