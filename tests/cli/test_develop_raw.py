"""`sfumato develop` of camera raws: bracket, burst and single, with a profile or without."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.denoise_raw import DenoiseRaw
from sfumato.capture.develop import Develop
from sfumato.capture.develop_raw import DevelopRaw
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.pipeline import Pipeline
from sfumato.io.dng_write import write_mosaic
from sfumato.io.mosaic import mosaic_from_array, read_mosaic
from sfumato.io.picture import read, write

pytest.importorskip("rawpy")
MODEL = NoiseModel(gain=(4.0,), read_noise=(12.0,), black=(512.0,), white=(16383.0,), step=1.0)
FRAMES = ("r1.dng", "r2.dng", "r3.dng")


@pytest.fixture
def raws(scene, tmp_path, monkeypatch):
    """A raw bracket of a textured grey scene, a camera that shakes, its noise profile."""
    monkeypatch.chdir(tmp_path)
    for k, gain in enumerate((0.1, 0.4, 1.2), start=1):
        light = np.roll(scene.mean(axis=2), (2 * k, 4 * k), (0, 1)) ** 2.2 * gain * 15871
        seen = MODEL.apply(light, k) + 512
        sample = mosaic_from_array(
            np.clip(np.rint(seen), 0, 16383).astype(np.uint16), black=512, white=16383,
            meta={"exposure_time_s": 0.01 * gain, "iso": 800, "camera": "Test 1"},
        )  # fmt: skip
        write_mosaic(f"r{k}.dng", sample)
    CameraNoise(isos=(800,), models=(MODEL,), camera="Test 1").save("camera.yaml")
    return tmp_path


def test_a_raw_bracket_becomes_the_picture_of_the_operator(run, raws):
    result = run("develop", *FRAMES, "-o", "out.png", "--profile", "camera.yaml", "--report", "p")
    assert result.exit_code == 0, result.output
    assert "raw: 3 mosaics, RGGB, denoised (nlm" in result.stdout
    assert "bracket: exposures 3.6 EV apart, from metadata" in result.stdout
    noise = CameraNoise.load("camera.yaml")
    raw = DevelopRaw(before=(DenoiseRaw(noise=noise),))
    wanted = Develop(raw=raw)(read_mosaic(*FRAMES))
    out = read("out.png").image
    assert out.dtype == np.uint16
    np.testing.assert_allclose(out / 65535, wanted.image, atol=1 / 65535)
    assert (raws / "p" / "index.html").exists()


def test_a_single_raw_gives_linear_light_for_tiff(run, raws):
    result = run("develop", "r2.dng", "-o", "out.tif", "--linear", "--exposure", 1)
    assert result.exit_code == 0, result.output
    out = read("out.tif")
    wanted = DevelopRaw(space="linear", exposure_ev=1.0)(read_mosaic("r2.dng")).image
    assert (out.space, out.image.dtype) == ("linear", np.uint16)
    np.testing.assert_allclose(out.image / 65535, np.clip(wanted, 0, 1), atol=1 / 65535)


def test_other_ways_to_develop_reach_the_operator(run, raws):
    for name, words in (
        ("a.png", ("--demosaic", "libraw")), ("b.png", ("--demosaic", "malvar")),
        ("c.png", ("--white-balance", "2,1,1.5")), ("d.png", ("--white-balance", "grey")),
        ("e.jpg", ("--denoise", "nlm", "--profile", "camera.yaml", "--as", "single")),
    ):  # fmt: skip
        result = run("develop", "r2.dng", "-o", name, *words)
        assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(read("a.png").image, read("r2.dng").image)
    warm = read("c.png").image.mean((0, 1)) / read("b.png").image.mean((0, 1))
    assert warm[0] > warm[2] > warm[1]
    assert read("e.jpg").image.dtype == np.uint8


def test_hot_pixels_and_falloff_are_undone(run, raws):
    y, x = np.mgrid[-1:1:200j, -1:1:280j]
    falloff = 1 - 0.2 * (x * x + y * y)
    flat = mosaic_from_array(
        (0.5 * falloff * 15871 + 512).astype(np.uint16), black=512, white=16383
    )
    write_mosaic("flat.dng", flat)
    plain = read_mosaic("r2.dng")
    shaded = plain.but(image=(plain.image * falloff[..., None]).astype(np.float32))
    shaded.image[100, 140] = 1.0
    write_mosaic("s.dng", shaded)
    result = run("develop", "s.dng", "-o", "s.png", "--mend", "--flat", "flat.dng")
    assert result.exit_code == 0, result.output
    assert "defects mended, shading undone, directional" in result.stdout
    run("develop", "r2.dng", "-o", "p.png")
    mended, wanted = (read(name).image / 65535 for name in ("s.png", "p.png"))
    assert np.abs(mended - wanted).mean() < 0.004
    assert np.abs(mended - wanted)[97:104, 137:144].max() < 0.25
    assert run("develop", "s.dng", "-o", "t.png", "--flat", "none.dng").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("r1.dng", "x.png", "--linear"), "--linear is for camera raws"),
        (("r1.dng", "--demosaic", "libraw", "--exposure", 1), "does not go with --demosaic libraw"),
        (("r1.dng", "--camera", "Canon"), "--camera names a camera of --profile"),
        (("r1.dng", "--profile", "none.yaml"), "none.yaml"),
        (("r1.dng", "--profile", "x.json"), "holds many cameras"),
        (("r1.dng", "--white-balance", "warm"), "expected camera, grey or R,G,B"),
        (("r1.dng", "--white-balance", "0,1,1"), "white_balance"),
        (("r1.dng", "none.dng"), "no such file"),
        (("r1.dng", "x.png"), "px with|values"),
        (("cut.dng",), "cut.dng"),
    ],
)
def test_what_cannot_be_developed_is_refused_in_one_line(run, raws, words, said):
    write("x.png", np.zeros((8, 8, 3), np.uint8))
    whole = (raws / "r1.dng").read_bytes()
    (raws / "cut.dng").write_bytes(whole[: len(whole) // 2])
    result = run("develop", *words, "-o", "out.png")
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert any(part in result.stderr for part in said.split("|"))
    assert not (raws / "out.png").exists()


def test_a_sensor_without_a_bayer_pattern_goes_through_libraw(run, raws, monkeypatch):
    from sfumato.errors import FileError
    from sfumato.io import raw

    def no_bayer(source):
        raise FileError(f"{source.path}: no Bayer mosaic", hint="--demosaic libraw")

    monkeypatch.setattr(raw, "mosaic", no_bayer)
    result = run("develop", "r2.dng", "-o", "out.png")
    assert result.exit_code == 0, result.output
    assert "r2.dng: no Bayer mosaic: LibRaw made the pictures" in result.stdout
    np.testing.assert_array_equal(read("out.png").image, read("r2.dng").image)
    assert run("develop", "r2.dng", "-o", "b.png", "--exposure", 1).exit_code == 2


def test_a_recipe_that_begins_on_a_mosaic_gets_mosaics(run, raws):
    recipe = "- capture.MendPixels\n- capture.DevelopRaw: {exposure_ev: 0.5}\n"
    (raws / "steps.yaml").write_text(recipe + "- raster.Resize: {long_side_px: 140}\n")
    result = run("run", "steps.yaml", "r2.dng", "-o", "out.png", "--depth", 16)
    assert result.exit_code == 0, result.output
    wanted = Pipeline.load("steps.yaml")(read_mosaic("r2.dng"), 0).image
    np.testing.assert_allclose(read("out.png").image / 65535, np.clip(wanted, 0, 1), atol=1e-5)
    write("p.png", np.zeros((20, 20, 3), np.uint8))
    refused = run("run", "steps.yaml", "p.png", "-o", "b.png")
    assert refused.exit_code == 2
    assert "p.png: not a camera raw" in refused.stderr
