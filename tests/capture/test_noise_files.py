"""Noise as DNG and darktable write it; invented numbers, and real ones where they are."""

import json

import numpy as np
import pytest
import tifffile

from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.noise_files import (
    NOISE_PROFILE,
    noise_profile_tag,
    read_darktable_noise,
    read_noise_profile,
    write_darktable_noise,
)
from sfumato.capture.noise_model import NoiseModel
from sfumato.errors import FieldError, FileError, RangeError, ShapeError

UNIT = NoiseModel(gain=(1e-5, 2e-5, 3e-5), read_noise=(1e-4, 2e-4, 3e-4), white=(1.0,))


def profile(iso, a=(1e-5,) * 3, b=(1e-8,) * 3, **more):
    return {"name": f"iso {iso}", "iso": iso, "a": list(a), "b": list(b), **more}


@pytest.fixture
def darktable(tmp_path):
    def write(*profiles):
        models = [{"comment": "", "model": "Two", "profiles": list(profiles)}]
        path = tmp_path / "noiseprofiles.json"
        document = {"version": 0, "noiseprofiles": [{"maker": "Acme", "models": models}]}
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.mark.parametrize("sub_directory", [False, True])
def test_a_noise_profile_in_a_file_is_found(tmp_path, sub_directory):
    path = tmp_path / "frame.dng"
    tag = (*noise_profile_tag(UNIT), True)
    picture = np.zeros((8, 8), np.uint16)
    with tifffile.TiffWriter(path) as file:
        if sub_directory:
            file.write(picture, subifds=1)
            file.write(picture, extratags=[tag])
        else:
            file.write(picture, extratags=[tag])
    values = read_noise_profile(path)
    assert values == UNIT.noise_profile()
    np.testing.assert_allclose(NoiseModel.from_noise_profile(values).gain, UNIT.gain)


def test_the_tag_is_that_of_the_dng_specification():
    number, kind, count, values = noise_profile_tag(UNIT)
    assert (number, kind, count) == (NOISE_PROFILE, 12, 6) == (51041, 12, 6)
    np.testing.assert_allclose(values, (1e-5, 1e-8, 2e-5, 4e-8, 3e-5, 9e-8))


def test_a_file_without_a_noise_profile_says_so(tmp_path):
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((4, 4), np.uint8))
    with pytest.raises(FieldError, match="no NoiseProfile"):
        read_noise_profile(tmp_path / "plain.tif")
    (tmp_path / "text.dng").write_text("not a picture")
    with pytest.raises(FileError, match="as a DNG"):
        read_noise_profile(tmp_path / "text.dng")
    with pytest.raises(FileError, match="as a DNG"):
        read_noise_profile(tmp_path / "missing.dng")
    with pytest.raises(ShapeError, match="four sites"):
        noise_profile_tag(UNIT.for_pattern("RGGB"))


def test_profiles_of_darktable_go_out_and_come_back(tmp_path):
    wide = UNIT.rescaled(white=16383.0, black=512.0, step=1.0)
    camera = CameraNoise(isos=(100, 200), models=(wide, wide), camera="Acme Two")
    write_darktable_noise(tmp_path / "own.json", camera, maker="Acme")
    for name in ("Acme Two", "two"):
        back = read_darktable_noise(tmp_path / "own.json", name)
        assert (back.camera, back.isos, back.notes) == ("Acme Two", (100.0, 200.0), ())
        span = 16383 - 512
        for x in (0.0, 0.3):
            np.testing.assert_allclose(
                back.at(100).variance([x] * 3), wide.variance([x * span] * 3) / span**2
            )


def test_what_is_odd_in_a_profile_is_noted(darktable):
    path = darktable(
        profile(400),
        profile(100, b=(1e-8, -2e-9, 1e-8)),
        profile(200, skip=True),
        profile(400, a=(9.0,) * 3),
    )
    camera = read_darktable_noise(path, "Two")
    assert camera.isos == (100.0, 400.0)
    assert camera.at(100).read_noise == (1e-4, 0.0, 1e-4)
    assert camera.at(400).gain == (1e-5,) * 3
    assert len(camera.notes) == 3
    assert "b of green was -2e-09" in " ".join(camera.notes)


def test_what_cannot_be_read_is_refused(darktable, tmp_path):
    with pytest.raises(FieldError, match="did you mean Acme Two"):
        read_darktable_noise(darktable(profile(100)), "Acme Too")
    with pytest.raises(FieldError, match="marked to be skipped"):
        read_darktable_noise(darktable(profile(100, skip=True)), "Two")
    with pytest.raises(RangeError, match="below 0"):
        read_darktable_noise(darktable(profile(100, a=(-1e-5, 1e-5, 1e-5))), "Two")
    with pytest.raises(FileError, match="three finite"):
        read_darktable_noise(darktable(profile(100, a=(1e-5,))), "Two")
    for text in ("{}", "[1]", "not json"):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(FileError, match="darktable"):
            read_darktable_noise(tmp_path / "other.json", "Two")
    sites = CameraNoise(isos=(100,), models=(UNIT.for_pattern("RGGB"),))
    with pytest.raises(ShapeError, match="four sites"):
        write_darktable_noise(tmp_path / "no.json", sites, maker="Acme")


def test_every_real_profile_can_be_read(shared_data):
    path = shared_data("noise/noiseprofiles.json")
    document = json.loads(path.read_text())
    names = [
        f"{maker['maker']} {model['model']}"
        for maker in document["noiseprofiles"]
        for model in maker["models"]
        if any(not p.get("skip") for p in model["profiles"])
    ]
    for name in names[::16]:
        camera = read_darktable_noise(path, name)
        middle = camera.at(float(np.sqrt(camera.isos[0] * camera.isos[-1])))
        assert middle.variance([0.5, 0.5, 0.5]).min() >= 0
