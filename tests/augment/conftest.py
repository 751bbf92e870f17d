"""Tests that ask for ``transform_class`` run over every transform on the menu."""

from __future__ import annotations

import inspect

import sfumato.augment as A
from sfumato.augment.mix_transform import MixTransform
from sfumato.augment.transform import Transform


def menu():
    """Every transform that can be built; a new one is tested as soon as it is on the menu."""
    for name in sorted(A.__all__):
        thing = getattr(A, name)
        concrete = isinstance(thing, type) and not inspect.isabstract(thing)
        if not concrete or not issubclass(thing, Transform) or thing is Transform:
            continue
        if not issubclass(thing, MixTransform):  # those need partners: see test_mixing.py
            yield thing


def pytest_generate_tests(metafunc):
    if "transform_class" in metafunc.fixturenames:
        metafunc.parametrize("transform_class", [*menu()], ids=lambda cls: cls.__name__)
