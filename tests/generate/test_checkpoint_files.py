"""Where checkpoints lie and how: variants, schedulers, single files, the hub, and damage."""

from __future__ import annotations

import json
import shutil
import socket

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from original_layout import original
from tiny_checkpoint import NOISY_LIBRARIES, SCALED, pipeline, xl_pipeline

from sfumato.cli.main import group
from sfumato.errors import FileError, RangeError, SpecError
from sfumato.generate._hub_checkpoint import needed_files, variant_of
from sfumato.generate._single_file import kind_of_file
from sfumato.generate.find_diffusion import find_diffusion
from sfumato.generate.noise import draw_noise, generators
from sfumato.generate.stable_diffusion import StableDiffusion

SIZE = (16, 24)
WEIGHTS = "diffusion_pytorch_model.safetensors"
pytestmark = NOISY_LIBRARIES
PIPES = {"one": pipeline, "pair": xl_pipeline}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    import warnings

    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, build in PIPES.items():
            found[name] = tmp_path_factory.mktemp("files") / name
            build().save_pretrained(found[name], safe_serialization=True)
    return found


def painted(model, steps=4):
    return model.generate("a hill", size=SIZE, seed=3, steps=steps, guidance=4.0).image


def latents(count, seed):
    like = torch.zeros(count, 4, SIZE[0] // 2, SIZE[1] // 2)
    return draw_noise(like.shape, generators(seed, count), like)


def by_the_library(pipe, steps=4, scale=1.0):
    made = pipe(
        "a hill", num_inference_steps=steps, guidance_scale=4.0, latents=scale * latents(1, 3),
        height=SIZE[0], width=SIZE[1], output_type="np",
    ).images  # fmt: skip
    return torch.from_numpy(made).permute(0, 3, 1, 2)


# Variants of weights.


@pytest.mark.parametrize("name", ["one", "pair"])
def test_weights_that_are_there_in_half_precision_only_are_found(folders, tmp_path, name):
    PIPES[name]().save_pretrained(tmp_path / "x", safe_serialization=True, variant="fp16")
    assert not (tmp_path / "x" / "unet" / WEIGHTS).exists()
    model = StableDiffusion(checkpoint=str(tmp_path / "x"))
    assert torch.equal(painted(model), painted(StableDiffusion(checkpoint=str(folders[name]))))


def test_weights_in_several_files_are_found(folders, tmp_path):
    pipeline().save_pretrained(
        tmp_path / "x", safe_serialization=True, variant="fp16", max_shard_size="100KB"
    )
    assert len(list((tmp_path / "x" / "unet").glob("*.safetensors"))) > 2
    model = StableDiffusion(checkpoint=str(tmp_path / "x"))
    assert torch.equal(painted(model), painted(StableDiffusion(checkpoint=str(folders["one"]))))


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["a.safetensors", "a.fp16.safetensors"], None),
        (["a.non_ema.safetensors", "a.fp16.safetensors"], "fp16"),
        (["a.fp16-00001-of-00002.safetensors", "a.fp16-00002-of-00002.safetensors"], "fp16"),
        (["a-00001-of-00002.fp16.safetensors"], "fp16"),
        (["a-00001-of-00002.safetensors", "a.fp16.safetensors"], None),
        (["a.bin", "config.json"], None),
    ],
)
def test_the_variant_is_read_from_the_names(files, wanted):
    assert variant_of(files) == wanted


# Schedulers.


