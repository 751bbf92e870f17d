"""The cost of a set of pictures is the mean of theirs, whatever the batches are."""

from __future__ import annotations

import math

import pytest
import torch

from sfumato.core.batch import Batch
from sfumato.errors import FieldError, SpecError
from sfumato.generate import ImprovedDDPM, LatentDiffusion, bits_of_pictures


def pictures(count):
    values = torch.randint(0, 256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(3))
    return Batch(values / 255)


def test_the_mean_and_its_error_are_those_of_the_pictures():
    method, batch = ImprovedDDPM.example().eval(), pictures(5)
    seen = []
    found = bits_of_pictures(method, [batch[:5]], seed=4, advance=lambda: seen.append(1))
    each = method.bits(batch, torch.Generator().manual_seed(4)).total.double()
    assert found.count == 5
    assert found.mean == pytest.approx(float(each.mean()), rel=1e-6)
    spread = math.sqrt(sum((float(c) - found.mean) ** 2 for c in each) / 4)
    assert found.standard_error == pytest.approx(spread / math.sqrt(5), rel=1e-5)
    assert len(seen) == 1
    # An untrained network believes in grey with the noise of each step: noise costs it dearly.
    assert found.mean > 8.0


def test_pictures_that_shall_be_answered_count_where_there_are_some():
    method, batch = ImprovedDDPM.example().eval(), pictures(2)
    aside = Batch(torch.zeros_like(batch.image), target=batch.image)
    assert bits_of_pictures(method, [aside]) == bits_of_pictures(method, [batch])


def test_nothing_and_codes_are_refused():
    with pytest.raises(FieldError, match="no pictures"):
        bits_of_pictures(ImprovedDDPM.example(), [])
    with pytest.raises(SpecError, match="works on codes"):
        bits_of_pictures(LatentDiffusion.example(), [pictures(1)])


def test_the_error_of_a_single_picture_is_not_known():
    found = bits_of_pictures(ImprovedDDPM.example().eval(), [pictures(1)])
    assert math.isnan(found.standard_error)
