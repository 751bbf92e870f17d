from __future__ import annotations

import pytest

from sfumato.errors import FileError, RangeError
from sfumato.io.limits import DEFAULT_MAX_PIXELS, check_pixels, pixel_limit


def test_the_default_is_250_million(monkeypatch):
    monkeypatch.delenv("SFUMATO_MAX_PIXELS", raising=False)
    assert pixel_limit() == DEFAULT_MAX_PIXELS == 250_000_000


def test_the_argument_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("SFUMATO_MAX_PIXELS", "77")
    assert pixel_limit() == 77
    assert pixel_limit(5) == 5


@pytest.mark.parametrize("text", ["0", "-3", "many", "1e9", "1.5", "²", "9" * 40])
def test_a_senseless_environment_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("SFUMATO_MAX_PIXELS", text)
    with pytest.raises(RangeError, match="SFUMATO_MAX_PIXELS: expected a whole number"):
        pixel_limit()


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "9"])
def test_a_senseless_argument_is_refused(value):
    with pytest.raises(RangeError, match="max_pixels"):
        pixel_limit(value)


def test_the_limit_itself_is_allowed_and_one_more_is_not():
    check_pixels("a.png", 10, 10, 100)
    with pytest.raises(FileError, match=r"a\.png.*101 x 1 px.*limit of 100 pixels") as caught:
        check_pixels("a.png", 101, 1, 100)
    assert "SFUMATO_MAX_PIXELS" in caught.value.hint


def test_a_header_without_pixels_is_refused():
    with pytest.raises(FileError, match="0 x 7 px"):
        check_pixels("a.png", 0, 7, 100)
