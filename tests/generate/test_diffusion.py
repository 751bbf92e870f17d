from __future__ import annotations

import pytest
import torch

from sfumato.core.batch import Batch
from sfumato.core.network import load
from sfumato.errors import FieldError, RangeError, SpecError
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.improved_ddpm import ImprovedDDPM
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.residuals import Residuals
from sfumato.generate.schedule import CosineSchedule, ScaledLinearSchedule
from sfumato.generate.text import WordEncoder
from sfumato.generate.unet import UNet

SHORT = DiffusionProcess(schedule=CosineSchedule(steps=100))
WORDS = ("red", "blue", "circle")


def awake(method):
    """Give weights to what starts at zero: a new network answers with nothing."""
    rng = torch.Generator().manual_seed(5)
    for parameter in method.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=rng)
    return method.eval()


def unet(**more):
    torch.manual_seed(0)
    return UNet(channels=16, multipliers=(1, 2), blocks=1, groups=8, attention_at=(2,), **more)


def painter(**more):
    text = WordEncoder(words=WORDS, width=16, length=4, heads=2, layers=1)
    return awake(Diffusion(network=unet(context=16), process=SHORT, text=text, drop=0.2, **more))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("target", ["noise", "clean", "velocity"])
def test_learning_lowers_the_loss(target):
    method = Diffusion(network=unet(), process=SHORT, target=target)
    batch = method.practice_batch((16, 16))
    optimiser = torch.optim.AdamW(method.parameters(), lr=2e-3)

    def loss(step):
        return sum(method.loss(batch, "main", seeded(step)).values())

    before = sum(float(loss(k).detach()) for k in range(100, 108))
    for step in range(30):
        optimiser.zero_grad()
        loss(step).backward()
        optimiser.step()
    after = sum(float(loss(k).detach()) for k in range(100, 108))
    assert after < 0.8 * before


def test_a_network_that_knows_the_answer_has_no_loss():
    # The picture is grey, so its code is zero and the velocity is alpha times the noise: not
    # known to the network. Asked for the clean picture, a new network answers zero: right.
    method = Diffusion(network=unet(), process=SHORT, target="clean")
    batch = Batch(torch.full((2, 3, 8, 8), 0.5))
    assert method.loss(batch, "main", seeded())["mse"].item() == 0


def test_a_picture_has_its_seed_in_any_batch():
    method = painter()
    three = method.generate("red circle", size=(16, 16), count=3, seed=7, steps=4).image
    alone = method.generate("red circle", size=(16, 16), seed=9, steps=4).image
    torch.testing.assert_close(three[2:], alone, atol=1e-5, rtol=0)
    assert not torch.allclose(three[0], three[1])
    assert three.min() >= 0
    assert three.max() <= 1


@pytest.mark.parametrize("sampler", ["ancestral", "ddim", "euler", "heun", "dpm_solver"])
def test_the_same_seed_gives_the_same_picture_and_another_another(sampler):
    method = painter()

    def made(seed):
        return method.generate(
            "blue", size=(8, 8), seed=seed, steps=3, sampler=sampler, guidance=3.0
        ).image

    assert torch.equal(made(1), made(1))
    assert not torch.equal(made(1), made(2))


def test_text_and_guidance_change_the_picture():
    method = painter()

    def made(text, **options):
        return method.generate(text, size=(8, 8), steps=3, **options).image

    assert not torch.allclose(made("red"), made("blue"), atol=1e-4)
    assert torch.equal(made("red", guidance=1.0), made("red"))
    assert not torch.allclose(made("red", guidance=5.0), made("red"), atol=1e-4)
    # A guidance of 0 is what is made without the text.
    torch.testing.assert_close(made("red", guidance=0.0), made(""), atol=1e-4, rtol=0)
    # What it is guided away from matters.
    away = made("red", guidance=5.0, negative="blue")
    assert not torch.allclose(away, made("red", guidance=5.0), atol=1e-4)
    # Away from itself is nowhere.
    torch.testing.assert_close(
        made("red", guidance=5.0, negative="red"), made("red"), atol=1e-3, rtol=0
    )


def test_a_low_strength_stays_near_the_picture():
    method = painter()
    picture = method.practice_batch((16, 16)).target
    batch = Batch(picture, text=("red", "blue"))
    near = method.predict(batch, rng=seeded(), steps=50, strength=0.02).image
    far = method.predict(batch, rng=seeded(), steps=50, strength=1.0).image
    assert (near - picture).abs().mean() < 0.1
    assert (far - picture).abs().mean() > (near - picture).abs().mean()


def test_only_the_mask_is_painted():
    method = painter()
    picture = method.practice_batch((16, 16)).target
    mask = torch.zeros(2, 16, 16, dtype=torch.int64)
    mask[:, 4:9, 3:12] = 1
    batch = Batch(picture, mask=mask, text=("red", "red"))
    made = method.predict(batch, rng=seeded(), steps=5, fill_in=True, sampler="dpm_solver").image
    inside = (mask > 0)[:, None].expand_as(picture)
    assert torch.equal(made[~inside], picture[~inside])
    assert not torch.allclose(made[inside], picture[inside], atol=0.05)


def test_classes_steer_and_the_last_one_means_none():
    method = awake(Diffusion(network=unet(classes=4), process=SHORT, drop=0.5))

    def made(label, **options):
        return method.generate(size=(8, 8), label=label, steps=3, **options).image

    assert not torch.allclose(made(0), made(1), atol=1e-4)
    torch.testing.assert_close(made(1, guidance=0.0), made(3), atol=1e-4, rtol=0)
    batch = Batch(torch.rand(4, 3, 8, 8), label=torch.arange(4))
    dropped = method.condition(batch, torch.tensor([True, False, True, False])).label
    assert dropped.tolist() == [3, 1, 3, 3]


