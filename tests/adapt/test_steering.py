"""Adapters at work: strengths, windows, guess mode, several at once, and learning."""

from __future__ import annotations

import pytest
import torch

from sfumato.adapt import ControlNet, Steer, T2IAdapter
from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.adapt.steer import guess_strengths
from sfumato.core.batch import Batch
from sfumato.errors import RangeError, ShapeError, SpecError
from sfumato.generate import Residuals
from sfumato.generate.asked import Asked


class Told(HintAdapter):
    """Says what it was asked, to be looked at."""

    def __init__(self, *, once: bool = False) -> None:
        super().__init__()
        self.once = once  # type: ignore[misc]
        self.hint_channels, self.reduction, self.calls = 1, 1, 0

    def forward(self, hint, asked):
        self.calls += 1
        return (
            Residuals(down=(hint, hint), middle=hint)
            if not self.once
            else Residuals(levels=(hint,))
        )


def asked(progress: float, count: int = 2, unguided: int = 0) -> Asked:
    return Asked(
        torch.zeros(count, 1, 4, 4), torch.zeros(count), unguided=unguided, progress=progress
    )


HINT = torch.ones(1, 1, 4, 4)


def test_an_adapter_acts_in_its_window_only():
    steer = Steer(Told(), HINT, window=(0.25, 0.5))
    acted = [steer(asked(p)) is not None for p in (0.0, 0.25, 0.49, 0.5, 0.99)]
    assert acted == [False, True, True, False, False]
    assert Steer(Told(), HINT)(asked(0.99)) is not None


def test_a_window_that_is_none_is_refused():
    for window in ((0.5, 0.5), (0.7, 0.2), (-0.1, 1.0), (0.0, 1.5)):
        with pytest.raises(RangeError, match="no part of the way"):
            Steer(Told(), HINT, window=window)


def test_features_of_the_hint_alone_are_worked_out_once():
    once, each = Told(once=True), Told()
    for steer in (Steer(once, HINT), Steer(each, HINT)):
        for progress in (0.0, 0.3, 0.6):
            steer(asked(progress))
    assert (once.calls, each.calls) == (1, 3)


def test_features_are_those_of_the_hint_and_the_weights_of_now():
    told = Told(once=True)
    steer = Steer(told, HINT, window=(0.2, 1.0))
    for progress in (0.0, 0.25, 0.5, 0.5, 0.75):
        steer(asked(progress))
    assert told.calls == 1
    steer.hint = 2.0 * HINT
    assert steer(asked(0.25)).levels[0].max() == 2, "another picture begins"
    assert steer(asked(0.5)).levels[0].max() == 2
    assert told.calls == 2
    assert len(steer(asked(0.75, count=4)).levels[0]) == 4


def test_one_step_is_a_picture_of_its_own():
    told = Told(once=True)
    steer = Steer(told, HINT)
    for strength in (1.0, 3.0):
        steer.hint = strength * HINT
        assert steer(asked(0.0)).levels[0].max() == strength


def test_guess_mode_is_silent_without_prompt_and_fades_outwards():
    said = Steer(Told(), HINT, guess_mode=True)(asked(0.0, count=4, unguided=2))
    for feature, strength in zip((*said.down, said.middle), guess_strengths(3), strict=True):
        assert not feature[:2].any()
        torch.testing.assert_close(feature[2:], torch.full((2, 1, 4, 4), strength))


def test_guess_mode_of_stable_diffusion_has_the_published_strengths():
    strengths = guess_strengths(13)
    assert strengths[-1] == 1.0
    assert strengths[0] == pytest.approx(0.825**12)


@pytest.fixture(params=[ControlNet, T2IAdapter])
def method(request):
    torch.manual_seed(0)
    method = request.param.example().eval()
    for parameter in method.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return method


def made(method, batch, **options):
    return method.predict(batch, steps=3, **options).image


def test_strength_0_is_the_base_alone_and_more_changes_more(method):
    batch = method.practice_batch((16, 16))
    plain = method.base.predict(batch, steps=3).image
    torch.testing.assert_close(made(method, batch, strength=0.0), plain, rtol=0, atol=0)
    change = [(made(method, batch, strength=s) - plain).abs().mean() for s in (0.2, 1.0)]
    assert 0 < change[0] < change[1]


def test_the_hint_is_followed_in_its_own_picture_only(method):
    """Another hint for the second picture changes that one and not the first."""
    batch = method.practice_batch((16, 16))
    other = batch.need("hint").clone()
    other[1] = 1.0 - other[1]
    first, second = made(method, batch), made(method, batch.but(hint=other))
    torch.testing.assert_close(first[0], second[0])
    assert (first[1] - second[1]).abs().max() > 1e-4


def test_a_pyramid_is_asked_once_a_picture_and_a_control_at_every_step(method):
    calls = []
    method.adapter.register_forward_hook(lambda *_: calls.append(1))
    batch = method.practice_batch((16, 16))
    for pictures in (1, 2):
        made(method, batch, guidance=2.0)
        assert len(calls) == pictures * (1 if isinstance(method, T2IAdapter) else 3)


def test_guidance_asks_twice_and_still_fits(method):
    batch = method.practice_batch((16, 16))
    strong = made(method, batch, guidance=3.0)
    assert strong.shape == batch.image.shape
    assert (strong - made(method, batch)).abs().max() > 1e-4
    guess = made(method, batch, guidance=3.0, guess_mode=True)
    assert (strong - guess).abs().max() > 1e-5


