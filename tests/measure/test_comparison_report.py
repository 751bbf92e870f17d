"""The page: complete in itself, safe against hostile names, the right pictures in order."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import FileError
from sfumato.io import write
from sfumato.measure.comparison import build_metrics, compare_pictures
from sfumato.measure.comparison_report import comparison_page, format_score, write_comparison
from sfumato.measure.pairing import pair_pictures

EVIL = '"><img src=x onerror=alert(1)>'


def pictures_of(page):
    packed = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [
        cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        for text in packed
    ]


@pytest.fixture
def folders(tmp_path, picture):
    """Twelve pairs, each brighter by its number in one corner."""
    for folder in "ab":
        (tmp_path / folder).mkdir()
    for k in range(12):
        brighter = picture.copy()
        brighter[:20, :20] = np.minimum(brighter[:20, :20].astype(int) + 5 * k, 255)
        write(tmp_path / "a" / f"{k:02}{EVIL.replace('/', '')}.png", brighter)
        write(tmp_path / "b" / f"{k:02}{EVIL.replace('/', '')}.png", picture)
    return tmp_path


def test_the_page_holds_the_ten_worst_and_fetches_nothing(folders):
    found = compare_pictures(pair_pictures(folders / "a", folders / "b"), build_metrics(["mae"]))
    page = comparison_page(found)
    assert page.startswith("<!doctype html>")
    assert not re.search(r"https?://|url\(|@import|<script|<link", page)
    assert EVIL not in page
    assert "&lt;img src=x onerror" in page
    # Two pictures, the difference and SSIM of each.
    assert len(pictures_of(page)) == 40
    assert re.findall(r"<h3>(\d\d)&#34;", page) == [f"{k:02}" for k in range(11, 1, -1)]
    assert "The worst 10 by mae" in page


def test_maps_show_where_the_difference_is(folders):
    found = compare_pictures(pair_pictures(folders / "a", folders / "b"))
    page = comparison_page(found)
    shown = pictures_of(page)
    assert len(shown) == 50
    for changed in shown[2:5]:
        assert changed.shape == (61, 83, 3)
        assert changed[5:12, 5:12].mean() > 60
        assert changed[45:, 60:].mean() < 20
    assert "ΔE 2000" in page
    assert "ms_ssim left out" in page


def test_a_single_pair_has_no_spread(folders):
    first, second = (next((folders / name).glob("05*")) for name in "ab")
    page = comparison_page(compare_pictures(pair_pictures(first, second)))
    assert "The pair" in page
    assert "<svg" not in page
    assert "All pairs" not in page
    assert len(pictures_of(page)) == 5


def test_label_maps_are_shown_in_colours_without_what_is_ignored(tmp_path):
    target = np.zeros((30, 40, 1), np.uint8)
    target[:, 20:] = 1
    target[20:] = 7
    guess = target.copy()
    guess[:10, 30:] = 2
    guess[25:] = 1
    for name, labels in (("a.png", guess), ("b.png", target)):
        write(tmp_path / name, labels)
    found = compare_pictures(
        pair_pictures(tmp_path / "a.png", tmp_path / "b.png"), build_metrics(["dice"], ignore=7)
    )
    page = comparison_page(found)
    first, second, wrong = pictures_of(page)
    assert "labels that differ, 8.33 % of the picture" in page
    assert wrong[4, 35].sum() > 400 > 60 > wrong[15, 5].sum()
    assert wrong[28, 10].sum() < 60
    assert np.abs(first[4, 35].astype(int) - second[4, 35]).max() > 60
    assert second[5, 5].max() < 30


def test_linear_light_is_shown_brighter(tmp_path):
    light = np.full((30, 30, 1), 0.2, np.float32)
    for name, space in (("l.tif", "linear"), ("s.tif", "srgb")):
        write(tmp_path / name, Sample(light, space=space))
    means = []
    for name in ("l.tif", "s.tif"):
        found = compare_pictures(pair_pictures(tmp_path / name, tmp_path / name))
        means.append(pictures_of(comparison_page(found))[0].mean())
    assert means == pytest.approx([255 * 0.2 ** (1 / 2.2), 51], abs=1.5)


def test_page_and_scores_are_written(folders, tmp_path):
    found = compare_pictures(pair_pictures(folders / "a", folders / "b"), build_metrics(["psnr"]))
    (tmp_path / "page").mkdir()
    paths = write_comparison(tmp_path / "page", found)
    assert [path.name for path in paths] == ["index.html", "scores.csv"]
    assert len(paths[1].read_text().splitlines()) == 13
    with pytest.raises(FileError, match="cannot be written"):
        write_comparison(tmp_path / "nowhere", found)


def test_scores_keep_the_digits_that_matter():
    values = (41.8372, -0.5, 0.0, 2.0e-5, float("inf"), float("nan"), None)
    assert [format_score(v) for v in values] == [
        "41.837", "-0.5000", "0.0000", "2e-05", "inf", "-", "-",
    ]  # fmt: skip