def test_adapters_are_asked_at_every_step_and_weighted():
    method = painter()
    seen = []

    def adapter(asked):
        seen.append((len(asked.x), asked.unguided, round(asked.progress, 2), asked.times[0].item()))
        hint = asked.repeated(torch.ones(1, 32, 1, 1))
        return Residuals(middle=hint.expand(-1, -1, 4, 4))

    def made(*adapters, **options):
        return method.generate("red", size=(8, 8), steps=4, adapters=adapters, **options).image

    base = made()
    steered = made((adapter, 1.0))
    assert [s[2] for s in seen] == [0.0, 0.25, 0.5, 0.75]
    assert [s[:2] for s in seen] == [(1, 0)] * 4
    assert [s[3] for s in seen] == sorted((s[3] for s in seen), reverse=True)
    assert not torch.allclose(steered, base, atol=1e-4)
    torch.testing.assert_close(made((adapter, 0.25), (adapter, 0.75)), steered, atol=1e-5, rtol=0)
    torch.testing.assert_close(made((adapter, 1.0), (adapter, -1.0)), base, atol=1e-5, rtol=0)
    seen.clear()
    assert torch.equal(made((adapter, 0.0)), base)
    assert not seen
    made((adapter, 1.0), guidance=2.0)
    assert {s[:2] for s in seen} == {(2, 1)}


def test_what_the_importance_sampler_learned_is_saved(tmp_path):
    method = ImprovedDDPM(
        network=unet(channels_out=6), process=SHORT, objective="vlb", times="importance"
    )
    batch = method.practice_batch((8, 8))
    for step in range(5):
        method.loss(batch, "main", seeded(step))
    assert int(method.times.counts.sum()) == 10
    method.save(tmp_path / "it")
    again = load(tmp_path / "it")
    assert torch.equal(again.times.losses, method.times.losses)
    method.eval().loss(batch, "main", seeded(9))
    assert int(method.times.counts.sum()) == 10


def test_a_saved_method_makes_the_same_picture(tmp_path):
    method = painter()
    method.save(tmp_path / "painter")
    again = load(tmp_path / "painter")
    made = [m.generate("red circle", size=(8, 8), steps=2).image for m in (method, again)]
    assert torch.equal(*made)


def test_a_short_process_is_sampled_in_all_its_steps_unless_told():
    short = DiffusionProcess(schedule=CosineSchedule(steps=4))
    method = awake(Diffusion(network=unet(), process=short))
    made = method.generate(size=(16, 16))
    assert torch.equal(made.image, method.generate(size=(16, 16), steps=4).image)
    with pytest.raises(RangeError, match=r"steps: 5 is outside \[1, 4\]"):
        method.generate(size=(16, 16), steps=5)


def test_bits_are_what_a_new_model_pays():
    # It believes in grey pictures; smooth ones in the middle cost it some bits at every step.
    method = ImprovedDDPM(network=unet(channels_out=6), process=SHORT)
    batch = Batch((method.practice_batch((8, 8)).target * 255).round() / 255)
    cost = method.bits(batch, seeded())
    assert cost.steps.shape == (2, 100)
    assert bool(torch.isfinite(cost.total).all())
    assert cost.total.min() > 3
    fixed = painter().bits(batch.but(text=("red", "blue")), seeded())
    assert bool(torch.isfinite(fixed.total).all())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("cifar10", 52_546_438), ("imagenet64", 121_063_942), ("imagenet64-by-class", 273_049_350),
        ("lsun256", 113_676_678),
    ],
)  # fmt: skip
def test_published_models_are_built_by_name(name, count):
    with torch.device("meta"):
        method = ImprovedDDPM.published(name)
    assert method.parameter_count == count
    steps = 1000 if name == "lsun256" else 4000
    assert len(method.process) == steps
    told = method.told(torch.tensor([steps - 1])).item()
    assert told == pytest.approx(3999 if name == "imagenet64-by-class" else 1000 - 1000 / steps)


def test_a_learned_variance_needs_twice_the_channels():
    with pytest.raises(SpecError, match="3 channels, 6 are needed"):
        ImprovedDDPM(network=unet())
    with pytest.raises(SpecError, match="tokens of None, the text encoder gives 16"):
        Diffusion(network=unet(), text=WordEncoder(words=WORDS, width=16, heads=2))


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"sampler": "eular"}, SpecError, "did you mean 'euler'"),
        ({"steps": 0}, RangeError, "below 1"),
        ({"steps": 101}, RangeError, "101"),
        ({"strength": 0.0}, RangeError, "strength"),
    ],
)
def test_settings_that_make_no_picture_are_refused(options, error, said):
    with pytest.raises(error, match=said):
        painter().generate("red", size=(8, 8), **options)


def test_guidance_without_a_condition_is_refused():
    with pytest.raises(FieldError, match="needs a condition"):
        Diffusion(network=unet(), process=SHORT).generate(size=(8, 8), guidance=2.0)


def test_a_process_without_terminal_signal_wants_another_target():
    process = DiffusionProcess(schedule=ScaledLinearSchedule(zero_terminal_snr=True))
    assert painter().generate("red", size=(8, 8), steps=2) is not None
    made = awake(Diffusion(network=unet(), process=process)).generate(size=(8, 8), steps=2).image
    assert bool(torch.isfinite(made).all())
    with pytest.raises(RangeError, match="no signal is left"):
        Diffusion(network=unet(), process=process, target="noise").generate(size=(8, 8), steps=2)
