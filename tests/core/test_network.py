from __future__ import annotations

import copy
import inspect
import os

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from small_methods import Denoiser, HalvingSegmenter, Trunk
from torch import nn

from sfumato.core import network as network_file
from sfumato.core.batch import Batch
from sfumato.core.network import Network, embedded_weights, load
from sfumato.core.spec import from_spec, to_spec
from sfumato.errors import DtypeError, FileError, RangeError, SpecError

TRUST = (Trunk.__module__,)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(3)
    method = Denoiser(trunk=Trunk(width=5), weight=0.5)
    method.save(tmp_path / "run", card="Trained on nothing.")
    return method, tmp_path / "run"


def test_settings_are_captured_with_their_defaults():
    assert Trunk(width=2).config == {"channels": 3, "width": 2, "depth": 2, "kind": "relu"}
    assert list(inspect.signature(Trunk).parameters) == ["channels", "width", "depth", "kind"]


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"widht": 3}, SpecError, "'widht'.*\n.*did you mean 'width'.*within"),
        ({"width": 65}, RangeError, r"Trunk.width: 65 is outside \[1, 64\]"),
        ({"width": "3"}, DtypeError, "Trunk.width"),
        ({"kind": "relo"}, RangeError, "'relu', 'gelu'"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings, error, said):
    with pytest.raises(error, match=said):
        Trunk(**settings)


def test_bare_values_and_missing_settings_are_refused():
    with pytest.raises(SpecError, match="bare value"):
        Trunk(3)
    with pytest.raises(SpecError, match="'trunk' is missing"):
        Denoiser()
    with pytest.raises(DtypeError, match="Denoiser.trunk: expected Network"):
        Denoiser(trunk=nn.Identity())


def test_a_network_among_the_settings_is_registered_once():
    method = Denoiser(trunk=Trunk())
    names = [name for name, _ in method.named_parameters()]
    assert names == [f"trunk.{name}" for name, _ in method.trunk.named_parameters()]
    twin = copy.deepcopy(method)
    assert twin.config["trunk"] is twin.trunk


@given(st.integers(1, 8), st.sampled_from(["relu", "gelu"]), st.floats(0, 2))
def test_networks_are_written_and_read_like_anything_else(width, kind, weight):
    method = Denoiser(trunk=Trunk(width=width, kind=kind), weight=weight)
    spec = to_spec(method)
    twin = from_spec(spec, trust=TRUST)
    assert to_spec(twin) == spec
    assert twin.trunk.config == method.trunk.config


def test_loading_gives_the_same_weights_and_the_same_answer(saved):
    method, folder = saved
    twin = load(folder, trust=TRUST)
    assert type(twin) is Denoiser
    assert twin.weight == 0.5
    for name, tensor in method.state_dict().items():
        assert torch.equal(tensor, twin.state_dict()[name])
    batch = Batch(torch.rand(2, 3, 9, 7))
    assert torch.equal(method.predict(batch).image, twin.predict(batch).image)
    assert not twin.training
    text = (folder / "card.md").read_text()
    assert "Trained on nothing." in text
    assert f"{method.parameter_count:,} parameters" in text


def test_the_size_of_the_pictures_it_learned_from_is_in_the_head_of_the_card(saved, tmp_path):
    method, folder = saved
    assert load(folder, trust=TRUST).picture_px is None
    method.picture_px = (48, 64)
    method.save(tmp_path / "sized", card="Trained on nothing.")
    text = (tmp_path / "sized" / "card.md").read_text()
    assert text.startswith("---\npicture_px: [48, 64]\n---\n\n# ")
    assert load(tmp_path / "sized", trust=TRUST).picture_px == (48, 64)
    for odd in (text.replace("48", "many"), "", "---\n"):
        (tmp_path / "sized" / "card.md").write_text(odd)
        assert load(tmp_path / "sized", trust=TRUST).picture_px is None
    (tmp_path / "sized" / "card.md").unlink()
    assert load(tmp_path / "sized", trust=TRUST).picture_px is None


def test_loading_leaves_the_dice_of_torch_alone(saved):
    before = torch.random.get_rng_state()
    load(saved[1], trust=TRUST)
    assert torch.equal(before, torch.random.get_rng_state())


def test_counters_of_batch_norm_are_kept(tmp_path):
    class Normed(Network):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(2)

    globals()["Normed"] = Normed
    Normed.__qualname__ = "Normed"
    old = Normed()
    old.norm(torch.rand(3, 2, 4, 4))
    old.save(tmp_path / "n")
    new = load(tmp_path / "n", trust=(__name__,))
    assert new.norm.num_batches_tracked == 1
    assert torch.equal(new.norm.running_mean, old.norm.running_mean)


def test_half_precision_halves_the_file_and_is_read_as_single(saved, tmp_path):
    method, _ = saved
    method.save(tmp_path / "half", dtype="float16")
    twin = load(tmp_path / "half", trust=TRUST)
    assert all(p.dtype == torch.float32 for p in twin.parameters())
    for name, tensor in method.state_dict().items():
        assert torch.equal(tensor.half().float(), twin.state_dict()[name])
    assert all(
        t.dtype == torch.float16 for t in load_file(tmp_path / "half/weights.safetensors").values()
    )


