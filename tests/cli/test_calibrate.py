"""`sfumato calibrate`: folders of frames in, camera.yaml and a page out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.sample import Sample
from sfumato.io.picture import write

BLACK, WHITE, SIZE = 512, 16383, 128
GAINS = (2.0, 1.6, 1.7, 2.4)


def camera(iso, **changes):
    settings = {
        "gain": tuple(g * iso / 400 for g in GAINS),
        "read_noise": tuple(3.0 * (iso / 400) ** 0.8 * f for f in (1.0, 1.1, 1.1, 1.2)),
        "black": (float(BLACK),), "white": (float(WHITE),), "row_noise": 0.6, "tail": -0.05,
        "step": 1.0,
    }  # fmt: skip
    return NoiseModel(**{**settings, **changes})


def save(path, model, light, rng, *, size=SIZE, **meta):
    path.parent.mkdir(exist_ok=True)
    seen = model.apply(np.full((size, size), float(light)), rng) + BLACK
    codes = np.rint(np.clip(seen, 0, WHITE)).astype(np.uint16)[..., None]
    write(path, Sample(codes, meta=meta))


@pytest.fixture
def shots(tmp_path, rng, monkeypatch):
    """Nine levels and five darks at each of three ISO, exposure times in the EXIF."""
    monkeypatch.chdir(tmp_path)
    for iso in (100, 400, 1600):
        model = camera(iso)
        for k, light in enumerate(np.geomspace(30, 12000, 9)):
            for letter in "ab":
                name = tmp_path / "flats" / f"i{iso}_{k}{letter}.tif"
                save(
                    name, model, light, rng, iso=iso, exposure_time_s=0.001 * 2**k, camera="Test 1"
                )
        for k in range(5):
            save(tmp_path / "darks" / f"d{iso}_{k}.png", model, 0, rng, iso=iso)
    return tmp_path


def test_a_camera_is_recovered_and_written(run, shots):
    result = run(
        "calibrate", "flats", "darks", "--white", WHITE, "-o", "c.yaml", "--report", "page"
    )
    assert result.exit_code == 0, result.output
    found = CameraNoise.load(shots / "c.yaml")
    assert found.isos == (100, 400, 1600)
    assert found.camera == "Test 1"
    for iso in found.isos:
        true, got = camera(iso), found.at(iso)
        # 4096 pixels of each color: the standard error of K is 0.8 %.
        assert got.gain == pytest.approx(true.gain, rel=0.04)
        assert got.read_noise == pytest.approx(true.read_noise, rel=0.03)
        assert got.row_noise == pytest.approx(0.6, rel=0.25)
        assert got.step == 1.0
        assert got.black == pytest.approx((BLACK,) * 4, abs=0.2)
    assert "ISO 1600 G1: K " in result.stdout
    page = (shots / "page" / "index.html").read_text()
    assert page.count("<svg") == 6
    assert "Test 1" in page
    assert "No law" not in page


def real_profiles(path):
    """Ten rows with a positive b, each of another maker and camera, from low to high ISO."""
    rows: dict[str, list] = {}
    for maker in json.loads(path.read_text())["noiseprofiles"]:
        for model in maker["models"]:
            for profile in model["profiles"]:
                if min(profile["b"]) > 2e-9 and min(profile["a"]) > 1e-6:
                    rows.setdefault(maker["maker"], []).append((profile["iso"], profile))
    makers = sorted(rows, key=lambda name: -len(rows[name]))[:10]
    wanted = np.geomspace(100, 12800, len(makers))
    return [
        min(rows[name], key=lambda row: abs(np.log(row[0] / iso)))
        for name, iso in zip(makers, wanted, strict=True)
    ]


def test_ten_real_profiles_are_recovered(run, tmp_path, rng, monkeypatch, shared_data):
    chosen = real_profiles(shared_data("noise/noiseprofiles.json"))
    assert len(chosen) >= 8
    monkeypatch.chdir(tmp_path)
    off_gain, off_read = [], []
    span = WHITE - BLACK
    for number, (iso, profile) in enumerate(chosen):
        gains = span * np.array(profile["a"])[[0, 1, 1, 2]]
        reads = span * np.sqrt(profile["b"])[[0, 1, 1, 2]]
        sites = {"gain": tuple(gains.tolist()), "read_noise": tuple(reads.tolist())}
        model = NoiseModel(**sites, black=(float(BLACK),), white=(float(WHITE),))
        folder = tmp_path / f"flats{number}"
        for k, light in enumerate((0.0, *np.geomspace(1e-3, 0.8, 11) * span)):
            for letter in "ab":
                name = folder / f"{k}{letter}.png"
                save(name, model, light, rng, size=384, iso=iso, exposure_time_s=1e-4 * 2**k)
        words = ("--white", WHITE, "--black", BLACK, "-o", f"c{number}.yaml")
        result = run("calibrate", folder, *words)
        assert result.exit_code == 0, result.output
        got = CameraNoise.load(f"c{number}.yaml").at(iso)
        off_gain.extend(np.array(got.gain) / gains - 1)
        off_read.extend(np.array(got.read_noise) / reads - 1)
    # 192 x 192 pixels of each site know K to about 0.3 %.
    assert abs(np.mean(off_gain)) < 0.0015
    assert np.median(np.abs(off_gain)) < 0.005
    assert np.max(np.abs(off_gain)) < 0.0125
    assert np.max(np.abs(off_read)) < 0.03


def test_frames_without_exposure_times_are_paired_by_level(run, tmp_path, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = camera(400)
    for k, light in enumerate((60, 300, 900, 2700, 8000, 8000)):
        for letter in "ab"[: 1 if k == 5 else 2]:
            save(tmp_path / "flats" / f"{letter}{k}.png", model, light, rng)
    result = run(
        "calibrate", "flats", "--white", WHITE, "--black", BLACK, "--iso", 400, "-o", "c.yaml"
    )
    assert result.exit_code == 0, result.output
    assert "no second frame of this light" in result.stdout
    assert CameraNoise.load("c.yaml").at(400).gain == pytest.approx(GAINS, rel=0.08)


def test_a_light_leak_is_named(run, shots, rng):
    save(shots / "darks" / "leak.png", camera(100), 200, rng, iso=100)
    result = run("calibrate", "flats", "darks", "--white", WHITE, "-o", "c.yaml")
    assert result.exit_code == 0, result.output
    assert "leak.png left out" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("flats", "-o", "c.yaml"), "--white"),
        (("flats", "--white", WHITE, "-o", "c.yaml"), "black level is not known"),
        (("none", "-o", "c.yaml"), "no such folder"),
        (("darks", "--white", WHITE, "--black", BLACK, "-o", "c.yaml"), "4 levels"),
        (("flats", "darks", "--white", WHITE, "-o", "none/c.yaml"), "does not exist"),
        (("flats", "--white", 300, "--black", BLACK, "-o", "c.yaml"), "white"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(run, shots, words, said):
    result = run("calibrate", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (shots / "c.yaml").exists()


def test_pictures_that_are_no_mosaics_are_refused(run, shots, rng):
    for name, picture, said in (
        ("flats/z.jpg", np.zeros((8, 8, 1), np.uint8), "developed picture"),
        ("flats/z.png", np.zeros((8, 8, 1), np.uint8), "8-bit"),
        ("flats/z.tif", np.zeros((8, 8, 3), np.uint16), "3 channels"),
        ("flats/zz.png", np.full((SIZE, SIZE), 600, np.uint16)[..., None], "ISO"),
        ("darks/z.png", np.full((64, 64, 1), 512, np.uint16), "64 x 64"),
    ):
        meta = {} if "zz" in name else {"iso": 100, "exposure_time_s": 1.0}
        write(shots / name, Sample(picture, meta=meta))
        result = run("calibrate", "flats", "darks", "--white", WHITE, "-o", "c.yaml")
        assert result.exit_code == 2, name
        assert said in result.stderr, name
        (shots / name).unlink()


def test_an_existing_model_is_kept(run, shots):
    (shots / "c.yaml").write_text("mine")
    result = run("calibrate", "flats", "darks", "--white", WHITE, "-o", "c.yaml")
    assert result.exit_code == 2
    assert (shots / "c.yaml").read_text() == "mine"


def test_camera_raws_say_pattern_black_and_white_themselves(run, tmp_path, rng, monkeypatch):
    pytest.importorskip("rawpy")
    from sfumato.io.dng_write import write_mosaic
    from sfumato.io.mosaic import mosaic_from_array

    monkeypatch.chdir(tmp_path)
    model = camera(400)
    (tmp_path / "flats").mkdir()
    for k, light in enumerate(np.geomspace(30, 12000, 9)):
        for letter in "ab":
            seen = model.apply(np.full((SIZE + 1, SIZE), float(light)), rng) + BLACK
            codes = np.rint(np.clip(seen, 0, WHITE)).astype(np.uint16)
            sample = mosaic_from_array(
                codes, pattern="GRBG", black=BLACK, white=WHITE,
                meta={"iso": 400, "exposure_time_s": 0.001 * 2**k, "camera": "Test 2"},
            )  # fmt: skip
            write_mosaic(f"flats/{k}{letter}.dng", sample)
    result = run("calibrate", "flats", "-o", "c.yaml")
    assert result.exit_code == 0, result.output
    found = CameraNoise.load("c.yaml")
    assert found.camera == "Test 2"
    assert found.at(400).gain == pytest.approx(model.gain, rel=0.05)
    assert found.at(400).white == (float(WHITE),) * 4
    assert "ISO 400 G1: K" in result.stdout.splitlines()[0]  # GRBG begins with green
    (tmp_path / "flats" / "bad.dng").write_bytes(b"II*\0" + bytes(200))
    assert "bad.dng" in run("calibrate", "flats", "-o", "d.yaml").stderr
