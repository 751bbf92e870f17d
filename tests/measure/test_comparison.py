"""Files compared as the metrics compare arrays, and what is refused before."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest

from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FileError, RangeError, ShapeError, SpecError
from sfumato.io import write
from sfumato.measure import MSSSIM, PSNR, SSIM, DeltaE2000, MeanIoU
from sfumato.measure.comparison import METRICS, build_metrics, compare_pictures
from sfumato.measure.pairing import pair_pictures


@pytest.fixture
def pictures(tmp_path, rng):
    """Three pairs, ever noisier, large enough for all metrics."""
    y, x = np.mgrid[0:170, 0:180]
    base = 128 + 90 * np.sin(x[..., None] / (7, 9, 11)) * np.cos(y[..., None] / 13)
    kept = {}
    for folder in "ab":
        (tmp_path / folder).mkdir()
    for k in range(3):
        clean = np.rint(base).astype(np.uint8)
        noisy = np.clip(base + rng.normal(0, 2 + 4 * k, base.shape), 0, 255).astype(np.uint8)
        write(tmp_path / "a" / f"{k}.png", noisy)
        write(tmp_path / "b" / f"{k}.tif", clean)
        kept[str(k)] = noisy, clean
    return tmp_path, kept


def test_scores_are_those_of_the_metrics_on_the_arrays(pictures):
    folder, kept = pictures
    found = compare_pictures(pair_pictures(folder / "a", folder / "b"))
    assert list(found.metrics) == ["psnr", "ssim", "ms_ssim", "delta_e_2000"]
    assert found.notes == ()
    for row in found.rows:
        for name, metric in zip(row.scores, (PSNR(), SSIM(), MSSSIM(), DeltaE2000()), strict=True):
            assert row.scores[name] == metric(*kept[row.pair.name])
    for name, estimate in found.estimates.items():
        scores = [row.scores[name] for row in found.rows]
        assert estimate.value == pytest.approx(np.mean(scores))
        assert estimate.low < estimate.value < estimate.high
    assert [row.pair.name for row in found.worst("psnr", 2)] == ["2", "1"]
    assert [row.pair.name for row in found.worst("delta_e_2000")] == ["2"]
    assert "Student's t" in found.method()


def test_json_and_csv_say_the_same(pictures):
    folder, kept = pictures
    write(folder / "a" / "same.png", kept["0"][1])
    write(folder / "b" / "same.png", kept["0"][1])
    write(folder / "b" / "alone.png", kept["0"][1])
    metrics = build_metrics(["psnr", "mae"])
    found = compare_pictures(pair_pictures(folder / "a", folder / "b"), metrics)
    tree = json.loads(found.to_json())
    lines = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [pair["name"] for pair in tree["pairs"]] == ["0", "1", "2", "same"]
    for pair, line, row in zip(tree["pairs"], lines, found.rows, strict=True):
        assert line["first"] == pair["first"]
        for name, score in row.scores.items():
            assert float(line[name]) == float(pair["scores"][name]) == score
    assert tree["pairs"][3]["scores"] == {"psnr": "inf", "mae": 0.0}
    assert tree["metrics"]["psnr"]["score"] == "inf"
    assert tree["metrics"]["psnr"]["interval"] is None
    assert tree["metrics"]["mae"]["interval"] == "t"
    assert tree["metrics"]["mae"]["higher_is_better"] is False
    assert [path.rpartition("/")[2] for path in tree["alone"]] == ["alone.png"]


def test_what_does_not_fit_is_left_out_by_default_and_said(tmp_path, rng):
    small = rng.integers(0, 255, (30, 40, 4), np.uint8)
    for name in ("x.png", "y.png"):
        write(tmp_path / name, small)
    found = compare_pictures(pair_pictures(tmp_path / "x.png", tmp_path / "y.png"))
    assert list(found.metrics) == ["psnr", "ssim"]
    assert "ms_ssim left out: it needs sides of 161 px, one is 30 px" in found.notes
    assert any("alpha" in note for note in found.notes)
    with pytest.raises(ShapeError, match="161 px") as caught:
        compare_pictures(
            pair_pictures(tmp_path / "x.png", tmp_path / "y.png"), build_metrics(["ms_ssim"])
        )
    assert any("x.png" in note for note in caught.value.__notes__)


def test_linear_light_has_no_delta_e(tmp_path, rng):
    light = rng.random((20, 20, 3), np.float32)
    for name in ("x.tif", "y.tif"):
        write(tmp_path / name, Sample(light, space="linear"))
    pairing = pair_pictures(tmp_path / "x.tif", tmp_path / "y.tif")
    assert "delta_e_2000" not in compare_pictures(pairing).metrics
    with pytest.raises(FileError, match="defined for sRGB, this is linear light"):
        compare_pictures(pairing, build_metrics(["delta_e_2000"]))
    write(tmp_path / "z.tif", light)
    with pytest.raises(FileError, match="linear light, .* in srgb"):
        compare_pictures(pair_pictures(tmp_path / "x.tif", tmp_path / "z.tif"))


def test_pairs_that_differ_in_form_are_refused_before_any_is_scored(pictures):
    folder, kept = pictures
    seen = []
    write(folder / "a" / "2.png", kept["2"][0][:100], overwrite=True)
    with pytest.raises(ShapeError, match=r"2\.png is 180 x 100 px .* 180 x 170 px"):
        compare_pictures(pair_pictures(folder / "a", folder / "b"), progress=seen.append)
    write(folder / "a" / "2.png", kept["2"][0].astype(np.uint16), overwrite=True)
    with pytest.raises(DtypeError, match=r"2\.png has uint16 values"):
        compare_pictures(pair_pictures(folder / "a", folder / "b"), progress=seen.append)
    assert seen == []


@pytest.fixture
def labels(tmp_path, rng):
    for folder in "ab":
        (tmp_path / folder).mkdir()
    kept = []
    for k in range(4):
        target = rng.integers(0, 3, (12, 15, 1), np.uint8)
        guess = np.where(rng.random(target.shape) < 0.2 * k, 1, target).astype(np.uint8)
        target[:2] = 9
        write(tmp_path / "a" / f"{k}.png", guess)
        write(tmp_path / "b" / f"{k}.png", target.astype(np.uint16))
        kept.append((guess, target))
    return tmp_path, kept


def test_label_maps_are_scored_as_a_set(labels):
    folder, kept = labels
    metrics = build_metrics(["mean_iou", "boundary_f"], ignore=9, radius_px=1.0)
    found = compare_pictures(pair_pictures(folder / "a", folder / "b"), metrics)
    whole = MeanIoU(ignore=9)
    for guess, target in kept:
        whole.update(guess, target)
    assert found.estimates["mean_iou"].value == pytest.approx(whole.compute())
    assert found.estimates["mean_iou"].low < whole.compute() < found.estimates["mean_iou"].high
    assert [row.pair.name for row in found.worst("mean_iou")] == ["3"]
    assert found.rows[0].scores == {"mean_iou": 1.0, "boundary_f": 1.0}
    assert "bootstrap" in found.method()


def test_a_map_where_nothing_counts_has_no_score_of_its_own(labels):
    folder, kept = labels
    write(folder / "b" / "3.png", np.full_like(kept[3][1], 9), overwrite=True)
    metrics = build_metrics(["mean_iou"], ignore=9)
    found = compare_pictures(pair_pictures(folder / "a", folder / "b"), metrics)
    assert math.isnan(found.rows[3].scores["mean_iou"])
    assert json.loads(found.to_json())["pairs"][3]["scores"] == {"mean_iou": None}
    assert found.to_csv().splitlines()[4].endswith(",")
    assert len(found.worst("mean_iou", 10)) == 3
    alone = pair_pictures(folder / "a" / "3.png", folder / "b" / "3.png")
    with pytest.raises(RangeError, match="no pixel counts"):
        compare_pictures(alone, metrics)


def test_metrics_that_do_not_go_together_are_refused():
    assert list(build_metrics(METRICS.keys() - {"mean_iou", "dice", "boundary_f"}))
    for names, settings, said in (
        (["psnr", "dice"], {}, "dice compares label maps and psnr pictures"),
        (["sharpness"], {}, "no metric 'sharpness'"),
        (["psnr"], {"ignore": 3}, "a label to ignore"),
        (["dice"], {"radius_px": 3}, "boundary_f"),
    ):
        with pytest.raises(SpecError, match=said):
            build_metrics(names, **settings)
