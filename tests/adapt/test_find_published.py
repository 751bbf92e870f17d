"""Published adapters by name, held to the pictures that their own library makes with them."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tiny_checkpoint import NOISY_LIBRARIES, awake, pipeline

from sfumato.adapt import Steer, export_t2i_adapter, find_adapter, load_t2i_adapter
from sfumato.core.network import load
from sfumato.errors import FileError, MissingExtraError, ShapeError, SpecError
from sfumato.generate.asked import Asked, Condition
from sfumato.generate.noise import draw_noise, generators
from sfumato.generate.stable_diffusion import StableDiffusion

SIZE = (16, 24)
HINT = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(4))
pytestmark = NOISY_LIBRARIES


def control_net(unet, seed=5, **options):
    from diffusers import ControlNetModel

    torch.manual_seed(0)
    options = {"conditioning_embedding_out_channels": (8, 16)} | options
    return awake(ControlNetModel.from_unet(unet, **options), seed)


def t2i_adapter(channels=(32, 64)):
    from diffusers import T2IAdapter

    torch.manual_seed(0)
    made = T2IAdapter(
        in_channels=3, channels=channels, num_res_blocks=2, downscale_factor=2,
        adapter_type="full_adapter",
    )  # fmt: skip
    return awake(made, 6)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = pipeline()
        made = {
            "base": base,
            "control": control_net(base.unet),
            "full": t2i_adapter(),
        }
        for name, network in made.items():
            network.save_pretrained(root / name, safe_serialization=True)
    return {name: str(root / name) for name in made}


@pytest.fixture(scope="module")
def own(folders):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return StableDiffusion(checkpoint=folders["base"])


def latents(seed):
    like = torch.zeros(1, 4, SIZE[0] // 2, SIZE[1] // 2)
    return draw_noise(like.shape, generators(seed, 1), like)


def theirs(kind, **more):
    """Build the library's own pipeline with an adapter, and ask it for a hill."""
    parts = pipeline()
    names = ("unet", "vae", "text_encoder", "tokenizer", "scheduler", "safety_checker")
    options = {name: more.pop(name) for name in ("controlnet", "adapter") if name in more}
    asked = kind(
        **{name: getattr(parts, name) for name in (*names, "feature_extractor")},
        **options, requires_safety_checker=False,
    )  # fmt: skip
    asked.set_progress_bar_config(disable=True)
    return asked(
        "a hill", image=HINT, num_inference_steps=4, guidance_scale=4.0, latents=latents(9),
        output_type="np", height=SIZE[0], width=SIZE[1], **more,
    ).images  # fmt: skip


def painted(model, *adapters, **options):
    made = model.generate(
        "a hill", size=SIZE, seed=9, steps=4, guidance=4.0, adapters=adapters, **options
    )
    return made.image.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("window", [(0.0, 1.0), (0.0, 0.5)])
def test_a_control_net_by_name_says_what_it_says_in_its_library(own, folders, window):
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    expected = theirs(
        StableDiffusionControlNetPipeline, controlnet=ControlNetModel.from_pretrained(
            folders["control"]
        ), controlnet_conditioning_scale=0.7, control_guidance_end=window[1],
    )  # fmt: skip
    adapter = find_adapter(folders["control"], own, folders["base"])
    found = painted(own, (Steer(adapter, HINT, window=window), 0.7))
    assert abs(found - expected).max() < 1e-4
    assert abs(found - painted(own)).max() > 1e-2


def test_a_t2i_adapter_by_name_in_either_layout_says_what_it_says_in_its_library(
    own, folders, tmp_path
):
    from diffusers import StableDiffusionAdapterPipeline, T2IAdapter

    expected = theirs(
        StableDiffusionAdapterPipeline, adapter=T2IAdapter.from_pretrained(folders["full"]),
        adapter_conditioning_scale=0.8,
    )  # fmt: skip
    original = tmp_path / "original.safetensors"
    export_t2i_adapter(
        load_t2i_adapter(Path(folders["full"]) / "diffusion_pytorch_model.safetensors"),
        original,
        "original",
    )
    plain = painted(own)
    for name in (folders["full"], str(original)):
        adapter = find_adapter(name, own, folders["base"])
        found = painted(own, (Steer(adapter, HINT), 0.8))
        assert abs(found - expected).max() < 1e-4
    assert abs(found - plain).max() > 1e-2


