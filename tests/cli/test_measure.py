"""`sfumato measure` from files to numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sfumato.cli.measure import METRIC_NAMES
from sfumato.io.picture import read, write
from sfumato.measure import PSNR, SSIM
from sfumato.measure.comparison import METRICS


@pytest.fixture
def folders(frames):
    """Folders a and b with two pairs, and one picture without a partner."""
    for folder in "ab":
        (frames / folder).mkdir()
    clean = read("b2.png").image
    for k in (1, 2):
        write(f"a/{k}.jpg", clean, quality=95 - 40 * k + 40)
        write(f"b/{k}.png", clean)
    write("b/three.png", clean)
    return frames


def test_the_names_of_metrics_are_those_of_the_library():
    assert list(METRICS) == list(METRIC_NAMES)


def test_two_files_give_the_scores_of_the_metrics(run, frames):
    result = run("measure", "b1.png", "b2.png")
    assert result.exit_code == 0, result.output
    first, second = read("b1.png").image, read("b2.png").image
    assert (
        f"psnr {PSNR()(first, second):14.3f}".split() == result.stdout.splitlines()[1].split()[:2]
    )
    assert f"{SSIM()(first, second):.4f}" in result.stdout
    for name in ("ms_ssim", "delta_e_2000"):
        assert name in result.stdout
    assert "interval" not in result.stdout


def test_folders_give_means_intervals_and_what_is_alone(run, folders):
    said = run("measure", "a", "b").stdout
    assert "95 % interval" in said
    assert "2 pairs. 95 % intervals: psnr, ssim, ms_ssim, delta_e_2000: mean ± t s / √n" in said
    assert "without a partner: b/three.png" in said
    worst = next(line for line in said.splitlines() if line.startswith("psnr")).split()
    assert worst[-2] == "2"


def test_json_and_csv_are_alone_on_stdout(run, folders):
    tree = json.loads(run("measure", "a", "b", "--metric", "mse", "--json").stdout)
    assert [pair["name"] for pair in tree["pairs"]] == ["1", "2"]
    assert list(tree["metrics"]) == ["mse"]
    assert tree["alone"] == ["b/three.png"]
    lines = run("measure", "a", "b", "--metric", "mse", "--csv", "--quiet").stdout.splitlines()
    assert lines[0] == "name,first,second,mse"
    assert lines[1] == f"1,a/1.jpg,b/1.png,{tree['pairs'][0]['scores']['mse']}"


def test_a_report_is_written_and_kept(run, folders):
    words = ("measure", "a", "b", "--report", "page", "--quiet")
    result = run(*words)
    assert (result.stdout, result.stderr) == ("", "")
    assert sorted(path.name for path in (folders / "page").iterdir()) == [
        "index.html", "scores.csv",
    ]  # fmt: skip
    assert (folders / "page" / "index.html").read_text().startswith("<!doctype html>")
    again = run(*words)
    assert again.exit_code == 2
    assert "index.html: exists already" in again.stderr
    assert run(*words, "--overwrite").exit_code == 0


def test_label_maps_are_measured_on_demand(run, frames):
    labels = np.arange(60, dtype=np.uint8).reshape(6, 10, 1) // 20
    write("labels.png", labels)
    write("guess.png", np.roll(labels, 1, axis=0))
    words = ("measure", "guess.png", "labels.png", "--metric", "mean_iou", "--metric", "boundary_f")
    lines = run(*words, "--ignore", 2, "--radius", 1).stdout.splitlines()
    # Four rows count, truly 0 0 1 1, and are taken for 2 0 0 1.
    assert lines[1].split()[:2] == ["mean_iou", f"{(1 / 3 + 1 / 2 + 0) / 3:.4f}"]
    assert lines[2].startswith("boundary_f")


def test_names_are_not_markup(run, folders):
    for folder, ending in (("a", "jpg"), ("b", "png")):
        (folders / folder / f"2.{ending}").rename(folders / folder / f"[red]x.{ending}")
    assert "[red]x" in run("measure", "a", "b", "--metric", "psnr").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("b1.png", "nothing.png"), "nothing.png: there is no such file or folder"),
        (("a", "b1.png"), "a is a folder and b1.png is a file"),
        (("b1.png", "small.png"), "b1.png is 280 x 200 px with 3 channels, small.png is 280 x 90"),
        (("b1.png", "deep.png"), "b1.png has uint8 values, deep.png has uint16"),
        (("b1.png", "b2.png", "--json", "--csv"), "--json does not go with --csv"),
        (("b1.png", "b2.png", "--ignore", "3"), "needs a metric of label maps"),
        (("b1.png", "b2.png", "--metric", "beauty"), "'beauty' is not one of"),
        (("b1.png", "b2.png", "--metric", "dice"), "b1.png: a picture of colours"),
        (("b1.png", "b2.png", "--report", "b1.png"), "b1.png: this is a file"),
        (("tiny.png", "tiny.png", "--metric", "ssim"), "11 px, got 9 x 9 px"),
        (("b1.png",), "Missing argument"),
    ],
)
def test_what_cannot_be_measured_is_one_line(folders, refused, words, said):
    image = read("b1.png").image
    write("small.png", image[:90])
    write("deep.png", image.astype(np.uint16))
    write("tiny.png", image[:9, :9])
    assert said in refused("measure", *words)
