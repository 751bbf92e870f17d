"""What was measured at each ISO, and what lies between."""

import numpy as np
import pytest

from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.noise_law import NoiseLaw
from sfumato.capture.noise_model import NoiseModel
from sfumato.errors import RangeError, ShapeError, SpecError

LOW = NoiseModel(gain=(0.5, 0.6, 0.7), read_noise=(2.0,), row_noise=0.2, tail=0.1, step=1.0)
HIGH = LOW.but(gain=(8.0, 9.6, 11.2), read_noise=(18.0,), row_noise=5.0, tail=-0.1)
CAMERA = CameraNoise(isos=(100, 1600), models=(LOW, HIGH), camera="Box 1", notes=("by hand",))


def test_at_a_measured_iso_it_is_the_measured_model():
    assert CAMERA.at(100) == LOW
    assert CAMERA.at(1600) == HIGH


def test_half_way_in_stops_it_is_the_geometric_mean():
    model = CAMERA.at(400)
    np.testing.assert_allclose(model.gain, (2.0, 2.4, 2.8))
    np.testing.assert_allclose((*model.read_noise, model.row_noise), (6.0, 1.0))
    assert model.tail == pytest.approx(0.0)


def test_a_power_law_is_met_at_every_iso_between():
    law = NoiseLaw(gain_per_iso=(0.004,), read_law=(0.7, 1.0, 0.0), row_law=(0.9, -1.0, 0.0))
    isos = (100.0, 800.0, 6400.0)
    camera = CameraNoise(isos=isos, models=tuple(law.at(iso) for iso in isos))
    for iso in (125, 640, 1000, 5000):
        between, wanted = camera.at(iso), law.at(iso)
        assert between.gain == pytest.approx(wanted.gain)
        assert between.read_noise == pytest.approx(wanted.read_noise)
        assert between.row_noise == pytest.approx(wanted.row_noise)


def test_a_lost_read_noise_of_zero_does_not_stop_anything():
    camera = CameraNoise(isos=(100, 400), models=(LOW.but(read_noise=(0.0,)), LOW))
    assert camera.at(200).read_noise == pytest.approx((1.0,))


def test_light_is_read_with_the_noise_of_the_iso():
    light = np.full((8, 8, 3), 50, np.float32)
    np.testing.assert_array_equal(CAMERA.apply(light, 400, 5), CAMERA.at(400).apply(light, 5))


def test_yaml_brings_the_same_camera_back(tmp_path):
    CAMERA.save(tmp_path / "camera.yaml")
    assert CameraNoise.load(tmp_path / "camera.yaml") == CAMERA
    assert (tmp_path / "camera.yaml").read_text().startswith("capture.CameraNoise:")
    LOW.save(tmp_path / "model.yaml")
    with pytest.raises(SpecError, match="expected a CameraNoise, got NoiseModel"):
        CameraNoise.load(tmp_path / "model.yaml")


def test_what_was_not_measured_is_not_guessed():
    for iso in (50, 3200, float("nan")):
        with pytest.raises(RangeError, match="measured from ISO 100 to 1600"):
            CAMERA.at(iso)
    with pytest.raises(RangeError, match="differ in kind"):
        CameraNoise(isos=(1, 4), models=(LOW, LOW.but(tail=None))).at(2)


def test_a_camera_that_cannot_be_is_refused():
    with pytest.raises(ShapeError, match="one model for each"):
        CameraNoise(isos=(100,), models=(LOW, HIGH))
    with pytest.raises(ShapeError, match="one model for each"):
        CameraNoise(isos=(), models=())
    with pytest.raises(RangeError, match="do not rise"):
        CameraNoise(isos=(100, 100), models=(LOW, HIGH))
    with pytest.raises(ShapeError, match="numbers of colors"):
        CameraNoise(isos=(100, 200), models=(LOW, NoiseModel()))
