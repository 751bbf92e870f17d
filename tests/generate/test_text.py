from __future__ import annotations

import logging

import pytest
import torch

from sfumato.errors import SpecError
from sfumato.generate.text import WordEncoder


def encoder(**more):
    torch.manual_seed(0)
    settings = {"words": ("red", "blue", "circle", "square"), "width": 16, "length": 5, "heads": 2}
    return WordEncoder(**settings | more).eval()


def test_words_are_numbers_and_the_rest_is_nothing():
    found = encoder().tokens(["A red circle!", "", "BLUE, square"])
    assert found.tolist() == [[1, 2, 4, 0, 0], [0, 0, 0, 0, 0], [3, 5, 0, 0, 0]]


def test_the_order_of_words_matters():
    one, two = encoder()(["red circle blue square", "blue circle red square"])
    assert not torch.allclose(one, two)
    # Not even with the words put back in order: each knows its place.
    back = two[[2, 1, 0, 3, 4]]
    assert not torch.allclose(one, back, atol=1e-3)


def test_captions_of_a_batch_do_not_see_each_other():
    net = encoder()
    with torch.no_grad():
        torch.testing.assert_close(net(["red", "blue square"])[1], net(["blue square"])[0])


def test_no_caption_has_no_tokens():
    net = encoder()
    assert net.tokens([]).shape == (0, 5)
    assert net([]).shape == (0, 5, 16)


def test_what_is_cut_and_unknown_is_told(caplog):
    net = encoder()
    caption = "red purple circle and a blue square"
    assert net.unknown(caption) == ["purple", "and", "a"]
    assert net.cut(caption) == 2
    with caplog.at_level(logging.WARNING):
        net([caption])
        net([caption])
    assert caplog.text.count("2 words too many") == 2, "it is told every time"


@pytest.mark.parametrize("words", [("Red",), ("two words",), ("red", "red"), ("",)])
def test_a_vocabulary_of_other_things_is_refused(words):
    with pytest.raises(SpecError, match="no lower-case word, or stands twice"):
        WordEncoder(words=words)