@pytest.mark.parametrize("halved", ["base", "adapter", "both"])
def test_base_and_adapter_may_have_other_digits(method, halved):
    batch = method.practice_batch((16, 16))

    def drawn():
        return made(method, batch, guidance=2.0, rng=torch.Generator().manual_seed(0))

    full = drawn()
    for part in ("base", "adapter"):
        if halved in (part, "both"):
            getattr(method, part).to(torch.bfloat16)
    assert (drawn().float() - full).abs().mean() < 0.1
    if halved == "base":
        method.train()
        terms = method.loss(batch, "main", torch.Generator().manual_seed(0))
        sum(terms.values()).backward()
        assert all(p.grad.dtype == torch.float32 for p in method.parts()["main"])


def test_two_adapters_together_differ_from_either():
    torch.manual_seed(1)
    control = ControlNet.example().eval()
    pyramid = T2IAdapter(base=control.base).eval()
    for parameter in (*control.adapter.parameters(), *pyramid.adapter.parameters()):
        parameter.data += 0.05 * torch.randn_like(parameter)
    batch = control.practice_batch((16, 16))
    both = made(control, batch, adapters=((Steer(pyramid.adapter, batch.need("hint")), 0.7),))
    for alone in (control, pyramid):
        assert (both - made(alone, batch)).abs().max() > 1e-4


def test_a_hint_of_another_size_is_resized_only_when_asked(method):
    batch = method.practice_batch((16, 16))
    small = batch.but(hint=batch.need("hint")[..., ::2, ::2].contiguous())
    with pytest.raises(ShapeError, match="resize_hint=True"):
        made(method, small)
    assert made(method, small, resize_hint=True).shape == batch.image.shape


def test_learning_moves_the_adapter_and_never_the_base(method):
    before = {n: p.clone() for n, p in method.named_parameters()}
    batch = method.practice_batch((16, 16))
    method.train()
    assert not method.base.training
    optimiser = torch.optim.SGD(method.parts()["main"], 0.1)
    terms = method.loss(batch, "main", torch.Generator().manual_seed(0))
    sum(terms.values()).backward()
    optimiser.step()
    for name, parameter in method.named_parameters():
        if name.startswith("base."):
            assert torch.equal(parameter, before[name]), name
    moved = [n for n, p in method.named_parameters() if not torch.equal(p, before[n])]
    assert moved
    assert all(name.startswith("adapter.") for name in moved)


def test_an_adapter_draws_its_own_steps_and_drops_its_own_share_of_captions():
    base = ControlNet.example_base()
    base.drop, base.times = 0.0, None  # the base's own are not asked

    def loss(caption, **options):
        torch.manual_seed(0)
        method = ControlNet(base=base, hint_widths=(8,), **options)
        batch = method.practice_batch((16, 16)).but(text=(caption, caption))
        return method.loss(batch, "main", torch.Generator().manual_seed(0))["mse"].item()

    assert loss("a red circle", drop=0.0) != loss("a green square", drop=0.0)
    assert loss("a red circle", drop=1.0) == loss("a green square", drop=1.0)
    assert loss("a red circle", drop=1.0) == loss("", drop=0.0)


@pytest.mark.parametrize(("times", "mean"), [("uniform", 0.5), ("cubic", 0.75)])
def test_noisy_steps_are_taught_more_often_where_that_is_asked_for(times, mean):
    method = T2IAdapter(base=ControlNet.example_base(), times=times)
    told = []
    method.base.network.register_forward_pre_hook(lambda _, given: told.append(given[1]))
    batch = method.practice_batch((8, 8))
    many = Batch(**{n: t.repeat(40, *([1] * (t.ndim - 1))) for n, t in batch.tensors().items()},
                 text=batch.text * 40)  # fmt: skip
    with torch.no_grad():
        for seed in range(5):
            method.loss(many, "main", torch.Generator().manual_seed(seed))
    # the mean of 1 - u is 1 / 2, of 1 - u^3 it is 3 / 4
    assert torch.cat(told).mean().item() / 1000 == pytest.approx(mean, abs=0.04)


def test_an_unlocked_decoder_learns_along():
    method = ControlNet(base=ControlNet.example_base(), hint_widths=(8,), unlocked=True)
    learning = {n for n, p in method.named_parameters() if p.requires_grad}
    assert any(n.startswith("base.network.decoder") for n in learning)
    assert not any(n.startswith(("base.network.encoder", "base.text")) for n in learning)


def test_an_adapter_for_a_named_base_saves_without_it(tmp_path):
    base = ControlNet.example_base()
    base.save(tmp_path / "base")
    method = ControlNet(base=str(tmp_path / "base"), hint_widths=(8,))
    for parameter in method.adapter.parameters():
        parameter.data += 0.05
    method.save(tmp_path / "control")
    from safetensors.torch import load_file

    names = load_file(tmp_path / "control" / "weights.safetensors")
    assert names
    assert all(name.startswith("adapter.") for name in names)
    loaded = ControlNet.load(tmp_path / "control")
    batch = method.practice_batch((16, 16))
    torch.testing.assert_close(made(loaded, batch), made(method.eval(), batch), rtol=0, atol=0)


def test_a_base_that_is_no_diffusion_is_refused(tmp_path):
    from sfumato.generate import UNet

    UNet.example().save(tmp_path / "unet")
    with pytest.raises(SpecError, match="no diffusion"):
        ControlNet(base=str(tmp_path / "unet"))


def test_any_size_that_both_can_halve_works(method):
    batch = method.practice_batch((8, 24))
    assert isinstance(batch, Batch)
    assert made(method, batch).shape == (2, 3, 8, 24)
