from __future__ import annotations

import math

import pytest
import torch

from sfumato.core.batch import Batch
from sfumato.core.network import load
from sfumato.errors import RangeError, ShapeError
from sfumato.generate.autoencoder import Autoencoder, _Half
from sfumato.generate.patch_critic import PatchCritic


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def small(**more):
    torch.manual_seed(0)
    settings = {"channels": 8, "groups": 4, "multipliers": (1, 2), "blocks": 1}
    return Autoencoder(**settings | more)


def learn(method, batch, steps, part="coder", lr=3e-3):
    optimiser = torch.optim.AdamW(method.parts()[part], lr=lr)
    for step in range(steps):
        optimiser.zero_grad()
        sum(method.loss(batch, part, seeded(step)).values()).backward()
        optimiser.step()


def test_the_published_size_comes_out():
    with torch.device("meta"):
        coder = Autoencoder(channels=128, multipliers=(1, 2, 4, 4), blocks=2)
    # and one number: the learned uncertainty of its loss
    assert coder.parameter_count - 1 == 83_653_863
    assert coder.multiple_of == 8


@pytest.mark.parametrize("kl_weight", [0.0, 1e-6])
def test_learning_brings_pictures_back(kl_weight):
    method = small(kl_weight=kl_weight)
    batch = method.practice_batch((16, 16))
    before = (method.predict(batch).image - batch.image).abs().mean()
    learn(method, batch.but(target=None), 60)
    after = (method.predict(batch).image - batch.image).abs().mean()
    assert after < 0.5 * before


def test_the_loss_is_summed_over_the_picture():
    # With nothing learned the uncertainty is 0, so the term is the sum of absolute differences
    # of pictures from -1 to 1.
    method = small(kl_weight=0.0)
    batch = method.practice_batch((16, 16))
    read = method.decode(method.encode(batch.target))
    expected = (2 * (batch.target - read)).abs().sum() / 2
    found = method.loss(batch, "coder", seeded())
    assert list(found) == ["missed"]
    torch.testing.assert_close(found["missed"], expected)


def test_the_divergence_is_that_of_the_normal_distribution():
    method = small(kl_weight=0.5)
    batch = method.practice_batch((16, 16))
    mean, log_variance = method.distribution(batch.target)
    own = torch.distributions.Normal(mean, (log_variance / 2).exp())
    standard = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = torch.distributions.kl_divergence(own, standard).sum() / 2
    torch.testing.assert_close(method.loss(batch, "coder", seeded())["kl"], 0.5 * expected)


def test_the_loss_reads_drawn_codes_and_is_weighed_by_its_uncertainty():
    method = small(kl_weight=1e-6)
    with torch.no_grad():
        method.uncertainty.fill_(0.7)
    batch = method.practice_batch((16, 16))
    mean, log_variance = method.distribution(batch.target)
    drawn = mean + log_variance.exp().sqrt() * torch.randn(mean.shape, generator=seeded())
    missed = (2 * batch.target - 2 * method.decode(drawn)).abs()
    wanted = (missed / math.exp(0.7) + 0.7).sum() / 2
    torch.testing.assert_close(method.loss(batch, "coder", seeded())["missed"], wanted)


@pytest.mark.parametrize(("said", "kept"), [(-100.0, -30.0), (-25.0, -25.0), (15.0, 15.0)])
def test_the_spread_of_codes_has_bounds(said, kept):
    method = small()
    with torch.no_grad():
        method.encoder[-1].weight.zero_()
        method.encoder[-1].bias.copy_(torch.tensor([0.0] * 4 + [said] * 4))
    _, log_variance = method.distribution(torch.rand(1, 3, 8, 8))
    torch.testing.assert_close(log_variance, torch.full_like(log_variance, kept))


def test_halving_looks_beyond_the_right_and_lower_border_only():
    half = _Half(1)
    torch.nn.init.zeros_(half.conv.bias)
    x = torch.rand(1, 1, 6, 8)
    for row, column in ((0, 0), (2, 2)):
        with torch.no_grad():
            half.conv.weight.zero_()
            half.conv.weight[0, 0, row, column] = 1
        seen = torch.zeros(1, 1, 8, 10)
        seen[..., :6, :8] = x
        torch.testing.assert_close(half(x), seen[..., row : row + 6 : 2, column : column + 8 : 2])


