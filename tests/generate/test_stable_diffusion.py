"""Published checkpoints, held to the pictures that their own library makes of them."""

from __future__ import annotations

import json
import logging
import shutil
import sys

import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tiny_checkpoint import NOISY_LIBRARIES, awake, pipeline, tokenizer

from sfumato.core.batch import Batch
from sfumato.errors import FileError, MissingExtraError, SpecError
from sfumato.generate._clip_text import ClipText
from sfumato.generate.noise import draw_noise, generators
from sfumato.generate.residuals import Residuals
from sfumato.generate.stable_diffusion import StableDiffusion

SIZE = (16, 24)
pytestmark = NOISY_LIBRARIES


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    import warnings

    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in ("epsilon", "v_prediction"):
            folder = tmp_path_factory.mktemp("checkpoints") / kind
            pipeline(prediction=kind).save_pretrained(folder, safe_serialization=True)
            found[kind] = folder
    return found


@pytest.fixture
def own(folders):
    return StableDiffusion(checkpoint=str(folders["epsilon"]))


def latents(count, seed):
    like = torch.zeros(count, 4, SIZE[0] // 2, SIZE[1] // 2)
    return draw_noise(like.shape, generators(seed, count), like)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("guidance", [1.0, 6.0])
def test_the_pictures_are_those_of_the_library(folders, kind, guidance):
    theirs = pipeline(prediction=kind)(
        prompt=["a red hat", "a hill"], negative_prompt=["blue", "blue"], num_inference_steps=5,
        guidance_scale=guidance, latents=latents(2, 3), height=SIZE[0], width=SIZE[1],
        output_type="np",
    ).images  # fmt: skip
    ours = StableDiffusion(checkpoint=str(folders[kind])).generate(
        ["a red hat", "a hill"], size=SIZE, seed=3, steps=5, guidance=guidance, negative="blue"
    )
    found = ours.image.permute(0, 2, 3, 1).numpy()
    assert theirs.std() > 0.05
    assert abs(found - theirs).max() < 1e-4


def test_schedule_and_answers_are_read_from_the_checkpoint(own, folders):
    assert own.process.alpha_bars[-1] == pytest.approx(0.0046601, rel=1e-4)
    assert (own.target, own.spacing, own.offset, own.end_at_first) == ("noise", "leading", 1, True)
    assert StableDiffusion(checkpoint=str(folders["v_prediction"])).target == "velocity"
    assert own.multiple_of == 2


def test_a_control_net_says_what_it_says_in_its_library(own, folders):
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    torch.manual_seed(0)
    parts = pipeline()
    control = ControlNetModel.from_unet(parts.unet, conditioning_embedding_out_channels=(8, 16))
    control = awake(control, 5)
    hint = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(4))
    theirs = StableDiffusionControlNetPipeline(
        **{name: getattr(parts, name) for name in (
            "unet", "vae", "text_encoder", "tokenizer", "scheduler", "safety_checker",
            "feature_extractor",
        )},
        controlnet=control, requires_safety_checker=False,
    )  # fmt: skip
    theirs.set_progress_bar_config(disable=True)
    expected = theirs(
        "a hill", image=hint, num_inference_steps=4, guidance_scale=4.0, latents=latents(1, 9),
        controlnet_conditioning_scale=0.7, output_type="np", height=SIZE[0], width=SIZE[1],
    ).images  # fmt: skip

    def adapter(asked):
        down, middle = control(
            asked.x, asked.times, asked.condition.context, asked.repeated(hint), return_dict=False
        )
        return Residuals(tuple(down), middle)

    def made(*adapters):
        return own.generate(
            "a hill", size=SIZE, seed=9, steps=4, guidance=4.0, adapters=adapters
        ).image

    found = made((adapter, 0.7)).permute(0, 2, 3, 1).numpy()
    assert abs(found - expected).max() < 1e-4
    assert not torch.allclose(made(), made((adapter, 0.7)), atol=1e-3)


def test_a_t2i_adapter_is_there_at_every_step(own):
    from diffusers import StableDiffusionAdapterPipeline, T2IAdapter

    torch.manual_seed(0)
    parts = pipeline()
    adapter = awake(
        T2IAdapter(
            in_channels=3, channels=(32, 64), num_res_blocks=1, downscale_factor=2,
            adapter_type="full_adapter",
        ),
        6,
    )  # fmt: skip
    hint = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(4))
    theirs = StableDiffusionAdapterPipeline(
        **{name: getattr(parts, name) for name in (
            "unet", "vae", "text_encoder", "tokenizer", "scheduler", "safety_checker",
            "feature_extractor",
        )},
        adapter=adapter, requires_safety_checker=False,
    )  # fmt: skip
    theirs.set_progress_bar_config(disable=True)
    expected = theirs(
        "a hill", image=hint, num_inference_steps=4, guidance_scale=4.0, latents=latents(1, 9),
        adapter_conditioning_scale=0.8, output_type="np", height=SIZE[0], width=SIZE[1],
    ).images  # fmt: skip
    with torch.no_grad():
        features = adapter(hint)

    def said(asked):
        return Residuals(levels=tuple(asked.repeated(f) for f in features))

    found = own.generate(
        "a hill", size=SIZE, seed=9, steps=4, guidance=4.0, adapters=[(said, 0.8)]
    ).image
    assert abs(found.permute(0, 2, 3, 1).numpy() - expected).max() < 1e-4


