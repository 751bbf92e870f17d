"""`sfumato generate` with published checkpoints: what goes wrong is said in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from sfumato.io.picture import read

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tiny_checkpoint import NOISY_LIBRARIES, pipeline, tokenizer

pytestmark = NOISY_LIBRARIES
HOT = 3e3
"""More than 16 bits hold between the layers of the autoencoder, and less than 32 do."""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A checkpoint, some that are ill, and the ControlNets of two."""
    import warnings

    from diffusers import ControlNetModel

    folder = tmp_path_factory.mktemp("checkpoints")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        good, wide = pipeline(), pipeline(channels=(32, 96))
        good.save_pretrained(folder / "good", safe_serialization=True)
        for name, parts in (("narrow", good), ("wide", wide)):
            control = ControlNetModel.from_unet(
                parts.unet, conditioning_embedding_out_channels=(8, 16)
            )
            control.save_pretrained(folder / name, safe_serialization=True)
        shutil.copytree(folder / "good", folder / "other-words")
        words = tokenizer()
        words.add_tokens(["<new>"])
        words.save_pretrained(folder / "other-words" / "tokenizer")
        shutil.copytree(folder / "good", folder / "hot")
        with torch.no_grad():
            for parameter in good.vae.decoder.conv_in.parameters():
                parameter.mul_(HOT)
            for parameter in good.vae.decoder.mid_block.resnets[0].conv2.parameters():
                parameter.mul_(HOT)
        good.vae.save_pretrained(folder / "hot" / "vae", safe_serialization=True)
    return folder


@pytest.fixture
def asked(checkpoints, there):
    for path in checkpoints.iterdir():
        (there / path.name).symlink_to(path)
    return ("generate", "--steps", 2, "-o", "out.png", "--weights")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("other-words",), "the tokenizer knows 191 words, the text encoder 190"),
        (("good", "--control", "wide=old.png"), "widths [32, 96], good has [32, 64]"),
        (("good", "--control", "narrow=b1.png", "--size", "16x16"), "--resize-hints"),
        (("good", "--control", "lines=edges.png"), "there are no weights 'lines'"),
        (("base", "--control", "control=edges.png", "--dtype", "bfloat16"), "no published"),
        (("good", "--steps", "1001"), "outside [1, 1000]"),
        (("hub:nothing",), "write hub:owner/name"),
        (("hub:someone/nothing",), "download the file yourself and give its path"),
        (("good/vae",), "good/vae"),
        (("old.png",), "old.png"),
    ],
)
def test_what_does_not_fit_is_named(refused, asked, monkeypatch, words, said):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert said in refused(*asked, *words)


def test_an_empty_prompt_is_a_prompt_and_a_long_one_is_cut_by_so_many_tokens(run, asked):
    nothing = run(*asked, "good", "--prompt", "")
    assert (nothing.exit_code, nothing.stderr) == (0, "")
    assert read("out.png").image.shape == (16, 16, 3)
    words = ("--prompt", "abcdefghij klmnopqrst", "--count", 3, "--at-once", 1, "--overwrite")
    cut = run(*asked, "good", *words)
    # 20 letters, each a token, between a start and an end: 22 of 16
    assert cut.stderr == "warning: the prompt is 6 tokens too long, its end is cut\n"
    assert run(*asked, "good", *words, "-q").stderr == ""


def test_an_autoencoder_that_overflows_in_16_bits_is_run_in_32_and_the_picture_is_good(run, asked):
    result = run(*asked, "hot", "--prompt", "a hill", "--dtype", "float16")
    assert result.exit_code == 0, result.output
    assert result.stderr == (
        "warning: the autoencoder overflowed in torch.float16, it is run in float32\n"
    )
    assert np.ptp(read("out.png").image) > 20


def test_a_checkpoint_and_its_adapter_make_the_same_picture_again(run, asked):
    words = ("--prompt", "a hill", "--control", "narrow=old.png:0.7", "--memory", "low")
    assert run(*asked, "good", *words).exit_code == 0
    result = run("generate", "--again", "out.png", "-o", "same.png")
    assert "bit for bit out.png" in result.stdout, result.output
    assert Path("out.png").read_bytes() == Path("same.png").read_bytes()
