"""Adapters are taught to published checkpoints, and never save what is not theirs."""

from __future__ import annotations

import copy
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tiny_checkpoint import NOISY_LIBRARIES, awake, pipeline

from sfumato.adapt import ControlNet, StableControl, Steer, T2IAdapter, find_adapter
from sfumato.core.network import load
from sfumato.core.spec import from_yaml
from sfumato.errors import SpecError
from sfumato.generate import LatentDiffusion, StableDiffusion
from sfumato.testing import check_method
from sfumato.train import Recipe, Trainer

pytestmark = NOISY_LIBRARIES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("base") / "tiny"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline().save_pretrained(where, safe_serialization=True)
    return str(where)


@pytest.fixture(scope="module")
def base(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return StableDiffusion(checkpoint=folder)


def learned(method):
    """Move all that learns, as a training would."""
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in method.parts()["main"]:
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=rng))
    return method.eval()


def painted(method, batch, **options):
    return method.predict(batch, rng=torch.Generator().manual_seed(0), steps=2, **options).image


def test_the_copy_is_that_of_diffusers_and_says_nothing_at_first(base):
    from diffusers import ControlNetModel

    torch.manual_seed(0)
    method = ControlNet(base=copy.deepcopy(base), hint_channels=3)
    torch.manual_seed(0)
    theirs = ControlNetModel.from_unet(
        base.network.unet, conditioning_embedding_out_channels=(16, 32)
    )
    ours = method.adapter.network.state_dict()
    assert ours.keys() == theirs.state_dict().keys()
    assert all(torch.equal(ours[name], t) for name, t in theirs.state_dict().items())
    batch = method.practice_batch((16, 24))
    plain = painted(base, batch)
    assert torch.equal(painted(method, batch), plain)
    assert (painted(learned(method), batch) - plain).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("kind", "settings"),
    [(ControlNet, {}), (ControlNet, {"unlocked": True}), (T2IAdapter, {"form": "light"})],
)
def test_it_keeps_the_contract_of_methods_on_a_checkpoint(kind, settings, folder, base):
    # The base is loaded once; what is saved names it, and loads it again.
    def make():
        method = kind(base=copy.deepcopy(base), **settings)
        if kind is T2IAdapter:
            return method
        with torch.no_grad():  # a new control is silent: nothing behind the zeros would learn
            for layer in (*method.adapter.network.controlnet_down_blocks,):
                torch.nn.init.dirac_(layer.weight)
        return method

    check_method(make, steps=4)


@pytest.mark.parametrize("kind", [ControlNet, T2IAdapter])
@pytest.mark.parametrize("named", [True, False])
def test_only_the_adapter_is_saved(kind, named, folder, base, tmp_path):
    method = learned(kind(base=folder if named else copy.deepcopy(base)))
    method.save(tmp_path / "run")
    names = load_file(tmp_path / "run" / "weights.safetensors")
    assert names
    assert all(name.startswith("adapter.") for name in names)
    again = load(tmp_path / "run")
    batch = method.practice_batch((16, 16))
    assert torch.equal(painted(again, batch), painted(method, batch))


def test_a_training_writes_nothing_of_the_base(folder, tmp_path):
    method = T2IAdapter(base=folder, form="light")
    batches = [method.practice_batch((16, 16))]
    recipe = Recipe(steps=2, ema=0.9, device="cpu", keep=1)
    Trainer(recipe, out=tmp_path).fit(method, batches)
    files = list(tmp_path.rglob("*.safetensors"))
    assert {f.stem for f in files} == {"weights", "method", "optimizers", "average"}
    learning = sum(p.numel() for p in method.parts()["main"])
    for file in files:
        tensors = load_file(file)
        numbers = {name for name, t in tensors.items() if t.is_floating_point()}
        assert not [name for name in numbers if "base." in name]
        assert sum(t.numel() for t in tensors.values()) < 2.1 * learning