def test_masks_and_starting_pictures_work_as_with_our_own(own):
    picture = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(1, *SIZE, dtype=torch.int64)
    mask[:, :, 10:] = 1
    batch = Batch(picture, mask=mask, text=("a hill",))
    made = own.predict(batch, rng=generators(0, 1), steps=3, fill_in=True).image
    assert torch.equal(made[..., :10], picture[..., :10])
    assert not torch.allclose(made[..., 10:], picture[..., 10:], atol=0.05)
    assert own.predict(batch, rng=generators(0, 1), steps=4, strength=0.5).image.shape == (
        1,
        3,
        *SIZE,
    )


def test_low_memory_gives_the_same_picture(own, folders):
    low = StableDiffusion(checkpoint=str(folders["epsilon"]), memory="low")
    made = [m.generate("a hill", size=(16, 16), count=2, steps=2, seed=1).image for m in (own, low)]
    torch.testing.assert_close(*made, atol=1e-5, rtol=0)


def watched(model):
    """Note who travels to the device and back, and that nobody works who is not there."""
    there, travels = set(), []

    def watch(name, part, network, used):
        plain = getattr(network, used)

        def go(device):
            there.add(name) if device.type == "cpu" else there.discard(name)
            travels.append((name, device.type))

        def answer(*given, **options):
            assert there == {name}, f"{name} works while {there} are on the device"
            return plain(*given, **options)

        part.to = go
        setattr(network, used, answer)

    model.stage.rest = torch.device("meta")  # only told apart by name: nobody really goes there
    watch("words", model.words[0], model.words[0], "forward")
    watch("network", model.network, model.network.unet, "forward")
    watch("coder", model.autoencoder, model.autoencoder.vae, "decode")
    return travels


def test_offloaded_parts_take_turns_and_give_the_same_bits(folders, own):
    model = StableDiffusion(checkpoint=str(folders["epsilon"]), memory="offload")
    assert model.to("cpu") is model
    travels = watched(model)
    how = {"size": SIZE, "count": 2, "steps": 3, "seed": 1, "guidance": 4.0, "negative": "blue"}
    made = model.generate("a hill", **how).image
    assert torch.equal(made, own.generate("a hill", **how).image)
    there, back = "cpu", "meta"
    assert travels == [
        ("words", there), ("words", back), ("network", there), ("network", back), ("coder", there)
    ]  # fmt: skip


def test_the_least_memory_offloads_and_tiles(folders):
    model = StableDiffusion(checkpoint=str(folders["epsilon"]), memory="least")
    assert model.stage is not None
    assert model.autoencoder.vae.use_tiling


def test_a_picture_has_the_same_bits_in_every_batch_of_the_autoencoder(own):
    codes = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    together = own.autoencoder.decode(codes)
    assert torch.equal(together, torch.cat([own.autoencoder.decode(c[None]) for c in codes]))


def test_an_overflow_of_the_autoencoder_is_told_and_mended(own, caplog):
    vae = own.autoencoder.vae.to(torch.bfloat16)
    own.autoencoder.decode(torch.zeros(1, 4, 4, 4))
    plain = vae.decode

    def overflowing(codes, return_dict=False):
        found = plain(codes, return_dict=False)[0]
        return (found * (float("nan") if vae.dtype == torch.bfloat16 else 1.0),)

    vae.decode = overflowing
    with caplog.at_level(logging.WARNING):
        read = own.autoencoder.decode(torch.ones(1, 4, 4, 4))
        own.autoencoder.decode(torch.ones(2, 4, 4, 4))
    assert bool(torch.isfinite(read).all())
    assert caplog.text.count("it is run in float32") == 1  # from then on it is known
    assert vae.dtype == torch.bfloat16


def test_a_prompt_that_is_too_long_is_told(own, caplog):
    with caplog.at_level(logging.WARNING):
        own.generate("abcdefghij klmnopqrst", size=SIZE, steps=1)
    # 20 letters, each a token, between a start and an end: 22 of 16
    assert "6 tokens too long" in caplog.text