def test_a_hub_name_is_fetched_and_loads_the_same(own, folders, monkeypatch):
    asked = []

    def fetched(name, patterns, who):
        asked.append((name, set(patterns)))
        return Path(folders["control"])

    monkeypatch.setattr("sfumato.adapt.published_files.fetched", fetched)
    found = find_adapter("hub:owner/edges", own, folders["base"])
    assert asked[0][0] == "owner/edges"
    assert {"config.json", "diffusion_pytorch_model.safetensors"} <= asked[0][1]
    here = find_adapter(folders["control"], own, folders["base"])
    assert found.config == here.config
    for name, tensor in here.network.state_dict().items():
        assert torch.equal(tensor, found.network.state_dict()[name])


def test_guess_mode_leaves_the_branch_without_words_alone(own, folders):
    adapter = find_adapter(folders["control"], own, folders["base"])
    x = latents(1).repeat(2, 1, 1, 1)
    context = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0))
    asked = Asked(x, torch.tensor([500, 500]), Condition(context=context), unguided=1)
    plain, guessed = (Steer(adapter, HINT, guess_mode=mode)(asked) for mode in (False, True))
    count = len(plain.down) + 1
    for k, (all_said, said) in enumerate(zip(plain.down, guessed.down, strict=True)):
        assert not said[0].any()
        torch.testing.assert_close(said[1], all_said[1] * 0.825 ** (count - 1 - k))
    torch.testing.assert_close(guessed.middle[1], plain.middle[1])


def test_an_adapter_in_half_precision_follows_its_base(folders):
    model = StableDiffusion(checkpoint=folders["base"], dtype="bfloat16")
    adapter = find_adapter(folders["control"], model, folders["base"])
    assert adapter.network.dtype == torch.bfloat16
    assert np.isfinite(painted(model, (Steer(adapter, HINT), 1.0))).all()


