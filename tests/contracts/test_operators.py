"""Every operator on every menu keeps the contract of operators."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

from sfumato.core.apply import Apply
from sfumato.core.metric import Metric
from sfumato.core.operator import ImageOperator, Operator
from sfumato.core.spec import rooms
from sfumato.errors import MissingExtraError
from sfumato.testing import check_metric, check_operator


def public(kind):
    for room in rooms():
        if room == "cli":
            continue
        module = importlib.import_module(f"sfumato.{room}")
        for name in module.__all__:
            thing = getattr(module, name)
            if (
                isinstance(thing, type)
                and issubclass(thing, kind)
                and not inspect.isabstract(thing)
            ):
                yield pytest.param(thing, id=f"{room}.{name}")


@pytest.mark.parametrize("operator", [*public(Operator)])
def test_an_operator_keeps_its_promises(operator):
    if operator is Apply:
        pytest.skip("needs weights of a method for any channels: see tests/core/test_apply.py")
    check_operator(operator.example())


@pytest.mark.parametrize("metric", [*public(Metric)])
def test_a_metric_keeps_its_promises(metric):
    try:
        check_metric(metric.example())
    except MissingExtraError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("operator", [*public(Operator)])
def test_an_operator_is_documented(operator):
    text = inspect.getdoc(operator) or ""
    for name in operator.example().config:
        assert f"{name}:" in text, f"{operator.__name__} does not explain '{name}'"


class InPlace(ImageOperator):
    """Write into the input."""

    def apply_image(self, image, rng):
        image[0, 0] = 0
        return image.copy()


class OwnDice(ImageOperator):
    """Ignore the seed."""

    def apply_image(self, image, rng):
        return (image * np.random.default_rng().random()).astype(image.dtype)


class Widens(ImageOperator):
    """Forget the dtype."""

    def apply_image(self, image, rng):
        return image.astype(np.float32)


class Crops(ImageOperator):
    """Change the geometry without saying so."""

    def apply_image(self, image, rng):
        return image[1:].copy()


class NaNs(ImageOperator):
    """Give what is no number."""

    def apply_image(self, image, rng):
        return np.full_like(image, np.nan) if image.dtype == np.float32 else image.copy()


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (InPlace, "was changed"),
        (OwnDice, "same seed"),
        (Widens, "dtype"),
        (Crops, "refuses|geometry"),
        (NaNs, "finite"),
    ],
)
def test_the_contract_catches_broken_operators(broken, promise):
    with pytest.raises(AssertionError, match=promise):
        check_operator(broken())
