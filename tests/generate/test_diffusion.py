from __future__ import annotations

import copy
import math

import pytest
import torch

from sfumato.core.batch import Batch
from sfumato.core.network import load
from sfumato.errors import FieldError, RangeError, ShapeError, SpecError
from sfumato.generate.asked import Condition
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.improved_ddpm import ImprovedDDPM
from sfumato.generate.likelihood import bits_per_dimension
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.residuals import Residuals
from sfumato.generate.sampling import Sampling
from sfumato.generate.schedule import CosineSchedule, ScaledLinearSchedule
from sfumato.generate.text import WordEncoder
from sfumato.generate.times import UniformTimes
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
    torch.manual_seed(0)
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


@pytest.mark.parametrize(
    ("sampler", "option", "value"),
    [
        ("ddim", "eta", 1.0),
        ("euler", "churn", 3.0),
        ("ancestral", "variance", "large"),
        ("dpm_solver", "rescale", 0.7),
        ("heun", "spacing", "karras"),
    ],
)
def test_settings_of_a_sampler_reach_it(sampler, option, value):
    method = painter()

    def made(**options):
        return method.generate(
            "red", size=(8, 8), steps=4, sampler=sampler, guidance=3.0, **options
        ).image

    assert not torch.allclose(made(**{option: value}), made(), atol=1e-4)


def test_it_learns_from_the_target_where_there_is_one():
    method = Diffusion(network=unet(), process=SHORT, target="clean")
    grey, other = torch.full((2, 3, 8, 8), 0.5), torch.rand(2, 3, 8, 8)
    assert method.loss(Batch(other, target=grey), "main", seeded())["mse"].item() == 0
    assert method.loss(Batch(grey, target=other), "main", seeded())["mse"].item() > 0


class Told(UniformTimes):
    """Draws the steps that it was told to, with their weights."""

    def __init__(self, t, weights):
        super().__init__(steps=100)
        self.told = torch.tensor(t), torch.tensor(weights)

    def draw(self, count, rng):
        return self.told


def test_losses_are_weighted_as_their_steps_were_drawn():
    method = Diffusion(network=unet(), process=SHORT)
    batch = Batch(torch.rand(2, 3, 8, 8, generator=seeded(1)))

    def loss(*weights):
        return method.noised_loss(batch, seeded(), times=Told([3, 70], weights))["mse"].item()

    one, other = loss(1.0, 0.0), loss(0.0, 1.0)
    assert min(one, other) > 0
    assert loss(3.0, 0.5) == pytest.approx(3.0 * one + 0.5 * other, rel=1e-5)


def test_the_squared_error_is_weighed_where_that_is_asked_for():
    batch = Batch(torch.rand(2, 3, 8, 8, generator=seeded(1)))
    plain, weighed = (
        Diffusion(network=unet(), process=SHORT, target="clean", min_snr=gamma)
        .noised_loss(batch, seeded(), times=Told([80, 80], [1.0, 1.0]))["mse"]
        .item()
        for gamma in (None, 0.01)
    )
    assert SHORT.signal_to_noise[80] > 0.01
    assert weighed == pytest.approx(0.01 * plain, rel=1e-5)


def test_a_low_strength_stays_near_the_picture():
    method = painter()
    picture = method.practice_batch((16, 16)).target
    batch = Batch(picture, text=("red", "blue"))
    near = method.predict(batch, rng=seeded(), steps=50, strength=0.02).image
    far = method.predict(batch, rng=seeded(), steps=50, strength=1.0).image
    assert (near - picture).abs().mean() < 0.1
    assert (far - picture).abs().mean() > (near - picture).abs().mean()


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_a_picture_to_start_from_has_the_noise_of_its_level(strength):
    method = painter()
    seen = []
    picture = torch.rand(1, 3, 8, 8, generator=seeded(3))
    method.predict(
        Batch(picture, text=("red",)), rng=seeded(), steps=4, strength=strength,
        adapters=[(seen.append, 1.0)],
    )  # fmt: skip
    assert len(seen) == 4 * strength
    assert [asked.progress for asked in seen] == [k / len(seen) for k in range(len(seen))]
    step = int(100 * strength) - 1
    noise = torch.randn(1, 3, 8, 8, generator=seeded())
    wanted = SHORT.alphas[step] * (2 * picture - 1) + SHORT.sigmas[step] * noise
    torch.testing.assert_close(seen[0].x, wanted.float())


