"""`sfumato simulate` and `sfumato denoise`: from a picture to a noisy raw and back."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.denoise_burst import DenoiseBurst
from sfumato.capture.denoise_raw import DenoiseRaw
from sfumato.capture.develop_raw import DevelopRaw
from sfumato.capture.noise_model import NoiseModel
from sfumato.capture.raw_camera import RawCamera
from sfumato.io.mosaic import read_mosaic
from sfumato.io.picture import read, write

pytest.importorskip("rawpy")
MODEL = NoiseModel(gain=(12.0,), read_noise=(30.0,), black=(512.0,), white=(16383.0,), step=1.0)


@pytest.fixture
def room(scene, tmp_path, monkeypatch):
    """A clean picture, the noise of a camera, and two raws simulated of it."""
    monkeypatch.chdir(tmp_path)
    write("clean.png", np.rint(255 * scene).astype(np.uint8))
    CameraNoise(isos=(800, 3200), models=(MODEL, MODEL.but(gain=(48.0,)))).save("camera.yaml")
    for seed in (0, 1):
        raw = RawCamera(noise=CameraNoise.load("camera.yaml")).expose(read("clean.png"), 800, seed)
        from sfumato.io.dng_write import write_mosaic

        write_mosaic(f"r{seed}.dng", raw)
    return tmp_path


def test_simulate_writes_the_frame_of_the_camera(run, room):
    words = ("--profile", "camera.yaml", "--iso", 800)
    result = run("simulate", "clean.png", *words, "-o", "a.dng", "--seed", 1)
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(read_mosaic("a.dng").image, read_mosaic("r1.dng").image)
    assert read_mosaic("a.dng").meta["iso"] == 800
    assert "K 12 DN/e" in result.stdout
    assert run("simulate", "clean.png", *words, "-o", "b.dng", "--exposure", -2).exit_code == 0
    dark, usual = read_mosaic("b.dng"), read_mosaic("a.dng")
    assert dark.image.mean() == pytest.approx(usual.image.mean() / 4, rel=0.01)
    assert dark.meta["exposure_time_s"] == pytest.approx(usual.meta["exposure_time_s"] / 4)


def test_denoise_gives_a_raw_or_a_picture(run, room):
    for name in ("c.dng", "c.png"):
        result = run("denoise", "r0.dng", "-o", name, "--profile", "camera.yaml")
        assert result.exit_code == 0, result.output
    wanted = DenoiseRaw(noise=CameraNoise.load("camera.yaml"))(read_mosaic("r0.dng"))
    np.testing.assert_allclose(read_mosaic("c.dng").image, wanted.image, atol=0.6 / 15871)
    shown = DevelopRaw()(wanted).image
    np.testing.assert_allclose(read("c.png").image / 65535, shown, atol=1 / 65535)


def test_several_frames_are_a_burst(run, room):
    result = run("denoise", "r0.dng", "r1.dng", "-o", "b.dng")
    assert result.exit_code == 0, result.output
    assert "burst of 2 frames, 2.0 of them in each place" in result.stdout
    wanted = DenoiseBurst()(read_mosaic("r0.dng", "r1.dng")).image
    np.testing.assert_allclose(read_mosaic("b.dng").image, wanted, atol=0.6 / 15871)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("denoise", "clean.png", "-o", "x.png"), "not a camera raw"),
        (("denoise", "none.dng", "-o", "x.png"), "no such file"),
        (("denoise", "r0.dng", "-o", "r0.dng", "--overwrite"), "one of the frames"),
        (("denoise", "r0.dng", "-o", "r1.dng"), "exists already"),
        (("denoise", "r0.dng", "-o", "x.bmp"), ".bmp"),
        (("denoise", "r0.dng", "-o", "x.png", "--strength", 9), "strength"),
        (("denoise", "r0.dng", "-o", "x.png", "--profile", "none.yaml"), "none.yaml"),
        (("simulate", "clean.png", "--profile", "camera.yaml", "--iso", 100, "-o", "x.dng"),
         "measured from ISO 800 to 3200"),
        (("simulate", "clean.png", "--profile", "camera.yaml", "--iso", 800, "-o", "x.png"),
         "written as .dng"),
        (("simulate", "clean.png", "--profile", "camera.yaml", "--iso", 800, "-o", "no/x.dng"),
         "does not exist"),
        (("simulate", "none.png", "--profile", "camera.yaml", "--iso", 800, "-o", "x.dng"),
         "no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_in_one_line(run, room, words, said):
    before = sorted(path.name for path in room.iterdir())
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert said in result.stderr
    assert sorted(path.name for path in room.iterdir()) == before
