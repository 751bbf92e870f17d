from __future__ import annotations

import pytest
import torch

from sfumato.errors import ShapeError
from sfumato.generate.noise import draw_noise, generators

LIKE = torch.zeros(1)


def test_a_picture_has_the_noise_of_its_own_seed_in_any_batch():
    batch = draw_noise((4, 3, 8, 8), generators(10, 4), LIKE)
    alone = draw_noise((1, 3, 8, 8), generators(12, 1), LIKE)
    assert torch.equal(batch[2:3], alone)


def test_noise_is_drawn_in_single_precision_and_then_converted():
    low = draw_noise((1, 1, 4, 4), generators(1, 1), LIKE.bfloat16())
    high = draw_noise((1, 1, 4, 4), generators(1, 1), LIKE)
    assert torch.equal(low, high.bfloat16())


def test_the_largest_seed_is_followed_by_the_smallest():
    last, first = generators(2**63 - 1, 2)
    assert last.initial_seed() == 2**63 - 1
    assert first.initial_seed() == 0


def test_one_generator_serves_a_whole_batch():
    one = draw_noise((2, 1, 2, 2), torch.Generator().manual_seed(0), LIKE)
    assert torch.equal(one, torch.randn(2, 1, 2, 2, generator=torch.Generator().manual_seed(0)))


def test_too_few_generators_are_refused():
    with pytest.raises(ShapeError, match="3 pictures need as many generators, got 2"):
        draw_noise((3, 1, 2, 2), generators(0, 2), LIKE)