def test_estimates_are_kept_in_range_where_that_is_wanted():
    kept, free = (painter(clip=clip, target="clean") for clip in (True, False))
    free.load_state_dict(kept.state_dict())
    asked = []
    for method in (kept, free):
        with torch.no_grad():
            method.network.decoder.out.bias.fill_(3.0)  # brighter than any picture
        made = method.generate(size=(8, 8), steps=2, adapters=[(asked.append, 1.0)]).image
        assert made.max() == 1.0
    one, other = asked[1].x, asked[3].x
    assert torch.equal(asked[0].x, asked[2].x)
    # the estimates are 1 and about 3: the next step shows them times its alpha
    level = kept.levels(Sampling(steps=2)).visited[1]
    assert (other - one).mean().item() > 0.5 * level.alpha


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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_pictures_of_other_digits_are_filled_in_and_started_from(dtype):
    method = painter()
    picture = torch.rand(1, 3, 8, 8, generator=seeded(2))
    mask = torch.zeros(1, 8, 8, dtype=torch.int64)
    mask[:, 2:6, 2:6] = 1
    for how in ({"fill_in": True}, {"strength": 0.5}):
        found, wanted = (
            method.predict(
                Batch(p, mask=mask, text=("red",)), rng=seeded(), steps=4, **how
            ).image.float()
            for p in (picture.to(dtype), picture)
        )
        assert (found - wanted).abs().mean() < 0.1


def test_the_text_encoder_learns_along():
    method = painter().train()
    batch = Batch(torch.rand(2, 3, 8, 8), text=("red circle", "blue"))
    sum(method.loss(batch, "main", seeded()).values()).backward()
    for name, parameter in method.text.named_parameters():
        assert parameter.grad is not None, name
    assert method.text.words.weight.grad[2:].any()