@pytest.mark.parametrize("named", [True, False])
def test_a_decoder_that_learned_along_is_saved_with_the_adapter(named, folder, base, tmp_path):
    method = ControlNet(base=folder if named else copy.deepcopy(base), unlocked=True)
    learned(method).save(tmp_path / "run")
    names = load_file(tmp_path / "run" / "weights.safetensors")
    parts = {".".join(n.split(".")[:4]) for n in names if not n.startswith("adapter.")}
    assert parts == {f"base.network.unet.{n}" for n in ("up_blocks", "conv_norm_out", "conv_out")}
    again = load(tmp_path / "run")
    batch = method.practice_batch((16, 16))
    assert torch.equal(painted(again, batch), painted(method, batch))
    method.base.save(tmp_path / "base")  # by itself it is the checkpoint that was read
    assert torch.equal(load(tmp_path / "base").network.unet.conv_out.weight,
                       base.network.unet.conv_out.weight)  # fmt: skip
    locked = learned(ControlNet(base=copy.deepcopy(base)))
    assert not torch.equal(painted(locked, batch), painted(method, batch))


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(ControlNet, "bfloat16"), (ControlNet, "float16"), (T2IAdapter, "bfloat16")],
)
def test_a_base_in_16_bits_teaches_an_adapter_in_32(kind, dtype, folder, tmp_path):
    text = f"""
    adapt.{kind.__name__}:
      base:
        generate.StableDiffusion: {{checkpoint: {folder}, dtype: {dtype}}}
    """
    method = from_yaml(text)
    assert method.base.network.unet.dtype == getattr(torch, dtype)
    assert {p.dtype for p in method.parts()["main"]} == {torch.float32}
    learned(method)
    batch = method.practice_batch((16, 16))
    sum(method.loss(batch, "main", torch.Generator().manual_seed(0)).values()).backward()
    for name, parameter in method.adapter.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert method.adapter.get_parameter(name).grad.abs().sum() > 0
    method.save(tmp_path / "run")
    assert torch.equal(painted(load(tmp_path / "run"), batch), painted(method, batch))
    if kind is ControlNet:
        with pytest.raises(SpecError, match="16 bits are too coarse"):
            ControlNet(base=method.base, unlocked=True)


def test_the_first_gradient_reaches_the_layers_at_zero_only(base):
    method = ControlNet(base=copy.deepcopy(base))
    batch = method.practice_batch((16, 16))
    sum(method.loss(batch, "main", torch.Generator().manual_seed(0)).values()).backward()
    moved = {n for n, p in method.adapter.network.named_parameters() if p.grad.any()}
    assert moved
    assert all(n.startswith(("controlnet_down_blocks", "controlnet_mid_block")) for n in moved)
    assert all(p.grad is None for p in method.base.parameters())


@pytest.mark.parametrize("kind", [ControlNet, T2IAdapter])
def test_features_that_are_worked_out_again_give_the_same_gradients(kind, base):
    found = []
    for again in (False, True):
        torch.manual_seed(0)
        method = learned(kind(base=copy.deepcopy(base), recompute=again)).train()
        batch = method.practice_batch((16, 16))
        sum(method.loss(batch, "main", torch.Generator().manual_seed(0)).values()).backward()
        found.append({n: p.grad for n, p in method.adapter.named_parameters()})
    assert method.base.network.unet.is_gradient_checkpointing
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)
    with pytest.raises(SpecError, match="cannot work features out again"):
        kind(base=kind.example_base(), recompute=True)


def test_hints_are_made_as_small_as_the_codes_of_the_base(base):
    assert ControlNet(base=copy.deepcopy(base)).adapter.reduction == 2
    assert T2IAdapter(base=copy.deepcopy(base)).adapter.reduction == 2
    own = LatentDiffusion.example()
    reduction = own.reduction
    assert ControlNet(base=own).adapter.reduction == reduction
    assert T2IAdapter(base=own).adapter.reduction == reduction
    with pytest.raises(SpecError, match="hints 4 times smaller, the autoencoder .* 2 times"):
        ControlNet(base=copy.deepcopy(base), hint_widths=(8, 8, 8))
    with pytest.raises(SpecError, match="hints 8 times smaller, the autoencoder .* 2 times"):
        T2IAdapter(base=copy.deepcopy(base), unshuffle=8)


def test_a_base_that_is_kept_off_the_device_is_not_learned_with(folder):
    method = ControlNet(base=StableDiffusion(checkpoint=folder, memory="offload"))
    assert painted(method.eval(), method.practice_batch((16, 16))).isfinite().all()
    with pytest.raises(SpecError, match="offload"):
        method.train()