def test_adapters_of_another_width_are_refused_by_name(own, folders, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        control_net(pipeline(channels=(32, 96)).unet).save_pretrained(tmp_path / "wide")
        t2i_adapter(channels=(32, 96)).save_pretrained(tmp_path / "pyramid")
        control_net(
            pipeline().unet, conditioning_embedding_out_channels=(8, 8, 16)
        ).save_pretrained(tmp_path / "deep")
    for name in ("wide", "pyramid"):
        with pytest.raises(SpecError, match=rf"{name}: .*\[32, 96\], .*base has \[32, 64\]"):
            find_adapter(str(tmp_path / name), own, folders["base"])
    with pytest.raises(SpecError, match="deep: makes hints 4 times smaller, .* 2 times"):
        find_adapter(str(tmp_path / "deep"), own, folders["base"])


def test_a_hint_of_another_size_or_channels_is_refused(own, folders):
    adapter = find_adapter(folders["control"], own, folders["base"])
    with pytest.raises(ShapeError, match="8 x 8, the picture 16 x 24"):
        painted(own, (Steer(adapter, HINT[..., :8, :8]), 1.0))
    with pytest.raises(ShapeError, match="1 channels, this adapter was made for 3"):
        painted(own, (Steer(adapter, HINT[:, :1]), 1.0))


def test_what_is_no_published_adapter_is_refused(own, folders, tmp_path):
    with pytest.raises(SpecError, match="UNet2DConditionModel, no ControlNet"):
        find_adapter(folders["base"] + "/unet", own, folders["base"])
    with pytest.raises(SpecError, match="a published adapter, and scenes holds"):
        find_adapter(folders["control"], load("scenes"), "scenes")
    folder = tmp_path / "damaged"
    shutil.copytree(folders["control"], folder)
    weights = folder / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(b"nothing")
    with pytest.raises(FileError, match="cannot be read as weights"):
        find_adapter(str(folder), own, folders["base"])
    weights.unlink()
    with pytest.raises(FileError, match="holds 0 files called diffusion_pytorch_model"):
        find_adapter(str(folder), own, folders["base"])
    (folder / "config.json").write_text("{")
    with pytest.raises(FileError, match="is no JSON"):
        find_adapter(str(folder), own, folders["base"])
    shutil.copytree(folders["control"], tmp_path / "pooled")
    about = tmp_path / "pooled" / "config.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"global_pool_conditions": True}))
    with pytest.raises(SpecError, match="averaged over the picture"):
        find_adapter(str(tmp_path / "pooled"), own, folders["base"])


def test_a_control_net_without_the_extra_names_it(own, folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtraError, match="diffusers") as caught:
        find_adapter(folders["control"], own, folders["base"])
    assert 'pip install "sfumato[diffusion]"' in str(caught.value)


def test_the_command_line_steers_a_checkpoint_by_published_adapters(folders, tmp_path):
    from click.testing import CliRunner

    from sfumato.cli.main import group
    from sfumato.core.sample import Sample
    from sfumato.io.picture import read, write

    hint = tmp_path / "hint.png"
    write(hint, Sample((HINT[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)))
    base = ["generate", "--weights", folders["base"], "--prompt", "a hill", "--steps", "2"]
    made = {}
    for name, more in {
        "plain": ["--size", "24x16"],
        "control": ["--control", f"{folders['control']}={hint}:0.8"],
        "both": ["--control", f"{folders['control']}={hint}:0.8",
                 "--control", f"{folders['full']}={hint}:0.5"],
    }.items():  # fmt: skip
        out = tmp_path / f"{name}.png"
        result = CliRunner().invoke(group, [*base, *more, "-o", str(out), "-q"])
        assert result.exit_code == 0, result.output
        made[name] = read(out).image
    assert made["control"].shape == (16, 24, 3)
    assert not np.array_equal(made["plain"], made["control"])
    assert not np.array_equal(made["both"], made["control"])


def test_a_drawing_is_colored_by_a_published_control_net_on_its_checkpoint(own, folders, tmp_path):
    from click.testing import CliRunner

    from sfumato.adapt.line_painter import LinePainter
    from sfumato.cli.main import group
    from sfumato.core.opencv import cv2
    from sfumato.io.picture import read, write

    painter = LinePainter(weights=folders["control"], base=folders["base"])
    ink = np.zeros(SIZE, np.float32)
    ink[8] = 1.0
    found = painter.paint(ink, "a hill", side_px=24, steps=2, guidance=None, seed=9)
    hint = torch.from_numpy(ink).expand(1, 3, *SIZE)
    adapter = find_adapter(folders["control"], own, folders["base"])
    same = own.generate(
        "a hill", size=SIZE, seed=9, steps=2, guidance=7.5, adapters=[(Steer(adapter, hint), 1.0)]
    )
    np.testing.assert_array_equal(found, same.image[0].permute(1, 2, 0).numpy())

    page = np.full((40, 60, 1), 250, np.uint8)
    cv2.circle(page, (30, 20), 12, 0, 2)
    write(tmp_path / "page.png", page)
    words = ["colorize", str(tmp_path / "page.png"), "--base", folders["base"], "--weights"]
    words += [folders["control"], "--prompt", "a hill", "--steps", "1"]
    made = CliRunner().invoke(group, [*words, "-o", str(tmp_path / "out.png")])
    assert made.exit_code == 0, made.output
    assert read(tmp_path / "out.png").image.shape == (40, 60, 3)
    none = [*words[:4], "--weights", "none", "-o", str(tmp_path / "no.png")]
    refused = CliRunner().invoke(group, none)
    assert refused.exit_code == 2
    assert "--base paints nothing without an adapter" in refused.output