def schedulers():
    import diffusers

    v = {"prediction_type": "v_prediction"}
    return {
        "EulerDiscreteScheduler": (diffusers.EulerDiscreteScheduler, {"steps_offset": 1}),
        "EulerAncestralDiscreteScheduler": (diffusers.EulerAncestralDiscreteScheduler, v),
        "DPMSolverMultistepScheduler": (diffusers.DPMSolverMultistepScheduler, {}),
        "UniPCMultistepScheduler": (diffusers.UniPCMultistepScheduler, v),
        "PNDMScheduler": (diffusers.PNDMScheduler, {"skip_prk_steps": True}),
        "LCMScheduler": (diffusers.LCMScheduler, {}),
        "DDPMScheduler": (diffusers.DDPMScheduler, {"prediction_type": "sample"}),
        "trailing": (
            diffusers.DDIMScheduler,
            {
                "timestep_spacing": "trailing", "rescale_betas_zero_snr": True, **v,
                "set_alpha_to_one": False,
            },
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(schedulers()))
def test_the_noise_is_read_from_whatever_scheduler_a_checkpoint_has(folders, tmp_path, name):
    from diffusers import DDIMScheduler

    kind, settings = schedulers()[name]
    spacing = {"timestep_spacing": "leading"}  # what only a step of 1000 / n follows exactly
    scheduler = kind(**{**SCALED, **spacing, **settings})
    shutil.copytree(folders["pair"], tmp_path / "x")
    shutil.rmtree(tmp_path / "x" / "scheduler")
    scheduler.save_pretrained(tmp_path / "x" / "scheduler")
    index = json.loads((tmp_path / "x" / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", type(scheduler).__name__]
    (tmp_path / "x" / "model_index.json").write_text(json.dumps(index))
    model = StableDiffusion(checkpoint=str(tmp_path / "x"))
    written = json.loads((tmp_path / "x" / "scheduler" / "scheduler_config.json").read_text())
    as_ddim = DDIMScheduler.from_config(written, clip_sample=False)
    expected = by_the_library(xl_pipeline(scheduler=as_ddim))
    assert abs(painted(model) - expected).max() < 1e-4
    answers = {"epsilon": "noise", "v_prediction": "velocity", "sample": "clean"}
    assert model.target == answers[scheduler.config.prediction_type]
    zero = bool(settings.get("rescale_betas_zero_snr"))
    assert (model.process.alpha_bars[-1] == 0) == zero


@pytest.mark.parametrize(("spacing", "offset"), [("leading", 1), ("trailing", 0)])
def test_the_euler_sampler_makes_what_that_of_the_library_makes(folders, tmp_path, spacing, offset):
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler(**SCALED, timestep_spacing=spacing, steps_offset=offset)
    where = tmp_path / "x"
    xl_pipeline(scheduler=scheduler).save_pretrained(where, safe_serialization=True)
    model = StableDiffusion(checkpoint=str(where))
    found = model.generate(
        "a hill", size=SIZE, seed=3, steps=5, guidance=4.0, sampler="euler"
    ).image
    # With some spacings theirs starts from a little less noise than there is at its first step.
    scheduler.set_timesteps(5)
    full = float((scheduler.sigmas[0] ** 2 + 1) ** 0.5)
    scale = full / float(scheduler.init_noise_sigma)
    assert 1 <= scale < 1.01
    expected = by_the_library(xl_pipeline(scheduler=scheduler), steps=5, scale=scale)
    assert abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"trained_betas": [0.1] * 1000}, "trained_betas"),
        ({"beta_schedule": "exponential"}, "'exponential' betas"),
        ({"prediction_type": "flow"}, "'flow' answers"),
        ({"beta_schedule": None}, "by no schedule of betas"),
    ],
)
def test_noise_of_another_kind_is_refused(folders, tmp_path, settings, said):
    shutil.copytree(folders["one"], tmp_path / "x")
    file = tmp_path / "x" / "scheduler" / "scheduler_config.json"
    about = json.loads(file.read_text())
    index = tmp_path / "x" / "model_index.json"
    named = json.loads(index.read_text()) | {"scheduler": ["diffusers", "DDPMScheduler"]}
    index.write_text(json.dumps(named))
    from sfumato.generate._schedulers import schedule_of

    class Foreign:
        config = about | settings

    with pytest.raises(SpecError, match=said):
        schedule_of(Foreign(), "x")