def test_readings_are_pictures():
    method = small()
    batch = Batch(torch.rand(1, 3, 8, 8))
    for bias in (-9.0, 9.0):
        with torch.no_grad():
            method.decoder[-1].bias.fill_(bias)
        made = method.predict(batch).image
        assert made.min() >= 0
        assert made.max() <= 1


def test_the_critic_is_shown_drawn_codes():
    method = small(critic_weight=0.5)
    batch = method.practice_batch((32, 32))
    one, same, other = (
        method.loss(batch, "critic", seeded(seed))["critic"].item() for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_a_critic_of_three_layers_looks_at_70_pixels():
    critic = PatchCritic(1, 4).eval()
    x = torch.rand(1, 1, 128, 128, requires_grad=True)
    judged = critic(x)
    assert judged.shape == (1, 1, 14, 14)
    judged[0, 0, 7, 7].backward()
    rows, columns = x.grad[0, 0].nonzero().T
    assert int(rows.max() - rows.min()) + 1 == 70
    assert int(columns.max() - columns.min()) + 1 == 70


def test_codes_are_means_unless_drawn():
    method = small()
    pictures = method.practice_batch((16, 16)).image
    mean, log_variance = method.distribution(pictures)
    assert torch.equal(method.encode(pictures), mean)
    drawn = torch.stack([method.encode(pictures, seeded(k)).detach() for k in range(400)])
    torch.testing.assert_close(drawn.mean(dim=0), mean, atol=0.35, rtol=0)
    spread = (log_variance / 2).exp()
    torch.testing.assert_close(drawn.std(dim=0) / spread, torch.ones_like(mean), atol=0.2, rtol=0)


def test_the_critic_and_the_coder_learn_apart():
    method = small(critic_weight=0.5)
    batch = method.practice_batch((32, 32))
    parts = method.parts()
    assert list(parts) == ["coder", "critic"]
    for part, others in (("coder", "critic"), ("critic", "coder")):
        method.zero_grad()
        sum(method.loss(batch, part, seeded()).values()).backward()
        assert all(p.grad is not None for p in parts[part]), part
        assert all(p.grad is None for p in parts[others]), part
        assert all(p.requires_grad for p in method.parameters())


def test_the_say_of_the_critic_is_scaled_to_the_rest():
    method = small(critic_weight=1.0, kl_weight=0.0)
    batch = method.practice_batch((32, 32))
    last = method.decoder[-1].weight
    terms = method.loss(batch, "coder", seeded())
    own, other = (
        torch.autograd.grad(terms[name], last, retain_graph=True)[0].norm()
        for name in ("missed", "fooled")
    )
    # own / (other + 1e-4) with the other's unscaled length: equal lengths but for that
    assert (other / own).item() == pytest.approx(1, abs=0.05)


def test_the_critic_is_not_heard_before_its_time():
    method = small(critic_weight=0.5, critic_after=10)
    batch = method.practice_batch((32, 32))
    assert "fooled" not in method.loss(batch, "coder", seeded())
    assert method.loss(batch, "critic", seeded())["critic"].item() == 0
    method.step = 10
    assert "fooled" in method.loss(batch, "coder", seeded())
    assert method.loss(batch, "critic", seeded())["critic"].item() > 0


def test_a_critic_learns_to_tell_readings_from_pictures():
    method = small(critic_weight=0.5)
    batch = method.practice_batch((32, 32))
    before = method.loss(batch, "critic", seeded())["critic"].item()
    learn(method, batch, 20, part="critic", lr=1e-3)
    assert method.loss(batch, "critic", seeded())["critic"].item() < 0.5 * before


def test_a_perceptual_distance_counts_and_is_not_saved(tmp_path):
    method = small(perceptual="random")
    plain = small()
    plain.load_state_dict(method.state_dict(), strict=False)
    batch = method.practice_batch((32, 32))
    with_it = method.loss(batch, "coder", seeded())["missed"]
    without = plain.loss(batch, "coder", seeded())["missed"]
    assert with_it > without
    method.save(tmp_path / "coder")
    again = load(tmp_path / "coder")
    assert torch.equal(again.predict(batch).image, method.eval().predict(batch).image)
    assert (tmp_path / "coder" / "weights.safetensors").stat().st_size < 1_000_000


@pytest.mark.parametrize("multipliers", [(), (0, 1)])
def test_levels_that_are_none_are_refused(multipliers):
    with pytest.raises(RangeError, match="numbers of 1 or more"):
        small(multipliers=multipliers)


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(ShapeError, match="multiples of 2"):
        small().predict(Batch(torch.zeros(1, 3, 8, 9)))
