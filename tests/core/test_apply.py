from __future__ import annotations

import numpy as np
import pytest
import torch
from small_methods import Denoiser, HalvingSegmenter, Trunk

from sfumato.core.apply import Apply
from sfumato.core.pipeline import Pipeline
from sfumato.core.sample import Sample
from sfumato.errors import FileError, RangeError, SpecError
from sfumato.testing import check_operator, practice_sample


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights") / "gray"
    Denoiser(trunk=Trunk(channels=3)).save(folder)
    return folder


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights") / "labels"
    HalvingSegmenter().save(folder)
    return folder


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_method_is_an_operator_and_gives_back_the_dtype_it_got(denoiser, dtype):
    picture = practice_sample(size=(29, 34), dtype=dtype).image
    before = picture.copy()
    out = Apply(weights=str(denoiser))(picture)
    assert (out.dtype, out.shape) == (picture.dtype, picture.shape)
    np.testing.assert_array_equal(picture, before)
    method = Denoiser.load(denoiser, trust=(Denoiser.__module__,))
    x = torch.from_numpy(picture.astype(np.float32) / {1: 255, 2: 65535, 4: 1}[out.itemsize])
    with torch.no_grad():
        wanted = (x.permute(2, 0, 1)[None] - method.trunk(x.permute(2, 0, 1)[None]))[0].permute(
            1, 2, 0
        )
    step = {1: 1 / 255, 2: 1 / 65535, 4: 1e-6}[out.itemsize]
    got = out.astype(np.float64) / {1: 255, 2: 65535, 4: 1}[out.itemsize]
    wanted = wanted.numpy() if dtype == np.float32 else wanted.numpy().clip(0, 1)
    assert np.abs(got - wanted).max() <= 0.51 * step


def test_apply_keeps_the_contract_of_operators(tmp_path):
    class AnyChannels(Denoiser):
        def predict(self, batch, *, rng=None):
            gray = batch.image.mean(1, keepdim=True)
            return batch.but(image=batch.image - self.trunk(gray))

    globals()["AnyChannels"] = AnyChannels
    AnyChannels.__qualname__ = "AnyChannels"
    AnyChannels(trunk=Trunk(channels=1)).save(tmp_path / "m")
    check_operator(Apply(weights=str(tmp_path / "m")))


def test_a_pipeline_knows_what_the_method_writes(segmenter):
    steps = Pipeline(steps=(Apply(weights=str(segmenter), tile_px=96),))
    assert steps.outputs == ("mask",)
    sample = Sample(np.zeros((50, 130, 3), np.uint8), text="kept", meta={"iso": 100})
    result = steps(sample)
    assert result.mask.shape == (50, 130)
    assert (result.text, result.meta) == ("kept", {"iso": 100})
    assert Pipeline.from_yaml(steps.to_yaml()) == steps


def test_weights_that_changed_on_disk_are_loaded_again(denoiser, tmp_path):
    picture = practice_sample(size=(16, 16)).image
    method = Denoiser(trunk=Trunk(channels=3))
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.zero_()
    method.save(tmp_path / "m")
    step = Apply(weights=str(tmp_path / "m"))
    np.testing.assert_array_equal(step(picture), picture)
    Denoiser.load(denoiser, trust=(Denoiser.__module__,)).save(tmp_path / "m")
    assert not np.array_equal(step(picture), picture)


def test_no_method_no_weights_and_no_device_are_refused(denoiser, tmp_path):
    picture = practice_sample(size=(16, 16)).image
    with pytest.raises(FileError, match="no weights 'nowhere'"):
        Apply(weights="nowhere")(picture)
    Trunk().save(tmp_path / "t")
    with pytest.raises(SpecError, match="no method wraps"):
        Apply(weights=str(tmp_path / "t"))(picture)
    with pytest.raises(RangeError, match="device 'nowhere'"):
        Apply(weights=str(denoiser), device="nowhere")(picture)
    with pytest.raises(RangeError, match="tile_px"):
        Apply(weights=str(denoiser), tile_px=0)


def test_classes_that_this_program_has_not_imported_are_not_imported_for_it(denoiser, tmp_path):
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes((denoiser / "weights.safetensors").read_bytes())
    (folder / "config.yaml").write_text("antigravity:Network: {}\n")
    with pytest.raises(SpecError, match="not trusted"):
        Apply(weights=str(folder))(practice_sample().image)