# Single files.


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(("name", "second"), [("one", False), ("one", True), ("pair", False)])
def test_a_single_file_of_the_original_layout_is_loaded_without_a_network(
    folders, tmp_path, name, second, no_network
):
    file = tmp_path / "model.safetensors"
    save_file(original(PIPES[name](), second=second), file)
    model = StableDiffusion(checkpoint=str(file), config=str(folders[name]))
    expected = painted(StableDiffusion(checkpoint=str(folders[name])))
    assert abs(painted(model) - expected).max() < 1e-5
    assert isinstance(find_diffusion(str(file), config=str(folders[name])), StableDiffusion)


def test_the_command_line_paints_with_a_single_file_and_again(
    folders, tmp_path, no_network, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    save_file(original(pipeline()), "model.safetensors")
    words = ["generate", "--weights", "model.safetensors", "--prompt", "a hill", "--steps", "1"]
    config = ["--config", str(folders["one"])]
    made = CliRunner().invoke(group, [*words, *config, "-o", "hill.png"])
    assert made.exit_code == 0, made.output
    again = CliRunner().invoke(group, ["generate", "--again", "hill.png", "-o", "same.png"])
    assert "bit for bit hill.png" in again.output
    lost = CliRunner().invoke(group, [*words, "--config", "/nowhere", "-o", "lost.png"])
    assert lost.exit_code == 2
    assert "/nowhere" in lost.output


def test_a_ckpt_of_tensors_is_loaded_and_one_that_runs_code_is_not(folders, tmp_path):
    file = tmp_path / "model.ckpt"
    torch.save({"state_dict": original(pipeline()), "global_step": 7}, file)
    model = StableDiffusion(checkpoint=str(file), config=str(folders["one"]))
    expected = painted(StableDiffusion(checkpoint=str(folders["one"])))
    assert abs(painted(model) - expected).max() < 1e-5

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({"state_dict": {"model.diffusion_model.x": Trap()}}, file)
    with pytest.raises(FileError, match="cannot be read as a checkpoint"):
        StableDiffusion(checkpoint=str(file), config=str(folders["one"]))
    assert not (tmp_path / "sprung").exists()


def test_a_single_file_without_a_network_and_config_says_what_helps(tmp_path, no_network):
    file = tmp_path / "model.safetensors"
    save_file(original(pipeline()), file)
    with pytest.raises(FileError, match="without a network give config="):
        StableDiffusion(checkpoint=str(file))
    with pytest.raises(FileError, match="there is no folder /nowhere"):
        StableDiffusion(checkpoint=str(file), config="/nowhere")


def test_a_single_file_that_lacks_weights_is_refused(folders, tmp_path):
    state = original(pipeline())
    for name in ("model.diffusion_model.out.2.bias", "first_stage_model.quant_conv.weight"):
        file = tmp_path / "model.safetensors"
        save_file({n: t for n, t in state.items() if n != name}, file)
        with pytest.raises(FileError, match=r"lacks 1 weights|cannot be loaded"):
            StableDiffusion(checkpoint=str(file), config=str(folders["one"]))


U, V, T = "model.diffusion_model.x", "first_stage_model.x", "cond_stage_model.x"
E0, E1 = "conditioner.embedders.0.x", "conditioner.embedders.1.x"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([U, V, E0], "is a refiner"),
        ([V, T], "holds no U-Net"),
        ([U, T], "holds no autoencoder"),
        ([U, V], "holds no text encoder"),
        (["model.diffusion_model.joint_blocks.0.x", V], "Stable Diffusion 3"),
        (["double_blocks.0.x"], "Flux"),
        (["lora_unet_x"], "LoRA"),
    ],
)
def test_files_of_another_kind_are_refused_by_name(names, said):
    with pytest.raises(SpecError, match=said):
        kind_of_file(names, "x")
    assert kind_of_file([U, V, T], "x") == "single"
    assert kind_of_file([U, V, E0, E1], "x") == "double"


