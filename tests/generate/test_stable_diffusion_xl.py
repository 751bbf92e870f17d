"""Checkpoints of the XL kind, held to the pictures that their own library makes of them."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tiny_checkpoint import NOISY_LIBRARIES, awake, tokenizer, xl_pipeline

from sfumato.core.batch import Batch
from sfumato.errors import FileError, RangeError, ShapeError, SpecError
from sfumato.generate._clip_text import ClipPair, ClipText
from sfumato.generate._published_unet import PublishedUNet, told_sizes
from sfumato.generate.noise import draw_noise, generators
from sfumato.generate.stable_diffusion import StableDiffusion

SIZE = (16, 24)
pytestmark = NOISY_LIBRARIES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import warnings

    found = tmp_path_factory.mktemp("xl") / "checkpoint"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        xl_pipeline().save_pretrained(found, safe_serialization=True)
    return found


@pytest.fixture
def own(folder):
    return StableDiffusion(checkpoint=str(folder))


def changed(folder, new, file, **settings):
    """Copy a checkpoint, with other settings in one of its files."""
    shutil.copytree(folder, new)
    about = json.loads((new / file).read_text())
    (new / file).write_text(json.dumps(about | settings))
    return str(new)


def latents(count, seed):
    like = torch.zeros(count, 4, SIZE[0] // 2, SIZE[1] // 2)
    return draw_noise(like.shape, generators(seed, count), like)


def theirs(pipe, guidance, **options):
    return pipe(
        **{
            "prompt": ["a red hat", "a hill"], "num_inference_steps": 5,
            "guidance_scale": guidance, "latents": latents(2, 3), "height": SIZE[0],
            "width": SIZE[1], "output_type": "np", **options,
        }
    ).images  # fmt: skip


def ours(model, guidance, prompts=("a red hat", "a hill"), **options):
    made = model.generate(prompts, size=SIZE, seed=3, **{"steps": 5, **options}, guidance=guidance)
    return made.image.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("guidance", [1.0, 6.0])
def test_the_pictures_are_those_of_the_library(folder, tmp_path, kind, guidance):
    where = changed(folder, tmp_path / "x", "scheduler/scheduler_config.json", prediction_type=kind)
    model, pipe = StableDiffusion(checkpoint=where), xl_pipeline(prediction=kind)
    expected = theirs(pipe, guidance, negative_prompt=["blue", "blue"])
    assert expected.std() > 0.05
    assert abs(ours(model, guidance, negative="blue") - expected).max() < 1e-4
    assert abs(ours(model, guidance) - theirs(pipe, guidance)).max() < 1e-4


def test_no_negative_prompt_is_all_zeros_only_where_the_checkpoint_says_so(folder, tmp_path):
    where = changed(folder, tmp_path / "x", "model_index.json", force_zeros_for_empty_prompt=False)
    spoken = StableDiffusion(checkpoint=where)
    expected = theirs(xl_pipeline(zeros=False), 6.0)
    assert abs(ours(spoken, 6.0) - expected).max() < 1e-4
    silent = StableDiffusion(checkpoint=str(folder))
    assert abs(ours(silent, 6.0) - expected).max() > 1e-3


def test_a_picture_does_not_depend_on_the_negative_prompts_of_others(own):
    both = ours(own, 6.0, negative=["", "blue"])
    alone = ours(own, 6.0, negative=["", ""])[:1], ours(own, 6.0, negative="blue")[1:]
    for k in (0, 1):
        assert abs(both[k] - alone[k][0]).max() < 1e-5
    with pytest.raises(ShapeError, match="3 negative prompts for 2 pictures"):
        ours(own, 6.0, negative=["", "", ""])


def test_the_network_is_told_the_size_of_the_picture(own):
    told = told_sizes(torch.zeros(2, 4, 8, 12), 2)
    assert told.tolist() == [[16, 24, 0, 0, 16, 24]] * 2
    small, large = (
        own.network(
            torch.ones(1, 4, 8, 8), torch.tensor([500.0]),
            context=torch.zeros(1, 16, 40), pooled=torch.zeros(1, 20),
        )
        for own.network.reduction in (2, 64)
    )  # fmt: skip
    assert not torch.allclose(small, large, atol=1e-3)


def test_what_is_read_from_the_checkpoint(own):
    assert own.is_xl
    assert own.usual_sampling()["guidance"] == 5.0
    said = own.condition(Batch(torch.zeros(2, 3, *SIZE), text=("a", "b")))
    assert said.context.shape == (2, 16, 40)
    assert said.pooled.shape == (2, 20)
    forgotten = own.condition(
        Batch(torch.zeros(2, 3, *SIZE), text=("a", "b")), torch.tensor([True, False])
    )
    assert not forgotten.pooled[0].any()
    torch.testing.assert_close(forgotten.context[1], said.context[1])


def test_masks_and_starting_pictures_work(own):
    picture = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(1, *SIZE, dtype=torch.int64)
    mask[:, :, 10:] = 1
    batch = Batch(picture, mask=mask, text=("a hill",))
    made = own.predict(batch, rng=generators(0, 1), steps=3, fill_in=True).image
    assert torch.equal(made[..., :10], picture[..., :10])
    assert not torch.allclose(made[..., 10:], picture[..., 10:], atol=0.05)


def test_an_export_is_loaded_by_its_library_and_gives_the_same_picture(own, tmp_path):
    from diffusers import StableDiffusionXLPipeline

    with torch.no_grad():  # what is written are the weights of now, not those that were read
        for part, seed in ((own.network, 11), (own.autoencoder, 12), (own.words, 13)):
            awake(part, seed)
    made = ours(own, 4.0)
    own.export(tmp_path / "export")
    library = StableDiffusionXLPipeline.from_pretrained(
        tmp_path / "export", local_files_only=True, add_watermarker=False
    )
    library.set_progress_bar_config(disable=True)
    assert abs(made - theirs(library, 4.0)).max() < 1e-4
    again = StableDiffusion(checkpoint=str(tmp_path / "export"))
    assert (ours(again, 4.0) == made).all()


def test_an_autoencoder_that_is_known_to_overflow_is_run_in_single_precision(folder):
    model = StableDiffusion(checkpoint=str(folder), dtype="float16")
    assert model.autoencoder.vae.dtype == torch.float32
    assert model.network.unet.dtype == torch.float16
    assert StableDiffusion(checkpoint=str(folder), dtype="bfloat16").autoencoder.vae.dtype == (
        torch.bfloat16
    )


def test_codes_with_a_mean_and_a_spread_of_their_own_are_read_as_such(folder, tmp_path):
    told = {"latents_mean": [0.1, -0.2, 0.3, 0.0], "latents_std": [0.9, 1.1, 0.8, 1.2]}
    where = changed(folder, tmp_path / "x", "vae/config.json", **told)
    model, pipe = StableDiffusion(checkpoint=where), xl_pipeline()
    plain = theirs(pipe, 4.0)
    pipe.vae.register_to_config(**told)
    expected = theirs(pipe, 4.0)
    assert abs(expected - plain).max() > 1e-2
    assert abs(ours(model, 4.0) - expected).max() < 1e-4
    codes = model.codes(torch.full((1, 3, 8, 8), 0.5))
    whole = StableDiffusion(checkpoint=str(folder)).codes(torch.full((1, 3, 8, 8), 0.5))
    mean, spread = (torch.tensor(told[k]).reshape(1, 4, 1, 1) for k in told)
    scale = model.autoencoder.scale
    torch.testing.assert_close(codes, (whole / scale - mean) / spread * scale)


@pytest.mark.parametrize(("dtype", "near"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_sixteen_bits_make_nearly_the_same_picture(own, folder, dtype, near):
    half = StableDiffusion(checkpoint=str(folder), dtype=dtype, memory="offload")
    made, whole = (ours(model, 3.0, negative="blue") for model in (half, own))
    assert 0 < abs(made - whole).max() < near


def test_the_network_as_published_is_taken_and_that_of_the_refiner_is_not():
    from diffusers import UNet2DConditionModel

    down = ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D")
    up = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")
    settings = {
        "sample_size": 128, "block_out_channels": (320, 640, 1280), "down_block_types": down,
        "up_block_types": up, "attention_head_dim": (5, 10, 20), "cross_attention_dim": 2048,
        "transformer_layers_per_block": (1, 2, 10), "use_linear_projection": True,
        "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
    }  # fmt: skip
    with torch.device("meta"):
        base = UNet2DConditionModel(**settings, projection_class_embeddings_input_dim=2816)
    taken = PublishedUNet(base, reduction=8, pooled=1280)
    assert sum(p.numel() for p in taken.parameters()) == 2_567_463_684
    with torch.device("meta"):  # an aesthetic score and one size less
        base.add_embedding.linear_1 = torch.nn.Linear(2560, 1280)
    with pytest.raises(SpecError, match="is told 2560 numbers besides the text"):
        PublishedUNet(base, reduction=8, pooled=1280)


def test_a_refiner_is_refused(folder, tmp_path):
    where = changed(folder, tmp_path / "x", "model_index.json", text_encoder=[None, None])
    with pytest.raises(SpecError, match="is a refiner") as caught:
        StableDiffusion(checkpoint=where)
    assert "name the base checkpoint" in str(caught.value)


def test_encoders_and_tokenizers_that_do_not_fit_are_named():
    parts = xl_pipeline()
    small = tokenizer()
    small.add_tokens(["<new>"])
    first = ClipText(parts.tokenizer, parts.text_encoder, "the first text encoder")
    with pytest.raises(SpecError, match="191 words, the second text encoder 190"):
        ClipText(small, parts.text_encoder_2, "the second text encoder")
    short = tokenizer()
    short.model_max_length = 8
    with pytest.raises(SpecError, match="read 16 and 8 tokens"):
        ClipPair(first, ClipText(short, parts.text_encoder_2), zeros=True)
    with pytest.raises(SpecError, match="wants two text encoders, there is one"):
        PublishedUNet(parts.unet)
    with pytest.raises(SpecError, match="is told 68 numbers besides the text"):
        PublishedUNet(parts.unet, pooled=24)


def test_the_wrong_second_tokenizer_is_told_when_the_folder_is_loaded(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "x")
    small = tokenizer()
    small.add_tokens(["<new>"])
    shutil.rmtree(tmp_path / "x" / "tokenizer_2")
    small.save_pretrained(tmp_path / "x" / "tokenizer_2")
    with pytest.raises(SpecError, match="191 words, the second text encoder 190"):
        StableDiffusion(checkpoint=str(tmp_path / "x"))


@pytest.mark.parametrize(
    ("part", "said"),
    [("words", "text encoder answered"), ("network", "U-Net answered"), ("autoencoder", "NaN")],
)
def test_damaged_weights_are_told_by_the_part_that_has_them(own, part, said):
    with torch.no_grad():
        for parameter in getattr(own, part).parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(RangeError, match=said):
        ours(own, 2.0)


def test_a_missing_part_is_named(folder, tmp_path):
    for part in ("vae", "text_encoder_2", "tokenizer_2", "scheduler"):
        where = tmp_path / part
        shutil.copytree(folder, where)
        shutil.rmtree(where / part)
        with pytest.raises(FileError, match=f"the part '{part}' is missing"):
            StableDiffusion(checkpoint=str(where))
