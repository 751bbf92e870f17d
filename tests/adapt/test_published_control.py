"""ControlNets in both published layouts: read, written, and held to their own library."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tiny_checkpoint import NOISY_LIBRARIES, awake, pipeline

from sfumato.adapt import (
    ControlNet,
    StableControl,
    Steer,
    export_control_net,
    find_adapter,
    load_control_net,
    transplant_control_net,
)
from sfumato.adapt.published_control import original_names
from sfumato.adapt.stable_control import model_settings
from sfumato.core.network import load
from sfumato.core.weights import fetched
from sfumato.errors import FileError, SpecError
from sfumato.generate import StableDiffusion
from sfumato.generate.asked import Asked, Condition
from sfumato.generate.noise import draw_noise, generators

SIZE = (16, 24)
HINT = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(4))
pytestmark = NOISY_LIBRARIES
ONE = {"cross_attention_dim": 16, "attention_head_dim": 8}
TWO = {
    "cross_attention_dim": 24, "attention_head_dim": (1, 2, 2, 2), "use_linear_projection": True,
}  # fmt: skip
"""In small what the two generations have: heads of a number, or of a width; projections."""


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


def generation(base, settings):
    """Build a base with all four levels of Stable Diffusion, and a control for it."""
    from diffusers import ControlNetModel, UNet2DConditionModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(block_out_channels=(32, 64, 64, 64), **settings)
    found = copy.deepcopy(base)
    found.network = type(base.network)(unet)
    control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16, 16, 24))
    return found, StableControl.around(awake(control, 4))


def control_for(base, **options):
    return awake_control(StableControl.of(base.network.unet, hint_channels=3, hint_widths=(8, 16)))


def awake_control(control):
    awake(control.network, 5)
    return control


def features(control, width=16):
    rng = torch.Generator().manual_seed(1)
    scale = control.reduction
    x = torch.randn(1, 4, 8, 8, generator=rng)
    hint = torch.rand(1, 3, 8 * scale, 8 * scale, generator=rng)
    context = torch.randn(1, 5, width, generator=rng)
    with torch.no_grad():
        said = control(hint, Asked(x, torch.tensor([500.0]), Condition(context=context)))
    return (*said.down, said.middle)


@pytest.mark.parametrize("settings", [ONE, TWO], ids=["1", "2"])
def test_the_original_names_are_those_that_diffusers_reads(base, settings, tmp_path):
    from diffusers import ControlNetModel
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

    around, control = generation(base, settings)
    file = tmp_path / "control.safetensors"
    export_control_net(control, file, "original")
    written = load_file(file)
    assert all(name.startswith("control_model.") for name in written)
    theirs = convert_controlnet_checkpoint(written, control.network.config)
    ours = control.network.state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.items())
    export_control_net(control, tmp_path / "folder", "diffusers")
    read = ControlNetModel.from_single_file(file, config=str(tmp_path / "folder"))
    assert all(torch.equal(read.state_dict()[name], tensor) for name, tensor in ours.items())
    for place in (file, tmp_path / "folder"):
        again = load_control_net(place, around)
        assert model_settings(again.network.config) == model_settings(control.network.config)
        for name, tensor in again.network.state_dict().items():
            assert torch.equal(tensor, ours[name]), name
        width = settings["cross_attention_dim"]
        for one, other in zip(features(again, width), features(control, width), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"cross_attention_dim": 768}, 361_279_120),
        (
            {
                "cross_attention_dim": 1024,
                "attention_head_dim": (5, 10, 20, 20),
                "use_linear_projection": True,
            },
            364_228_240,
        ),
    ],
    ids=["1.5", "2.1"],
)
def test_at_full_size_it_has_the_published_parameters_and_names(settings, count):
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

    with torch.device("meta"):
        control = StableControl(model=settings)
    assert control.parameter_count == count
    assert (control.hint_channels, control.reduction) == (3, 8)
    names = original_names(control.network)
    parts = {name.rpartition(".")[0] for name in names.values()}
    assert {f"zero_convs.{k}.0" for k in range(12)} < parts
    assert {"time_embed.2", "input_hint_block.14", "input_blocks.3.0.op", "middle_block.1.norm",
            "middle_block_out.0", "input_blocks.11.0.out_layers.3"} < parts  # fmt: skip
    state = control.network.state_dict()
    written = {names[name]: tensor for name, tensor in state.items()}
    assert len(written) == len(state)
    read = convert_controlnet_checkpoint(written, control.network.config)
    assert {n: t.shape for n, t in read.items()} == {n: t.shape for n, t in state.items()}


def as_folder(control, place, **options):
    control.network.save_pretrained(place / "folder", **options)
    return place / "folder"


def as_variant(control, place):
    return as_folder(control, place, variant="fp16")


def as_pickle(control, place):
    return as_folder(control, place, safe_serialization=False)


def as_their_file(control, place):
    save_file(control.network.state_dict(), place / "theirs.safetensors")
    return place / "theirs.safetensors"


def bare(control):
    names = original_names(control.network)
    return {names[name]: t.clone() for name, t in control.network.state_dict().items()}


def as_bare_file(control, place):
    save_file(bare(control), place / "bare.safetensors")
    return place / "bare.safetensors"


def as_whole_checkpoint(control, place):
    inside = {f"control_model.{name}": tensor for name, tensor in bare(control).items()}
    rest = {"model.diffusion_model.out.2.bias": torch.zeros(3), "betas": torch.zeros(3)}
    torch.save(inside | rest, place / "whole.pth")
    return place / "whole.pth"


def as_wrapped_checkpoint(control, place):
    inside = {f"control_model.{name}": tensor for name, tensor in bare(control).items()}
    torch.save({"state_dict": inside, "global_step": 7}, place / "wrapped.ckpt")
    return place / "wrapped.ckpt"


FORMS = [as_folder, as_variant, as_pickle, as_their_file, as_bare_file, as_whole_checkpoint,
         as_wrapped_checkpoint]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_published_form_is_found_and_says_the_same(base, folder, form, tmp_path):
    control = control_for(base)
    found = find_adapter(str(form(control, tmp_path)), base, folder)
    assert isinstance(found, StableControl)
    assert not any(p.requires_grad for p in found.parameters())
    for one, other in zip(features(found), features(control), strict=True):
        assert torch.equal(one, other)


def test_projections_are_what_the_shapes_say(base, tmp_path):
    linear = copy.deepcopy(base)
    linear.network = type(base.network)(
        awake(
            type(base.network.unet)(**{**base.network.unet.config, "use_linear_projection": True}),
            2,
        )
    )
    control = control_for(linear)
    found = load_control_net(as_bare_file(control, tmp_path), base)
    assert found.network.config.use_linear_projection
    for one, other in zip(features(found), features(control), strict=True):
        assert torch.equal(one, other)


def test_it_takes_the_dtype_of_its_base(folder, base, tmp_path):
    half = StableDiffusion(checkpoint=folder, dtype="bfloat16")
    place = as_bare_file(control_for(base), tmp_path)
    assert load_control_net(place, half).network.dtype == torch.bfloat16
    assert load_control_net(place, base).network.dtype == torch.float32


@pytest.mark.parametrize("form", [as_folder, as_bare_file])
def test_every_entry_is_accounted_for(base, form, tmp_path):
    place = form(control_for(base), tmp_path)
    file = place if place.is_file() else place / "diffusion_pytorch_model.safetensors"
    whole = load_file(file)
    last = sorted(whole)[-1]
    for change, said in (
        ({"spare.weight": torch.zeros(2)}, "has no place for spare.weight"),
        ({last: torch.full_like(whole[last], torch.nan)}, "holds NaN or infinity"),
        ({last: torch.zeros(3, 3)}, "has other shapes"),
    ):
        save_file(whole | change, file)
        with pytest.raises(FileError, match=said):
            load_control_net(place, base)
    save_file({name: t for name, t in whole.items() if name != last}, file)
    with pytest.raises(FileError, match="lacks"):
        load_control_net(place, base)
    save_file({"something": torch.zeros(2)}, file)
    with pytest.raises(FileError, match="another layout"):
        load_control_net(place, base)
    if place == file:
        with pytest.raises(SpecError, match="neither a ControlNet nor a T2I-Adapter, .*something"):
            find_adapter(str(place), base, "tiny")


@pytest.mark.parametrize("form", [as_folder, as_their_file, as_bare_file])
def test_another_make_of_base_is_named(base, folder, form, tmp_path):
    wide = copy.deepcopy(base)
    kind, config = type(base.network.unet), base.network.unet.config
    for change, said in (
        ({"block_out_channels": (32, 96)}, r"widths \[32, 96\], .*tiny has \[32, 64\]"),
        ({"cross_attention_dim": 24}, "cross_attention_dim 24, .*tiny has 16"),
        ({"in_channels": 9}, "in_channels 9, .*tiny has 4"),
    ):
        wide.network.unet = kind(**{**config, **change})
        place = tmp_path / said[:5]
        place.mkdir()
        with pytest.raises(SpecError, match=said):
            find_adapter(str(form(control_for(wide), place)), base, folder)


def test_of_several_weights_in_a_folder_the_plain_ones_count(base, tmp_path):
    control = control_for(base)
    place = as_variant(control, tmp_path)
    (place / "diffusion_pytorch_model.bf16.safetensors").write_bytes(b"")
    with pytest.raises(FileError, match="holds 2 files"):
        load_control_net(place, base)
    as_folder(control, tmp_path)
    assert load_control_net(place, base).parameter_count == control.parameter_count


def test_a_folder_or_a_file_inside_a_repository_is_fetched(base, tmp_path, monkeypatch):
    import huggingface_hub

    asked = []
    control = control_for(base)
    repository = tmp_path / "repository"
    (repository / "edges").mkdir(parents=True)
    as_folder(control, repository).rename(repository / "edges" / "v1.1")
    as_bare_file(control, repository)

    def snapshot(name, *, allow_patterns):
        asked.append((name, *allow_patterns))
        return str(repository)

    def download(name, file):
        asked.append((name, file))
        return str(repository / file)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    for name in ("edges/v1.1", "bare.safetensors"):
        found = load_control_net(f"hub:someone/something/{name}", base)
        assert found.parameter_count == control.parameter_count
    assert asked[0][0] == "someone/something"
    assert all(pattern.startswith("edges/v1.1/") for pattern in asked[0][1:])
    assert "edges/v1.1/config.json" in asked[0]
    assert asked[-1] == ("someone/something", "bare.safetensors")
    assert fetched("a/b", ("x",), "test") == repository


def test_what_was_taught_here_makes_the_same_picture_in_its_library(base, tmp_path):
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    method = ControlNet(base=copy.deepcopy(base), hint_channels=3)
    awake(method.adapter.network, 8)
    export_control_net(method.adapter, tmp_path / "control", "diffusers")
    export_control_net(method.adapter, tmp_path / "control", "diffusers")  # replaced
    theirs = ControlNetModel.from_pretrained(tmp_path / "control")
    parts = pipeline()
    asked = StableDiffusionControlNetPipeline(
        **{name: getattr(parts, name) for name in (
            "unet", "vae", "text_encoder", "tokenizer", "scheduler", "safety_checker",
            "feature_extractor",
        )},
        controlnet=theirs, requires_safety_checker=False,
    )  # fmt: skip
    asked.set_progress_bar_config(disable=True)
    like = torch.zeros(1, 4, SIZE[0] // 2, SIZE[1] // 2)
    expected = asked(
        "a hill", image=HINT, num_inference_steps=3, guidance_scale=4.0, output_type="np",
        latents=draw_noise(like.shape, generators(9, 1), like), height=SIZE[0], width=SIZE[1],
        controlnet_conditioning_scale=0.7,
    ).images  # fmt: skip
    ours = base.generate(
        "a hill", size=SIZE, seed=9, steps=3, guidance=4.0,
        adapters=[(Steer(method.adapter, HINT), 0.7)],
    ).image  # fmt: skip
    assert abs(ours.permute(0, 2, 3, 1).numpy() - expected).max() < 1e-4
    plain = base.generate("a hill", size=SIZE, seed=9, steps=3, guidance=4.0).image
    assert (ours - plain).abs().max() > 1e-2
    with pytest.raises(FileError, match=r"written as \.safetensors"):
        export_control_net(method.adapter, tmp_path / "control.pth", "original")


def test_the_command_line_goes_both_ways(base, folder, tmp_path):
    from click.testing import CliRunner
    from diffusers import ControlNetModel

    from sfumato.cli.main import group

    def run(*words):
        return CliRunner().invoke(group, [str(word) for word in words])

    method = ControlNet(base=folder)
    awake(method.adapter.network, 8)
    method.save(tmp_path / "run")
    ours = method.adapter.network.state_dict()
    told = run("export", tmp_path / "run", "-o", tmp_path / "theirs")
    assert told.exit_code == 0, told.output
    theirs = ControlNetModel.from_pretrained(tmp_path / "theirs", local_files_only=True)
    assert all(torch.equal(theirs.state_dict()[name], t) for name, t in ours.items())
    file = tmp_path / "original.safetensors"
    assert run("export", tmp_path / "run", "-o", file, "--layout", "original").exit_code == 0
    words = ("convert", "adapt.StableControl", file, "-o", tmp_path / "back", "--set")
    told = run(*words, f"base={folder}")
    assert told.exit_code == 0, told.output
    back = load(tmp_path / "back")
    assert all(torch.equal(back.network.state_dict()[name], t) for name, t in ours.items())
    for refused, said in (
        (run(*words, "width=8", "--overwrite"), "base=CHECKPOINT"),
        (run("export", tmp_path / "run", "-o", file), "exists already"),
        (run("export", "scenes-lines", "-o", tmp_path / "x"), "ControlEncoder has no published"),
        (run("export", "scenes", "-o", tmp_path / "x"), "LatentDiffusion has no published"),
    ):
        assert refused.exit_code == 2
        assert said in refused.stderr


def test_a_control_moves_to_another_base_with_what_it_learned(base, folder):
    new = copy.deepcopy(base)
    awake(new.network, 31)
    fresh = StableControl.of(base.network.unet, hint_channels=3, hint_widths=(8, 16))
    wanted = StableControl.of(new.network.unet, hint_channels=3, hint_widths=(8, 16))
    moved = transplant_control_net(fresh, base, new).network.state_dict()
    own = {n for n in moved if n.startswith(("controlnet_", "hint"))}
    for name, tensor in wanted.network.state_dict().items():
        if name not in own:
            torch.testing.assert_close(moved[name], tensor, atol=1e-5, rtol=0)
    learned = control_for(base)
    before = {name: t.clone() for name, t in learned.network.state_dict().items()}
    moved = transplant_control_net(learned, base, new).network.state_dict()
    theirs = new.network.unet.state_dict(), base.network.unet.state_dict()
    for name, tensor in before.items():
        assert torch.equal(learned.network.state_dict()[name], tensor)
        if name in own:
            assert torch.equal(moved[name], tensor)
        else:
            change = moved[name] - theirs[0][name], tensor - theirs[1][name]
            torch.testing.assert_close(*change, atol=1e-5, rtol=0)
    other = copy.deepcopy(base)
    config = {**base.network.unet.config, "block_out_channels": (32, 96)}
    other.network = type(base.network)(type(base.network.unet)(**config))
    with pytest.raises(SpecError, match=r"the new base has \[32, 96\]"):
        transplant_control_net(learned, base, other)