def test_a_tokenizer_of_another_vocabulary_is_refused():
    parts = pipeline()
    small = tokenizer()
    small.add_tokens(["<new>"])
    with pytest.raises(SpecError, match="191 words, the text encoder 190"):
        ClipText(small, parts.text_encoder)


def test_it_is_written_down_by_where_it_is(own, tmp_path):
    from sfumato.core.network import load

    own.save(tmp_path / "front")
    assert (tmp_path / "front" / "weights.safetensors").stat().st_size < 2000
    again = load(tmp_path / "front")
    made = [m.generate("a hill", size=SIZE, steps=1).image for m in (own, again)]
    assert torch.equal(*made)


def test_an_export_is_loaded_by_its_library_and_gives_the_same_picture(own, tmp_path):
    from diffusers import StableDiffusionPipeline

    before = own.generate("a hill", size=SIZE, seed=3, steps=4, guidance=4.0).image
    with torch.no_grad():  # what is written are the weights of now, not those that were read
        for part, seed in ((own.network, 11), (own.autoencoder, 12), (own.words, 13)):
            awake(part, seed)
    made = own.generate("a hill", size=SIZE, seed=3, steps=4, guidance=4.0).image
    own.export(tmp_path / "export")
    own.export(tmp_path / "export")  # an earlier one is replaced
    assert not list((tmp_path / "export").rglob("*.bin"))
    assert not torch.allclose(before, made, atol=1e-2)
    library = StableDiffusionPipeline.from_pretrained(tmp_path / "export", local_files_only=True)
    library.set_progress_bar_config(disable=True)
    theirs = library(
        "a hill", num_inference_steps=4, guidance_scale=4.0, latents=latents(1, 3),
        height=SIZE[0], width=SIZE[1], output_type="np",
    ).images  # fmt: skip
    assert abs(made.permute(0, 2, 3, 1).numpy() - theirs).max() < 1e-4
    again = StableDiffusion(checkpoint=str(tmp_path / "export"))
    found = again.generate("a hill", size=SIZE, seed=3, steps=4, guidance=4.0).image
    assert torch.equal(found, made)


def test_an_export_over_something_else_is_refused(own, tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(FileError):
        own.export(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_checkpoints_that_are_none_are_refused(folders, tmp_path):
    with pytest.raises(FileError, match="no checkpoint /nowhere"):
        StableDiffusion(checkpoint="/nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=r"no model_index\.json"):
        StableDiffusion(checkpoint=str(tmp_path / "empty"))
    other = tmp_path / "other"
    shutil.copytree(folders["epsilon"], other)
    index = json.loads((other / "model_index.json").read_text())
    (other / "model_index.json").write_text(
        json.dumps(index | {"_class_name": "StableDiffusion3Pipeline"})
    )
    with pytest.raises(SpecError, match="StableDiffusion3Pipeline, which is not supported"):
        StableDiffusion(checkpoint=str(other))
    damaged = tmp_path / "damaged"
    shutil.copytree(folders["epsilon"], damaged)
    (damaged / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(FileError, match="cannot be loaded"):
        StableDiffusion(checkpoint=str(damaged))


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtraError, match="diffusers") as caught:
        StableDiffusion(checkpoint="hub:someone/something")
    assert 'pip install "sfumato[diffusion]"' in str(caught.value)


def test_a_checkpoint_is_found_by_its_folder_and_has_a_fingerprint(folders, tmp_path):
    from sfumato.generate.find_diffusion import find_diffusion, fingerprint, picture_size

    folder = str(folders["epsilon"])
    found = find_diffusion(folder)
    assert isinstance(found, StableDiffusion)
    assert picture_size(found) == (16, 16), "8 latents of 2 pixels"
    first = fingerprint(found)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    assert fingerprint(find_diffusion(str(other))) == first
    vae = other / "vae" / "diffusion_pytorch_model.safetensors"
    vae.write_bytes(vae.read_bytes()[:-1] + b"x")
    assert fingerprint(find_diffusion(str(other))) != first
    assert fingerprint(find_diffusion(folder, dtype="float16")) != first


def test_the_command_line_takes_a_checkpoint(folders, tmp_path):
    from click.testing import CliRunner

    from sfumato.cli.main import group
    from sfumato.io.picture import read

    out = tmp_path / "hill.png"
    asked = ["generate", "--weights", str(folders["epsilon"]), "--prompt", "a hill", "--steps", "2"]
    result = CliRunner().invoke(group, [*asked, "--size", "24x16", "-o", str(out), "-q"])
    assert result.exit_code == 0, result.output
    assert read(out).image.shape == (16, 24, 3)
