from __future__ import annotations

import pytest
import torch

from sfumato.core.any_size import predict
from sfumato.core.batch import Batch
from sfumato.core.network import load
from sfumato.errors import ShapeError, SpecError
from sfumato.generate.autoencoder import Autoencoder
from sfumato.generate.latent_diffusion import LatentDiffusion
from sfumato.generate.text import WordEncoder
from sfumato.generate.unet import UNet


def coder(**more):
    torch.manual_seed(1)
    settings = {"channels": 8, "groups": 4, "multipliers": (1, 2), "blocks": 1}
    return Autoencoder(**settings | more)


def painter(autoencoder=None, **more):
    torch.manual_seed(0)
    text = WordEncoder(words=("red", "blue"), width=16, length=4, heads=2, layers=1)
    network = UNet(channels_in=4, channels=16, multipliers=(1, 2), blocks=1, groups=8, context=16)
    method = LatentDiffusion(autoencoder=autoencoder or coder(), network=network, text=text, **more)
    rng = torch.Generator().manual_seed(5)
    for parameter in method.network.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=rng)
    return method.eval()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_codes_have_unit_spread_after_the_first_batch():
    method = painter().train()
    batch = method.practice_batch((16, 16))
    method.loss(batch, "main", seeded())
    scale = method.scale.clone()
    assert method.codes(batch.target).std().item() == pytest.approx(1, rel=1e-4)
    method.loss(batch.but(target=batch.target * 0.5), "main", seeded())
    assert torch.equal(method.scale, scale)


def test_looking_does_not_teach_the_scale():
    method = painter()
    batch = method.practice_batch((16, 16))
    assert method.codes(batch.target).std().item() == pytest.approx(1, rel=1e-4)
    method.loss(batch, "main", seeded())
    assert method.scale.item() == 0


def test_it_is_guided_where_there_is_something_to_be_guided_by():
    method = painter()
    usual = method.generate("red", size=(8, 8), steps=2).image
    assert torch.equal(usual, method.generate("red", size=(8, 8), steps=2, guidance=4.0).image)
    assert not torch.equal(usual, method.generate("red", size=(8, 8), steps=2, guidance=1.0).image)
    alone = LatentDiffusion.example().eval().generate(size=(8, 8), steps=2)
    assert alone.image.shape == (1, 3, 8, 8)


def test_pictures_and_codes_are_each_others_way_back():
    method = painter()
    method.scale.fill_(3.0)
    picture = method.practice_batch((16, 16)).target
    expected = method.autoencoder.decode(method.autoencoder.encode(picture)).clamp(0, 1)
    torch.testing.assert_close(method.pictures(method.codes(picture)), expected)


def test_the_autoencoder_does_not_learn():
    method = painter().train()
    assert not method.autoencoder.training
    sum(method.loss(method.practice_batch((16, 16)), "main", seeded()).values()).backward()
    assert all(p.grad is None for p in method.autoencoder.parameters())
    learning = {id(p) for p in method.parts()["main"]}
    assert not learning & {id(p) for p in method.autoencoder.parameters()}
    assert {id(p) for p in method.text.parameters()} <= learning


def test_pictures_of_any_size_are_made_from_text():
    method = painter()
    assert method.multiple_of == 4
    made = method.generate("red", size=(24, 32), count=2, steps=3, seed=4)
    assert made.image.shape == (2, 3, 24, 32)
    alone = method.generate("red", size=(24, 32), steps=3, seed=5).image
    torch.testing.assert_close(made.image[1:], alone, atol=1e-5, rtol=0)
    odd = predict(method, Batch(torch.zeros(1, 3, 21, 30), text=("red",)), rng=seeded(), steps=2)
    assert odd.image.shape == (1, 3, 21, 30)


@pytest.mark.parametrize("size", [(16, 17), (33, 32)])
def test_a_side_that_the_autoencoder_cannot_halve_is_refused(size):
    method = painter()
    with pytest.raises(ShapeError, match="multiples of 4"):
        method.generate("red", size=size, steps=2)
    with pytest.raises(ShapeError, match="multiples of 4"):
        method.predict(Batch(torch.zeros(1, 3, *size), text=("red",)), steps=2)


def test_only_the_mask_is_painted():
    method = painter()
    picture = method.practice_batch((16, 16)).target
    mask = torch.zeros(2, 16, 16, dtype=torch.int64)
    mask[:, 3:9, 5:12] = 1
    made = method.predict(
        Batch(picture, mask=mask, text=("red", "blue")), rng=seeded(), steps=3, fill_in=True
    ).image
    outside = (mask == 0)[:, None].expand_as(picture)
    assert torch.equal(made[outside], picture[outside])
    assert not torch.allclose(made[~outside], picture[~outside], atol=0.02)


@pytest.mark.parametrize("pictures", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("weights", [torch.bfloat16, torch.float32])
def test_weights_and_pictures_may_have_other_digits(pictures, weights):
    method = painter().to(weights)
    mask = torch.ones(2, 16, 16, dtype=torch.int64)
    batch = Batch(torch.rand(2, 3, 16, 16).to(pictures), mask=mask, text=("red", "blue"))
    for how in ({"fill_in": True}, {"strength": 0.5}):
        made = method.predict(batch, rng=seeded(), steps=2, **how).image
        assert bool(torch.isfinite(made).all())
    assert method.autoencoder.predict(batch).image.shape == (2, 3, 16, 16)


def test_a_code_that_sees_one_pixel_of_the_mask_is_made_anew():
    method = painter()
    mask = torch.zeros(1, 16, 16, dtype=torch.int64)
    mask[0, 5, 8] = 7
    kept = method._kept(Batch(torch.zeros(1, 3, 16, 16), mask=mask), torch.zeros(1, 4, 8, 8))
    assert kept.shape == (1, 1, 8, 8)
    assert (kept == 0).nonzero().tolist() == [[0, 0, 2, 4]]
    assert kept.sum() == 63


def test_all_of_it_is_saved_in_one_folder(tmp_path):
    method = painter()
    method.scale.fill_(2.0)
    method.save(tmp_path / "painter")
    again = load(tmp_path / "painter")
    made = [m.generate("blue", size=(8, 8), steps=2).image for m in (method, again)]
    assert torch.equal(*made)


def test_a_named_autoencoder_is_not_saved_twice(tmp_path):
    coder().save(tmp_path / "coder")
    method = painter(autoencoder=str(tmp_path / "coder"))
    assert torch.equal(
        method.autoencoder.decoder[-1].weight, load(tmp_path / "coder").decoder[-1].weight
    )
    method.save(tmp_path / "painter")
    again = load(tmp_path / "painter")
    made = [m.generate("blue", size=(8, 8), steps=2).image for m in (method, again)]
    assert torch.equal(*made)
    assert not [n for n in method.saved_state() if n.startswith("autoencoder.")]


def test_parts_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(SpecError, match="codes of 8, the network takes 4"):
        painter(autoencoder=coder(latents=8))
    WordEncoder(words=("red",), width=16, heads=2).save(tmp_path / "words")
    with pytest.raises(SpecError, match="expected an Autoencoder"):
        painter(autoencoder=str(tmp_path / "words"))