# Damage.


def test_weights_that_lack_or_do_not_fit_are_named(folders, tmp_path):
    for part, file in (("unet", WEIGHTS), ("text_encoder", "model.safetensors")):
        where = tmp_path / part
        shutil.copytree(folders["one"], where)
        state = load_file(where / part / file)
        first = next(n for n, t in state.items() if t.ndim > 1)
        save_file({n: t for n, t in state.items() if n != first}, where / part / file)
        with pytest.raises(FileError, match=f"{part}: the file lacks {first}"):
            StableDiffusion(checkpoint=str(where))
        save_file({**state, first: state[first][:, :1].contiguous()}, where / part / file)
        with pytest.raises(FileError, match=f"{part}: (cannot be loaded|the file has other)"):
            StableDiffusion(checkpoint=str(where))
        save_file({**state, "stranger": torch.zeros(1)}, where / part / file)
        with pytest.raises(FileError, match="has no place for stranger"):
            StableDiffusion(checkpoint=str(where))


def test_files_that_may_run_code_are_left_alone(folders, tmp_path):
    shutil.copytree(folders["one"], tmp_path / "x")
    weights = tmp_path / "x" / "unet" / WEIGHTS
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(FileError, match=r"no weights as \.safetensors"):
        StableDiffusion(checkpoint=str(tmp_path / "x"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"_class_name": "FluxPipeline"}, "FluxPipeline, which is not supported"),
        ({"_class_name": "StableDiffusionInpaintPipeline"}, "InpaintPipeline"),
        ({"vae": ["diffusers", "AutoencoderTiny"]}, "its vae is a AutoencoderTiny"),
        ({"scheduler": ["diffusers", "OwnScheduler"]}, "no scheduler OwnScheduler"),
    ],
)
def test_parts_of_another_kind_are_refused_by_name(folders, tmp_path, settings, said):
    shutil.copytree(folders["one"], tmp_path / "x")
    index = tmp_path / "x" / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | settings))
    with pytest.raises(SpecError, match=said):
        StableDiffusion(checkpoint=str(tmp_path / "x"))
    index.write_text("{")
    with pytest.raises(FileError, match="is no JSON"):
        StableDiffusion(checkpoint=str(tmp_path / "x"))


@pytest.mark.parametrize(
    ("file", "settings"),
    [
        ("vae/config.json", {"scaling_factor": []}),
        ("vae/config.json", {"block_out_channels": 7}),
        ("unet/config.json", {"norm_num_groups": 7}),
        ("text_encoder/config.json", {"num_attention_heads": "x"}),
        ("tokenizer/tokenizer_config.json", {"model_max_length": {"a": 1}}),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": "x"}),
        ("scheduler/scheduler_config.json", {"beta_end": 2.0}),
        ("model_index.json", {"scheduler": "x", "vae": 7}),
    ],
)
def test_settings_of_another_kind_are_one_line(folders, tmp_path, file, settings):
    shutil.copytree(folders["one"], tmp_path / "x")
    place = tmp_path / "x" / file
    place.write_text(json.dumps(json.loads(place.read_text()) | settings))
    if "vae" in settings:  # a part that is there serves, whatever the index says
        assert isinstance(StableDiffusion(checkpoint=str(tmp_path / "x")), StableDiffusion)
        return
    with pytest.raises((FileError, SpecError, RangeError)) as caught:
        StableDiffusion(checkpoint=str(tmp_path / "x"))
    assert str(caught.value).partition("\n  hint")[0].count("\n") == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"in_channels": 9}, "9 channels that answers with 4"),
        ({"time_cond_proj_dim": 8}, "distilled consistency model"),
        ({"num_class_embeds": 5}, "told a class"),
    ],
)
def test_networks_that_want_more_than_text_are_refused(settings, said):
    from tiny_checkpoint import unet

    from sfumato.generate._published_unet import PublishedUNet

    with pytest.raises(SpecError, match=said):
        PublishedUNet(unet(**settings))


