"""Adapters of the XL kind: taught here, and held to the pictures of their own library."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tiny_checkpoint import NOISY_LIBRARIES, awake, pipeline, xl_pipeline

from sfumato.adapt import (
    ControlNet,
    Steer,
    T2IAdapter,
    export_control_net,
    export_t2i_adapter,
    find_adapter,
)
from sfumato.errors import SpecError
from sfumato.generate import StableDiffusion
from sfumato.generate.noise import draw_noise, generators

SIZE = (16, 24)
HINT = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(4))
pytestmark = NOISY_LIBRARIES


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    where = tmp_path_factory.mktemp("bases")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        xl_pipeline(attending=2).save_pretrained(where / "xl", safe_serialization=True)
        pipeline().save_pretrained(where / "one", safe_serialization=True)
    return {name: str(where / name) for name in ("xl", "one")}


@pytest.fixture(scope="module")
def base(folders):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return StableDiffusion(checkpoint=folders["xl"])


def theirs(kind, **options):
    parts = xl_pipeline(attending=2)
    names = ("unet", "vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2",
             "scheduler")  # fmt: skip
    given = {name: options.pop(name) for name in ("controlnet", "adapter") if name in options}
    asked = kind(
        **{name: getattr(parts, name) for name in names}, **given,
        force_zeros_for_empty_prompt=True,
    )  # fmt: skip
    asked.set_progress_bar_config(disable=True)
    like = torch.zeros(1, 4, SIZE[0] // 2, SIZE[1] // 2)
    return asked(
        "a hill", image=HINT, num_inference_steps=3, guidance_scale=4.0, output_type="np",
        latents=draw_noise(like.shape, generators(9, 1), like), height=SIZE[0], width=SIZE[1],
        **options,
    ).images  # fmt: skip


def ours(base, *adapters):
    made = base.generate("a hill", size=SIZE, seed=9, steps=3, guidance=4.0, adapters=adapters)
    return made.image.permute(0, 2, 3, 1).numpy()


def test_a_control_net_of_the_xl_kind_says_what_it_says_in_its_library(base, folders, tmp_path):
    from diffusers import ControlNetModel, StableDiffusionXLControlNetPipeline

    method = ControlNet(base=copy.deepcopy(base), hint_channels=3)
    awake(method.adapter.network, 8)
    export_control_net(method.adapter, tmp_path / "control", "diffusers")
    expected = theirs(
        StableDiffusionXLControlNetPipeline,
        controlnet=ControlNetModel.from_pretrained(tmp_path / "control"),
        controlnet_conditioning_scale=0.7,
    )
    export_control_net(method.adapter, tmp_path / "original.safetensors", "original")
    names = load_file(tmp_path / "original.safetensors")
    assert "control_model.label_emb.0.2.weight" in names
    plain = ours(base)
    for name in ("control", "original.safetensors"):
        adapter = find_adapter(str(tmp_path / name), base, "xl")
        found = ours(base, (Steer(adapter, HINT), 0.7))
        assert abs(found - expected).max() < 1e-4
    assert abs(found - plain).max() > 1e-2
    one = StableDiffusion(checkpoint=folders["one"])
    with pytest.raises(SpecError, match="was made for a U-Net"):
        find_adapter(str(tmp_path / "control"), one, "one")


def test_a_t2i_adapter_of_the_xl_form_says_what_it_says_in_its_library(base, folders, tmp_path):
    from diffusers import StableDiffusionXLAdapterPipeline
    from diffusers import T2IAdapter as Theirs

    with pytest.raises(SpecError, match="'full' have no place .*\n.*it takes xl"):
        T2IAdapter(base=copy.deepcopy(base))
    with pytest.raises(SpecError, match="'xl' have no place|of the widths"):
        T2IAdapter(base=StableDiffusion(checkpoint=folders["one"]), form="xl")
    method = T2IAdapter(base=copy.deepcopy(base), form="xl", hint_channels=3)
    awake(method.adapter, 8)
    assert (method.adapter.reduction, method.adapter.config["unshuffle"]) == (2, 4)
    other = Theirs(channels=[32, 64, 64, 64], downscale_factor=4, adapter_type="full_adapter_xl")
    export_t2i_adapter(method.adapter, tmp_path / "a.safetensors", "diffusers")
    other.load_state_dict(load_file(tmp_path / "a.safetensors"))
    expected = theirs(
        StableDiffusionXLAdapterPipeline, adapter=other.eval(), adapter_conditioning_scale=0.8
    )
    # By itself a file could be of the full form: the base tells.
    adapter = find_adapter(str(tmp_path / "a.safetensors"), base, "xl")
    assert adapter.config == method.adapter.config
    found = ours(base, (Steer(adapter, HINT), 0.8))
    assert abs(found - expected).max() < 1e-4
    assert abs(found - ours(base)).max() > 1e-2


@pytest.mark.parametrize(("kind", "more"), [(ControlNet, {}), (T2IAdapter, {"form": "xl"})])
def test_a_training_reaches_every_weight_of_the_adapter(kind, more, base, tmp_path):
    method = kind(base=copy.deepcopy(base), **more)
    awake(method.adapter, 8)
    batch = method.practice_batch((16, 24))
    terms = method.train().loss(batch, "main", torch.Generator().manual_seed(0))
    sum(terms.values()).backward()
    silent = [n for n, p in method.adapter.named_parameters() if not p.grad.any()]
    assert not silent
    method.save(tmp_path / "run")
    names = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(name.startswith("adapter.") for name in names)