def test_saving_again_replaces_the_earlier_save_and_nothing_else(saved, tmp_path):
    method, folder = saved
    with torch.no_grad():
        next(method.parameters()).add_(1.0)
    method.save(folder)
    twin = load(folder, trust=TRUST)
    assert torch.equal(next(twin.parameters()), next(method.parameters()))
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileError, match=r"other files already, such as notes.txt"):
        method.save(folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_a_save_that_fails_leaves_the_earlier_one(saved, monkeypatch):
    method, folder = saved
    before = (folder / "weights.safetensors").read_bytes()

    def broken(*_: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(network_file, "to_yaml", broken)
    with pytest.raises(FileError, match="cannot be written"):
        method.save(folder)
    assert (folder / "weights.safetensors").read_bytes() == before
    assert sorted(p.name for p in folder.parent.iterdir()) == ["run"]


def test_foreign_classes_are_built_only_where_they_are_trusted(saved):
    with pytest.raises(SpecError, match=r"config.yaml: .*not trusted"):
        load(saved[1])


def test_the_wrong_kind_of_network_is_refused(saved):
    with pytest.raises(SpecError, match=r"holds .*Denoiser, expected .*Trunk"):
        Trunk.load(saved[1], trust=TRUST)


class Bomb:
    """Run code when unpickled."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


def _truncated(path):
    path.write_bytes(path.read_bytes()[:-7])


def _pickled(path):
    torch.save({"weight": Bomb()}, path)


def _garbage(path):
    path.write_bytes(b"\xff" * 64)


def _one_less(path):
    state = load_file(path)
    state.pop(next(iter(state)))
    save_file(state, path)


def _one_more(path):
    save_file({**load_file(path), "stranger": torch.zeros(1)}, path)


def _reshaped(path):
    state = load_file(path)
    name = next(iter(state))
    save_file({**state, name: state[name][..., :1].clone()}, path)


def _nan(path):
    state = load_file(path)
    name = next(iter(state))
    save_file({**state, name: torch.full_like(state[name], np.nan)}, path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_truncated, "cannot be read as weights"),
        (_pickled, "cannot be read as weights"),
        (_garbage, "cannot be read as weights"),
        (lambda path: path.unlink(), "there is no weights.safetensors"),
        (_one_less, "lacks trunk.layers"),
        (_one_more, "no place for stranger"),
        (_reshaped, "other shapes at trunk.layers"),
        (_nan, "NaN or infinity"),
    ],
)
def test_damaged_and_foreign_files_are_refused_with_one_line(
    saved, damage, said, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    damage(saved[1] / "weights.safetensors")
    with pytest.raises(FileError, match=said) as refusal:
        load(saved[1], trust=TRUST)
    assert "\n" not in refusal.value.message
    assert not (tmp_path / "exploded").exists()


def test_a_config_that_is_no_network_is_refused(saved):
    config = saved[1] / "config.yaml"
    config.write_text("raster.Resize: {long_side_px: 3}\n")
    with pytest.raises(SpecError, match="which is no network"):
        load(saved[1])
    config.write_text("just a word\n")
    with pytest.raises(SpecError, match="describes str"):
        load(saved[1])


def test_names_that_are_nowhere_are_refused(tmp_path):
    with pytest.raises(FileError, match="no weights 'no-such-thing'"):
        load("no-such-thing")
    with pytest.raises(FileError, match="no config.yaml"):
        load(tmp_path)
    (tmp_path / "net.pth").write_bytes(b"")
    with pytest.raises(FileError, match=r"is a file.*\n.*sfumato convert"):
        load(tmp_path / "net.pth")


def test_a_training_run_is_loaded_from_its_best_network(saved):
    method, folder = saved
    method.save(folder.parent / "training" / "last")
    best = copy.deepcopy(method)
    with torch.no_grad():
        next(best.parameters()).mul_(2.0)
    best.save(folder.parent / "training" / "best")
    twin = load(folder.parent / "training", trust=TRUST)
    assert torch.equal(next(twin.parameters()), next(best.parameters()))


def test_every_embedded_network_can_be_loaded_and_is_small():
    total = 0
    for name, folder in embedded_weights().items():
        assert load(name).parameter_count > 0
        size = (folder / "weights.safetensors").stat().st_size
        assert size <= 8 * 2**20, name
        total += size
    assert total <= 30 * 2**20


def test_a_base_that_is_elsewhere_is_not_saved(tmp_path):
    class Adapter(Network):
        elsewhere = ("base",)

        def __init__(self) -> None:
            super().__init__()
            self.base = nn.Linear(2, 2)
            self.new = nn.Linear(2, 1)

    globals()["Adapter"] = Adapter
    Adapter.__qualname__ = "Adapter"
    Adapter().save(tmp_path / "a")
    assert set(load_file(tmp_path / "a/weights.safetensors")) == {"new.weight", "new.bias"}
    assert isinstance(load(tmp_path / "a", trust=(__name__,)), Adapter)


def test_a_device_that_is_not_there_is_refused(saved):
    with pytest.raises(RangeError, match="device 'nowhere'"):
        load(saved[1], trust=TRUST, device="nowhere")


def test_segmenter_answers_through_its_saved_form(tmp_path):
    method = HalvingSegmenter()
    method.save(tmp_path / "s")
    twin = HalvingSegmenter.load(tmp_path / "s", trust=TRUST)
    batch = Batch(torch.rand(1, 3, 8, 8))
    assert torch.equal(twin.predict(batch).mask, method.predict(batch).mask)