def test_a_control_of_its_own_is_saved_whole(base, tmp_path):
    method = learned(ControlNet(base=copy.deepcopy(base)))
    method.adapter.save(tmp_path / "control")
    again = load(tmp_path / "control")
    assert isinstance(again, StableControl)
    assert again.config == method.adapter.config
    hint = torch.rand(1, 1, 16, 16)
    batch = method.practice_batch((16, 16)).but(hint=None)
    made = [
        painted(base, batch, adapters=[(Steer(adapter, hint), 1.0)])
        for adapter in (again.eval(), method.adapter)
    ]
    assert torch.equal(*made)


def test_a_control_that_needs_more_than_text_is_refused():
    model = StableControl._example["model"]
    with pytest.raises(SpecError, match="more conditions than text"):
        StableControl(model={**model, "num_class_embeds": 3})
    with pytest.raises(SpecError, match="more conditions than text"):
        StableControl(model={**model, "addition_embed_type": "text"})
    with pytest.raises(SpecError, match="takes no 'wings'"):
        StableControl(model={**model, "wings": 2})


@pytest.mark.parametrize("kind", [ControlNet, T2IAdapter])
def test_what_was_taught_to_a_checkpoint_steers_it_by_name(kind, folder, tmp_path, monkeypatch):
    base = StableDiffusion(checkpoint=folder)
    specs = {"named": folder, "spec": StableDiffusion(checkpoint=folder)}
    for name, given in specs.items():
        torch.manual_seed(0)
        method = learned(kind(base=given))
        method.save(tmp_path / name)
    batch = method.practice_batch((16, 16))
    steer = [(Steer(method.adapter, batch.need("hint")), 1.0)]
    expected = painted(base, batch.but(hint=None), adapters=steer)

    def twice(*_, **__):
        raise AssertionError("the base is there already")

    with monkeypatch.context() as patched:
        patched.setattr(StableDiffusion, "__init__", twice)
        found = {name: find_adapter(str(tmp_path / name), base, folder) for name in specs}
    other = Path(folder).parent / "again"
    if not other.exists():
        shutil.copytree(folder, other)
    found["another folder"] = find_adapter(str(tmp_path / "named"), base, str(other))
    for adapter in found.values():
        steer = [(Steer(adapter, batch.need("hint")), 1.0)]
        assert torch.equal(painted(base, batch.but(hint=None), adapters=steer), expected)


def test_what_was_taught_to_another_checkpoint_is_refused(folder, base, tmp_path):
    learned(ControlNet(base=folder)).save(tmp_path / "run")
    stranger = copy.deepcopy(base)
    awake(stranger.network, 99)
    with pytest.raises(SpecError, match="taught to other weights than stranger"):
        find_adapter(str(tmp_path / "run"), stranger, "stranger")
    with pytest.raises(SpecError, match="taught to other weights|of the widths"):
        find_adapter(str(tmp_path / "run"), ControlNet.example_base(), "small")
    learned(ControlNet(base=folder, unlocked=True)).save(tmp_path / "free")
    with pytest.raises(SpecError, match="its base learned along"):
        find_adapter(str(tmp_path / "free"), base, folder)


def test_the_command_line_paints_with_what_was_taught(folder, tmp_path):
    from click.testing import CliRunner

    from sfumato.cli.main import group
    from sfumato.io.picture import read, write

    write(tmp_path / "hint.png", (np.random.default_rng(0).random((16, 24, 1)) * 255).astype("u1"))
    words = ["generate", "--weights", folder, "--prompt", "a hill", "--size", "24x16", "-q"]
    made = {}
    for name, kind in (("plain", None), ("control", ControlNet), ("pyramid", T2IAdapter)):
        more = []
        if kind is not None:
            learned(kind(base=folder)).save(tmp_path / name)
            more = ["--control", f"{tmp_path / name}={tmp_path / 'hint.png'}:0.8"]
        out = tmp_path / f"{name}.png"
        result = CliRunner().invoke(group, [*words, *more, "--steps", "2", "-o", str(out)])
        assert result.exit_code == 0, result.output
        made[name] = read(out).image
    assert not np.array_equal(made["plain"], made["control"])
    assert not np.array_equal(made["plain"], made["pyramid"])
