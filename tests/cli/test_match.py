"""`sfumato match`: where the template lies, in words, as JSON and as a picture."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.features.drawing import GAP_PX, draw_match
from sfumato.features.template import FindTemplate
from sfumato.io.picture import read, write

BOX_CORNERS = [(118.7, 161.0), (89.8, 272.0), (267.5, 297.9), (284.4, 175.0)]


@pytest.fixture
def pictures(frames, scene):
    """A cover and a shelf that shows it turned, beside the frames."""
    codes = np.rint(255 * scene).astype(np.uint8)
    write("cover.png", codes[40:160, 60:220])
    matrix = cv2.getRotationMatrix2D((140, 100), 20.0, 0.9)
    write("shelf.png", cv2.warpAffine(codes, matrix, (280, 200), flags=cv2.INTER_CUBIC))
    rng = np.random.default_rng(0)
    write("other.png", rng.integers(0, 255, (200, 280, 3)).astype(np.uint8))
    return frames


def test_the_box_is_found_and_drawn(run, shared_data, tmp_path):
    box, scene = (shared_data(f"keypoints/{name}.png") for name in ("box", "box_in_scene"))
    out = tmp_path / "out.png"
    told = json.loads(run("match", box, scene, "-o", out, "--ratio", 0.7, "--json").stdout)
    assert told["inliers"] >= 60
    assert np.hypot(*(np.array(told["corners"]) - BOX_CORNERS).T).max() < 2.0
    match = FindTemplate().find(read(scene).image, read(box).image)
    np.testing.assert_array_equal(
        read(out).image, draw_match(read(box).image, read(scene).image, match)
    )


def test_the_lines_say_inliers_residual_and_corners(run, pictures):
    result = run("match", "cover.png", "shelf.png", "-o", "out.png")
    match = FindTemplate().find(read("shelf.png").image, read("cover.png").image)
    first, *corners, last = result.stdout.splitlines()
    assert first == (
        f"cover.png in shelf.png: {match.inlier_count} inliers of {match.matches} matches, "
        f"residual {match.residual_px:.2f} px"
    )
    names = [line[:16].strip() for line in corners]
    assert names == ["top left", "bottom left", "bottom right", "top right"]
    told = [[float(word) for word in line[16:].split()[:2]] for line in corners]
    np.testing.assert_allclose(told, match.corners, atol=0.006)
    assert last == f"out.png: {160 + GAP_PX + 280} x 200 px, 8 bits"


def test_without_an_output_nothing_is_written(run, pictures):
    before = sorted(pictures.iterdir())
    assert "inliers" in run("match", "cover.png", "shelf.png").stdout
    assert sorted(pictures.iterdir()) == before


def test_settings_reach_the_operator(run, pictures):
    words = "--ratio 0.9 --method flann --root-sift --estimator ransac --threshold 1.5"
    told = json.loads(run("match", "cover.png", "shelf.png", "--json", *words.split()).stdout)
    find = FindTemplate(
        ratio=0.9, method="flann", root_sift=True, estimator="ransac", threshold_px=1.5
    )
    match = find.find(read("shelf.png").image, read("cover.png").image)
    assert told["matches"] == match.matches
    assert told["homography"] == match.homography.tolist()
    assert told["output"] is None


def test_quiet_leaves_only_what_was_asked_for(run, pictures):
    assert run("match", "cover.png", "shelf.png", "-q").stdout == ""
    assert json.loads(run("match", "cover.png", "shelf.png", "-q", "--json").stdout)["inliers"]


def test_a_scene_without_the_template_is_one_line_with_the_count(refused, pictures):
    line = refused("match", "cover.png", "other.png", "-o", "out.png", "--json")
    assert "the scene does not show the template" in line
    assert "at least 8 are needed; hint:" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cover.png", "missing.png"), "missing.png: there is no such file"),
        (("missing.png", "shelf.png"), "missing.png: there is no such file"),
        (("cover.png", "."), "this is a folder"),
        (("cover.png",), "Missing argument 'SCENE'"),
        (("cover.png", "shelf.png", "-o", "cover.png", "--overwrite"), "one of the frames"),
        (("cover.png", "shelf.png", "-o", "b1.png"), "exists already and is kept"),
        (("cover.png", "shelf.png", "-o", "out.gif"), "'.gif' is no ending"),
        (("cover.png", "shelf.png", "--ratio", "2"), "FindTemplate.ratio: 2.0 is outside"),
        (("cover.png", "shelf.png", "--min-inliers", "2"), "min_inliers: 2 is outside"),
        (("cover.png", "shelf.png", "--method", "magic"), "--method"),
    ],
)
def test_mistakes_are_one_line(refused, pictures, words, said):
    assert said in refused("match", *words)