def test_with_guidance_the_variance_is_that_of_the_guided_answer():
    network = unet(channels_out=6, classes=3)
    method = awake(Diffusion(network=network, process=SHORT, variance="learned", drop=0.5))
    one, none = (Condition(torch.tensor([k])) for k in (0, 2))
    how = Sampling(steps=4, guidance=3.0)
    levels = method.levels(how)
    x = torch.randn(1, 3, 8, 8, generator=seeded())
    with torch.no_grad():
        guided, alone, other = (
            method.denoiser(wanted, without, sampling=how, levels=levels)(x, levels.visited[1])
            for wanted, without in ((one, none), (one, None), (none, None))
        )
    torch.testing.assert_close(guided.share, alone.share, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(alone.share, other.share, atol=1e-3)
    assert not torch.allclose(guided.clean, alone.clean, atol=1e-3)


def test_what_is_kept_is_seen_while_the_rest_is_painted():
    method = painter()
    mask = torch.zeros(1, 8, 8, dtype=torch.int64)
    mask[:, 2:6, 2:6] = 1
    inside = (mask > 0)[:, None].expand(1, 3, 8, 8)
    dark, bright = (
        method.predict(
            Batch(torch.full((1, 3, 8, 8), v), mask=mask, text=("red",)),
            rng=seeded(), steps=4, fill_in=True,
        ).image[inside]
        for v in (0.1, 0.9)
    )  # fmt: skip
    assert (dark - bright).abs().max() > 0.01


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
    # steps 99, 74, 49 and 24 of 100, told as if there were 1000
    assert [s[3] for s in seen] == [990, 740, 490, 240]
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


@pytest.mark.parametrize("target", ["noise", "clean", "velocity"])
def test_bits_are_those_of_what_the_network_says(target):
    few = DiffusionProcess(schedule=CosineSchedule(steps=6))
    method = ImprovedDDPM(network=unet(channels_out=6), process=few, target=target)
    with torch.no_grad():
        method.network.decoder.out.bias[3:] = 0.5  # a new network says zero, and now this share
    pictures = torch.randint(0, 256, (1, 3, 8, 8), generator=seeded(4)) / 255

    def believe(x, t):
        alpha, step = few.alphas[int(t)], int(t)
        clean = {"noise": x / alpha, "clean": torch.zeros_like(x), "velocity": alpha * x}[target]
        low, high = few.posterior_log_variances[step], math.log(few.betas[step])
        return clean, torch.full_like(x, 0.25 * low + 0.75 * high)

    wanted = bits_per_dimension(few, believe, 2 * pictures - 1, seeded())
    found = method.eval().bits(Batch(pictures), seeded())
    torch.testing.assert_close(found.steps, wanted.steps, rtol=1e-4, atol=1e-5)


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
        ({"spacing": "trailling"}, SpecError, "did you mean 'trailing'"),
        ({"stepz": 5}, SpecError, "setting of sampling 'stepz'.*\n.*did you mean 'steps'"),
        ({"guidance": float("nan")}, RangeError, "guidance: nan"),
        ({"steps": 0}, RangeError, "below 1"),
        ({"steps": 101}, RangeError, "101"),
        ({"strength": 0.0}, RangeError, "strength"),
    ],
)
def test_settings_that_make_no_picture_are_refused(options, error, said):
    with pytest.raises(error, match=said):
        painter().generate("red", size=(8, 8), **options)


@pytest.mark.parametrize("label", [-1, 4])
def test_a_class_that_there_is_not_is_refused(label):
    method = Diffusion(network=unet(classes=4), process=SHORT, drop=0.5)
    with pytest.raises(RangeError, match=f"classes from 0 to 3, got {label}"):
        method.generate(size=(8, 8), label=label, steps=2)
    batch = Batch(torch.rand(2, 3, 8, 8), label=torch.tensor([0, label]))
    with pytest.raises(RangeError, match=f"classes from 0 to 3, got {label}"):
        method.loss(batch, "main", seeded())


def test_a_class_of_a_network_without_classes_is_refused():
    with pytest.raises(FieldError, match="knows no classes, got label=1"):
        painter().generate("red", size=(8, 8), label=1)


def test_no_picture_at_all_is_refused():
    for text, count in (("red", 0), ([], 3)):
        with pytest.raises(RangeError, match="none"):
            painter().generate(text, size=(8, 8), count=count)


@pytest.mark.parametrize("negative", [(), ("blue",), ("blue", "blue", "red")])
def test_negative_texts_are_one_for_each_picture(negative):
    method = painter()
    batch = Batch(torch.rand(2, 3, 8, 8), text=("red", "red"))
    with pytest.raises(ShapeError, match=f"2 pictures need as many.*got {len(negative)}"):
        method.predict(batch, steps=2, guidance=2.0, negative=negative)
    each, all_of_them = (
        method.predict(batch, rng=seeded(), steps=2, guidance=2.0, negative=n).image
        for n in (("blue", "blue"), "blue")
    )
    assert torch.equal(each, all_of_them)


@pytest.mark.parametrize("sampler", ["ancestral", "ddim", "euler", "heun", "dpm_solver"])
def test_a_method_in_half_precision_makes_nearly_the_same_picture(sampler):
    full = painter()
    half = copy.deepcopy(full).to(torch.bfloat16)
    how = {"size": (8, 8), "steps": 4, "sampler": sampler, "guidance": 2.0}
    found, wanted = (m.generate("red circle", **how).image for m in (half, full))
    assert bool(torch.isfinite(found).all())
    assert (found.float() - wanted).abs().mean() < 0.05


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
