"""The page: complete in itself, safe against hostile names, with the right numbers."""

from __future__ import annotations

import base64
import html.parser
import re

import numpy as np
import pytest

from sfumato.capture._report_drawing import draw_matches, marked, to_display
from sfumato.capture._report_scores import histogram_paths, score_fusion, score_picture
from sfumato.capture.align_frames import AlignFrames
from sfumato.capture.develop import Develop
from sfumato.capture.develop_report import DevelopReport
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import FileError
from sfumato.measure import MEFSSIM
from sfumato.raster._page_pictures import data_uri

VOID = {"meta", "img", "input", "br", "link", "path"}


class Page(html.parser.HTMLParser):
    """Collect what a page refers to, and check that its elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.elements: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read_page(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open
    return page


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(2)
    field = np.zeros((200, 280, 3), np.float32)
    for sigma in (1.2, 5.0, 15.0):
        noise = cv2.GaussianBlur(rng.standard_normal(field.shape, np.float32), (0, 0), sigma)
        field += noise / noise.std()
    return np.clip(0.35 + 0.1 * field, 0, 1)


def bracket_of(scene, names=("a.jpg", "b.jpg", "c.jpg")):
    frames = [np.rint(255 * np.clip(scene * gain, 0, 1)) for gain in (0.4, 1.0, 2.0)]
    frames[2] = np.roll(frames[2], (3, 5), (0, 1))
    told = tuple(
        {"file_name": n, "exposure_time_s": t, "f_number": 8.0, "iso": 100}
        for n, t in zip(names, (0.01, 0.05, 2.0), strict=True)
    )
    stack = np.stack(frames).astype(np.uint8)
    return Sample(stack[0], stack=stack, meta={"frames": told})


def developed(develop, sample):
    report = DevelopReport(develop, sample)
    record = develop.develop(sample, 0, watch=report.watch)
    return report, record


def test_the_page_of_a_bracket_holds_everything_and_fetches_nothing(scene, tmp_path):
    report, record = developed(Develop(), bracket_of(scene))
    path = report.write(tmp_path, record)
    text = path.read_text()
    page = read_page(text)
    assert path.name == "index.html"
    assert len(page.sources) >= 2 + 4 + 2 + 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert not re.search(r"https?://|url\(|@import|<script|<link", text)
    words = " ".join(page.words)
    for word in (
        "a.jpg",
        "1/100 s, f/8, ISO 100",
        "2 s, f/8",
        "Alignment",
        "Matches",
        "Ghosts",
        "Weights",
        "Scores",
        "Time",
        "capture.Develop",
        "reference",
    ):
        assert word in words, word


def test_every_picture_of_the_page_can_be_decoded(scene):
    report, record = developed(Develop(), bracket_of(scene))
    for source in read_page(report.html(record)).sources:
        raw = np.frombuffer(base64.b64decode(source.partition(",")[2]), np.uint8)
        assert cv2.imdecode(raw, cv2.IMREAD_COLOR) is not None


def test_names_cannot_put_anything_into_the_page(scene):
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>.jpg'
    report, record = developed(Develop(), bracket_of(scene, (evil, "b'\"&.jpg", "c.jpg")))
    page = read_page(report.html(record))
    assert "script" not in page.elements
    assert all(source.startswith("data:") for source in page.sources)
    assert evil in " ".join(page.words)


def test_a_focus_series_shows_its_depth(scene):
    soft = cv2.GaussianBlur(scene, (0, 0), 3.0)
    side = (np.arange(280) < 140)[None, :, None]
    frames = [np.rint(255 * np.where(side, *pair)) for pair in ((scene, soft), (soft, scene))]
    stack = np.stack(frames).astype(np.uint8)
    report, record = developed(Develop(kind="focus"), Sample(stack[0], stack=stack))
    words = " ".join(read_page(report.html(record)).words)
    assert "Depth" in words
    assert "confidence" in words


def test_a_burst_and_a_single_picture_have_pages_too(scene, picture, rng):
    frames = [np.clip(255 * scene + rng.normal(0, 4, scene.shape), 0, 255) for _ in range(3)]
    stack = np.stack(frames).astype(np.uint8)
    report, record = developed(Develop(kind="burst", align=None), Sample(stack[0], stack=stack))
    assert "Motion" in " ".join(read_page(report.html(record)).words)
    report, record = developed(Develop(), Sample(picture))
    assert "single: one frame" in " ".join(read_page(report.html(record)).words)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_and_grey_frames_are_shown(scene, dtype):
    white = 1.0 if dtype == np.float32 else 65535
    sample = bracket_of(scene[..., :1])
    stack = (sample.stack / 255 * white).astype(dtype)
    report, record = developed(Develop(align=None), Sample(stack[0], stack=stack))
    assert len(read_page(report.html(record)).sources) >= 6


def test_a_frame_that_was_left_out_keeps_its_name_to_itself(scene):
    sample = bracket_of(scene)
    other = np.random.default_rng(0).integers(0, 255, sample.image.shape, np.uint8)
    stack = np.stack([other, *sample.stack[1:]])
    develop = Develop(kind="bracket", align=AlignFrames(on_failure="drop", reference=1))
    report, record = developed(develop, sample.but(stack=stack))
    words = " ".join(read_page(report.html(record)).words)
    assert "left out" in words
    assert [entry["name"] for entry in report._maps[-1]["pictures"]] == ["b.jpg", "c.jpg"]


def test_the_report_keeps_only_small_copies(scene):
    large = bracket_of(cv2.resize(scene, (1800, 1200)))
    report = DevelopReport(Develop(align=None), large)
    assert report.sample.stack is None
    assert report.sample.image.size <= 3
    assert max(report._before.shape) <= 1400


def test_a_missing_folder_is_said_plainly(scene, tmp_path):
    report, record = developed(Develop(align=None), bracket_of(scene))
    with pytest.raises(FileError, match="cannot be written"):
        report.write(tmp_path / "no" / "folder", record)


def test_scores_of_a_picture_with_known_parts():
    codes = np.full((20, 40, 3), 100, np.uint8)
    codes[:, :10] = 0
    codes[:, 10:15] = (3, 255, 9)
    scores = score_picture(codes)
    assert scores.blown == pytest.approx(5 / 40)
    assert scores.blocked == pytest.approx(10 / 40)
    share = np.array([10, 5, 25]) / 40
    assert scores.entropy_bits == pytest.approx(-(share * np.log2(share)).sum(), abs=1e-6)


def test_local_contrast_of_stripes_is_their_deviation():
    stripes = np.zeros((90, 90, 1), np.uint8)
    stripes[:, ::2] = 255
    # Any nine columns hold four or five of either kind.
    assert score_picture(stripes).local_contrast == pytest.approx(np.sqrt(20 / 81), abs=2e-3)
    assert score_picture(np.full((9, 9, 1), 7, np.uint8)).local_contrast == 0.0


def test_histogram_paths_start_and_end_on_the_ground():
    codes = np.zeros((4, 4, 3), np.uint8)
    paths = histogram_paths(codes, 100, 50)
    assert len(paths) == 3
    assert paths[0]["d"].startswith("M0 50 L0.0 0.0 L")
    assert paths[0]["d"].endswith("L100 50 Z")
    assert len(histogram_paths(codes[..., :1], 100, 50)) == 1


def test_a_mask_is_seen_as_red():
    codes = np.full((10, 20, 3), 100, np.uint8)
    mask = np.zeros((10, 20), np.uint8)
    mask[:, 10:] = 1
    shown = marked(codes, mask).astype(int)
    assert np.ptp(shown[5, 2]) <= 1
    assert shown[5, 15, 0] > shown[5, 15, 1] + 60


def test_a_match_is_a_line_from_place_to_place():
    frames = [np.full((40, 50, 3), 107, np.uint8)] * 2
    drawn = draw_matches(*frames, (np.array([[20.0, 40.0]]), np.array([[60.0, 40.0]])), 0.5)
    assert drawn.shape == (40, 100, 3)
    changed = np.argwhere((drawn != drawn[0, 0]).any(axis=2))
    assert 15 <= changed[:, 0].min() <= changed[:, 0].max() <= 24
    assert 6 <= changed[:, 1].min() <= 11
    assert 79 <= changed[:, 1].max() <= 84


def test_linear_light_and_alpha_are_shown_as_a_screen_would():
    light = np.full((2, 2, 4), 0.5, np.float32)
    shown = to_display(light, "linear")
    assert shown.shape == (2, 2, 3)
    assert set(np.unique(shown)) == {188}
    assert data_uri(shown).startswith("data:image/jpeg;base64,")


def scores_of(text):
    """Give the MEF-SSIM column of the page: name and what it says."""
    table = text[text.index("<h2>Scores</h2>") : text.index("<h2>Alignment</h2>")]
    rows = re.findall(r"<td>([^<]*)</td>(?:\s*<td>[^<]*</td>){5}\s*<td>([^<]*)</td>", table)
    return dict(rows)


def test_structure_is_told_of_every_frame_and_of_the_result(scene):
    report, record = developed(Develop(kind="bracket"), bracket_of(scene))
    text = report.html(record)
    found = scores_of(text)
    assert list(found) == ["a.jpg", "b.jpg", "c.jpg", "result"]
    assert all(0.0 < float(value) <= 1.0 for value in found.values())
    assert float(found["result"]) > 0.9
    assert "every 2nd pixel" in text


def test_a_frame_that_was_left_out_has_no_structure(scene):
    sample = bracket_of(scene)
    other = np.random.default_rng(0).integers(0, 255, sample.image.shape, np.uint8)
    stack = np.stack([other, *sample.stack[1:]])
    develop = Develop(kind="bracket", align=AlignFrames(on_failure="drop", reference=1))
    report, record = developed(develop, sample.but(stack=stack))
    found = scores_of(report.html(record))
    assert found["a.jpg"] == "left out"
    assert float(found["b.jpg"]) > 0.0


def test_structure_is_that_of_every_second_pixel(scene):
    stack = bracket_of(scene).stack
    found = score_fusion(stack, stack[1])
    halves, metric = np.ascontiguousarray(stack[:, ::2, ::2]), MEFSSIM(scales=1)
    assert found.frames == pytest.approx([metric(half, halves) for half in halves], abs=1e-9)
    assert (found.result, found.step) == (found.frames[1], 2)


@pytest.mark.parametrize(("shape", "step"), [((2, 60, 2400), 3), ((12, 700, 900), 3)])
def test_large_pictures_and_long_series_are_compared_at_fewer_places(rng, shape, step):
    stack = rng.integers(0, 255, (*shape, 1), np.uint8)
    assert score_fusion(stack, stack[0]).step == step


def test_pictures_smaller_than_a_patch_have_no_structure(rng):
    stack = rng.integers(0, 255, (2, 14, 40, 1), np.uint8)
    assert score_fusion(stack, stack[0]) is None


def test_only_brackets_are_scored_for_structure(scene, rng):
    frames = [np.clip(255 * scene + rng.normal(0, 4, scene.shape), 0, 255) for _ in range(3)]
    stack = np.stack(frames).astype(np.uint8)
    report, record = developed(Develop(kind="burst", align=None), Sample(stack[0], stack=stack))
    assert "MEF-SSIM" not in report.html(record)