# The hub.

LISTED = [
    "README.md", "model_index.json", "sd_xl.safetensors",
    "unet/config.json", "unet/a.safetensors", "unet/a.fp16.safetensors", "unet/a.bin",
    "vae/config.json", "vae/a.fp16.safetensors", "vae/model.onnx",
    "text_encoder/config.json", "text_encoder/a.safetensors",
    "tokenizer/vocab.json", "tokenizer/merges.txt", "scheduler/scheduler_config.json",
    "safety_checker/config.json", "safety_checker/a.safetensors",
]  # fmt: skip


def test_only_what_a_checkpoint_needs_is_fetched():
    found = needed_files(LISTED)
    assert found == [
        "model_index.json", "unet/config.json", "unet/a.safetensors", "vae/config.json",
        "vae/a.fp16.safetensors", "text_encoder/config.json", "text_encoder/a.safetensors",
        "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt",
    ]  # fmt: skip
    inside = [f"deep/er/{name}" for name in LISTED]
    assert needed_files([*inside, *LISTED], "deep/er") == [f"deep/er/{name}" for name in found]


@pytest.fixture
def hub(monkeypatch, folders, tmp_path):
    """A hub with one repository, whose calls are noted."""
    import huggingface_hub

    shelf, asked = tmp_path / "shelf", []
    shutil.copytree(folders["one"], shelf / "inner")
    shutil.copytree(folders["one"], shelf, dirs_exist_ok=True)
    save_file(original(pipeline()), shelf / "model.safetensors")

    def listed(repo_id, revision=None):
        asked.append(("list", repo_id, revision))
        return [str(f.relative_to(shelf)) for f in sorted(shelf.rglob("*")) if f.is_file()]

    def snapshot(repo_id, revision=None, allow_patterns=None, local_files_only=False):
        asked.append(("fetch", repo_id, revision, tuple(allow_patterns or ())))
        return str(shelf)

    def one(repo_id, filename, revision=None):
        asked.append(("file", repo_id, revision, filename))
        return str(shelf / filename)

    monkeypatch.setattr(huggingface_hub, "list_repo_files", listed)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", one)
    return asked


def test_hub_names_may_have_a_revision_a_folder_and_a_file(hub, folders):
    expected = painted(StableDiffusion(checkpoint=str(folders["one"])))
    model = StableDiffusion(checkpoint="hub:someone/model@v2/inner")
    assert torch.equal(painted(model), expected)
    assert hub[0] == ("list", "someone/model", "v2")
    assert hub[1][:3] == ("fetch", "someone/model", "v2")
    assert all(name.startswith("inner/") for name in hub[1][3])
    hub.clear()
    model = StableDiffusion(
        checkpoint="hub:someone/model/model.safetensors", config=str(folders["one"])
    )
    assert abs(painted(model) - expected).max() < 1e-5
    assert hub == [("file", "someone/model", None, "model.safetensors")]


def test_without_a_network_what_was_fetched_before_will_do(hub, folders, monkeypatch):
    import huggingface_hub

    def unreachable(**_):
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(huggingface_hub, "list_repo_files", unreachable)
    model = StableDiffusion(checkpoint="hub:someone/model")
    assert hub == [("fetch", "someone/model", None, ())]
    assert torch.equal(painted(model), painted(StableDiffusion(checkpoint=str(folders["one"]))))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(FileError, match="no route to the hub") as caught:
        StableDiffusion(checkpoint="hub:someone/model")
    assert "download the folder yourself" in str(caught.value)


def test_hub_names_that_are_none_are_told(hub):
    with pytest.raises(FileError, match="is no hub name"):
        StableDiffusion(checkpoint="hub:someone")
    with pytest.raises(FileError, match=r"has no model_index\.json"):
        StableDiffusion(checkpoint="hub:someone/model/unet")
