from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from sfumato.adapt import FeaturePyramid, export_t2i_adapter
from sfumato.color import AdaptiveLUT
from sfumato.core.network import load
from sfumato.generate import UNet
from sfumato.generate.improved_diffusion import published_names


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)


def same(folder, network):
    found = load(folder).state_dict()
    wanted = network.state_dict()
    return found.keys() == wanted.keys() and all(
        torch.equal(t, found[n]) for n, t in wanted.items()
    )


def test_a_published_diffusion_network_tells_its_settings_itself(run):
    network = UNet(channels=32, multipliers=(1, 2), blocks=1, groups=32)
    state = network.state_dict()
    published = {name: state[own] for own, name in published_names(network).items()}
    save_file(published, "net.safetensors")
    assert run("convert", "generate.UNet", "net.safetensors", "-o", "n").exit_code == 0
    assert load("n").parameter_count == network.parameter_count


def test_a_published_adapter_tells_everything(run):
    pyramid = FeaturePyramid.example()
    export_t2i_adapter(pyramid, "adapter.safetensors", "original")
    run("convert", "adapt.FeaturePyramid", "adapter.safetensors", "-o", "a")
    assert same("a", pyramid)


def test_a_published_adaptive_table_is_two_files(run):
    method = AdaptiveLUT(tables=2, size=5)
    save_file({f"{k}.LUT": t.clone() for k, t in enumerate(method.basis.detach())}, "t.safetensors")
    save_file(method.predictor.saved_state(), "p.safetensors")
    words = ("color.AdaptiveLUT", "t.safetensors", "-o", "l", "--set", "predictor=p.safetensors")
    assert run("convert", *words).exit_code == 0
    assert same("l", method)
    result = run("convert", "color.AdaptiveLUT", "t.safetensors", "-o", "m")
    assert result.exit_code == 2
    assert "--set predictor=" in result.stderr
