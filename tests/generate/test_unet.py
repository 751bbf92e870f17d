from __future__ import annotations

import numpy as np
import pytest
import torch

from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import FieldError, RangeError, ShapeError
from sfumato.generate.residuals import Residuals
from sfumato.generate.unet import UNet
from sfumato.nn.attention import CrossAttention, SelfAttention

SMALL = {"channels": 16, "multipliers": (1, 2, 3), "blocks": 1, "attention_at": (2, 4), "groups": 8}


def small(**more):
    torch.manual_seed(0)
    net = UNet(**SMALL | more)
    for parameter in net.parameters():  # what starts at zero would hide mistakes
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return net.eval()


def asked(net, size=(8, 12), residuals=None, **more):
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, *size, generator=rng)
    with torch.no_grad():
        return net(x, torch.tensor([3.0, 700.0]), residuals=residuals, **more)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        # CIFAR-10, ImageNet-64, the same by class, its upsampler, LSUN-256, guided ImageNet-256
        ({"blocks": 3, "attention_at": (2, 4)}, 52_546_438),
        ({"blocks": 3, "multipliers": (1, 2, 3, 4), "attention_at": (4, 8)}, 121_063_942),
        (
            {
                "channels": 192, "blocks": 3, "multipliers": (1, 2, 3, 4), "attention_at": (4, 8),
                "classes": 1000,
            },
            273_049_350,
        ),
        (
            {
                "channels_in": 6, "channels": 192, "multipliers": (1, 1, 2, 2, 4, 4),
                "attention_at": (16, 32), "classes": 1000,
            },
            279_792_390,
        ),
        (
            {
                "multipliers": (1, 1, 2, 2, 4, 4), "attention_at": (16,), "heads": 1,
                "steered": "add",
            },
            113_676_678,
        ),
        (
            {
                "channels": 256, "multipliers": (1, 1, 2, 2, 4, 4), "attention_at": (8, 16, 32),
                "head_width": 64, "resample_blocks": True,
            },
            552_814_086,
        ),
    ],
)  # fmt: skip
def test_published_networks_have_their_published_sizes(settings, count):
    with torch.device("meta"):
        assert UNet(channels_out=6, **settings).parameter_count == count


def test_a_new_network_answers_with_zeros():
    net = UNet(**SMALL)
    assert not asked(net).any()


@pytest.mark.parametrize(
    "more",
    [{}, {"steered": "add"}, {"resample_blocks": True}, {"head_width": 8}, {"channels_out": 6}],
)
def test_every_kind_answers_in_the_size_it_was_asked_in(more):
    assert asked(small(**more)).shape == (2, more.get("channels_out", 3), 8, 12)


def test_time_class_and_text_each_change_the_answer():
    net = small(classes=4, context=5)
    text = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(2))
    label = torch.tensor([0, 1])
    base = asked(net, label=label, context=text)
    assert not torch.equal(base, asked(net, label=label + 1, context=text))
    assert not torch.equal(base, asked(net, label=label, context=text.flip(1) + 1))
    x = torch.zeros(1, 3, 8, 8)
    one, two = (
        net(x, torch.tensor([t]), label=label[:1], context=text[:1]).detach() for t in (1, 900)
    )
    assert not torch.equal(one, two)


def test_pictures_of_a_batch_do_not_see_each_other():
    net = small()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    times = torch.tensor([5, 800])
    with torch.no_grad():
        torch.testing.assert_close(net(x, times)[1:], net(x[1:], times[1:]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "heads"), [({"heads": 2}, lambda w: 2), ({"head_width": 8}, lambda w: w // 8)]
)
def test_attention_has_the_heads_that_were_asked_for(settings, heads):
    net = UNet(**SMALL, **settings, context=5)
    kinds = (SelfAttention, CrossAttention)
    found = [m for m in net.modules() if isinstance(m, kinds)]
    assert {type(m) for m in found} == set(kinds)
    for module in found:
        assert module.heads == heads(module.norm.num_channels)


def test_dropout_is_there_while_learning_and_not_afterwards():
    net = small(dropout=0.5)
    calm = asked(net)
    assert torch.equal(calm, asked(net))
    net.train()
    torch.manual_seed(1)
    one = asked(net)
    torch.manual_seed(2)
    assert not torch.allclose(one, asked(net), atol=1e-3)
    assert not torch.allclose(one, calm, atol=1e-3)


def test_a_hint_is_added_after_the_first_convolution():
    net = small()
    x, condition = torch.zeros(1, 3, 8, 8), net.encoder.condition(torch.tensor([5.0]), None)
    hint = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(2))
    (first, *_), _ = net.encoder(x, condition, hint=hint)
    (plain, *_), _ = net.encoder(x, condition)
    torch.testing.assert_close(first, plain + hint)


def test_a_level_is_added_before_it_is_handed_over_and_halved():
    net = small()
    encoder = net.encoder
    x, condition = torch.ones(1, 3, 8, 8), encoder.condition(torch.tensor([5.0]), None)
    levels = tuple(
        torch.randn(1, c, 8 // s, 8 // s, generator=torch.Generator().manual_seed(s))
        for c, s in zip(encoder.level_channels, encoder.level_strides, strict=True)
    )
    skips, _ = encoder(x, condition, levels=levels)
    plain, _ = encoder(x, condition)
    end = 1 + encoder.level_ends[0]
    torch.testing.assert_close(skips[end], plain[end] + levels[0])
    # and the halving convolution sees the sum
    halved = encoder.blocks[end](skips[end])
    torch.testing.assert_close(skips[end + 1], halved)


def test_the_encoder_tells_what_adapters_must_produce():
    net = small()
    encoder = net.encoder
    x = torch.zeros(2, 3, 16, 24)
    skips, middle = encoder(x, encoder.condition(torch.tensor([1, 2]), None))
    strides = encoder.skip_strides
    expected = [
        (2, c, 16 // s, 24 // s) for c, s in zip(encoder.skip_channels, strides, strict=True)
    ]
    assert [tuple(skip.shape) for skip in skips] == expected
    assert tuple(middle.shape) == (2, encoder.middle_channels, 4, 6)
    ends = [skips[1 + k] for k in encoder.level_ends]
    assert [end.shape[1] for end in ends] == encoder.level_channels
    assert [16 // end.shape[2] for end in ends] == encoder.level_strides


def test_stable_diffusion_has_twelve_skips_and_four_levels():
    with torch.device("meta"):
        net = UNet(channels_in=4, channels=320, multipliers=(1, 2, 4, 4), context=768, heads=8)
    assert len(net.encoder.skip_channels) == 12
    assert net.encoder.level_channels == [320, 640, 1280, 1280]


def zeros_for(net, size=(8, 12)):
    encoder = net.encoder

    def zeros(channels, stride):
        return torch.zeros(2, channels, size[0] // stride, size[1] // stride)

    return Residuals(
        tuple(map(zeros, encoder.skip_channels, encoder.skip_strides)),
        zeros(encoder.middle_channels, encoder.level_strides[-1]),
        tuple(map(zeros, encoder.level_channels, encoder.level_strides)),
    )


def test_residuals_of_zeros_change_nothing_and_each_of_them_matters():
    net = small()
    base, nothing = asked(net), zeros_for(net)
    assert torch.equal(asked(net, residuals=nothing), base)
    changed = [Residuals(middle=nothing.middle + 1)]
    for k, feature in enumerate(nothing.down):
        down = (*nothing.down[:k], feature + 1, *nothing.down[k + 1 :])
        changed.append(Residuals(down))
    for k, feature in enumerate(nothing.levels):
        changed.append(
            Residuals(levels=(*nothing.levels[:k], feature + 1, *nothing.levels[k + 1 :]))
        )
    for residuals in changed:
        assert not torch.allclose(asked(net, residuals=residuals), base)
        # and they are there for the next step too
        assert torch.equal(asked(net, residuals=residuals), asked(net, residuals=residuals))


def test_the_middle_is_added_after_the_middle():
    # The decoder sees the sum, so a residual can undo what the middle said.
    net = small()
    x, times = torch.ones(2, 3, 8, 12), torch.tensor([1, 2])
    with torch.no_grad():
        condition = net.encoder.condition(times, None)
        skips, middle = net.encoder(x, condition)
        expected = net.decoder(torch.zeros_like(middle), skips, condition, None)
        found = net(x, times, residuals=Residuals(middle=-middle))
    torch.testing.assert_close(found, expected)


def test_residuals_are_a_weighted_sum():
    a, b = (
        Residuals((torch.full((1,), v), torch.full((1,), v)), torch.full((1,), v))
        for v in (1.0, 10.0)
    )
    both = a * 0.5 + 2.0 * b
    assert [t.item() for t in (*both.down, both.middle)] == [20.5] * 3
    for half in (np.float32(0.5), np.float64(0.5), torch.tensor(0.5)):
        assert (a * half).middle.item() == 0.5
    light = Residuals(levels=(torch.ones(1),))
    assert (both + light).levels[0].item() == 1
    assert (both + light).down == both.down
    assert (light + both).middle is both.middle
    assert (both + light).middle is both.middle
    ramp = (a + light) * [0.1, 0.2, 0.3]
    # strengths of each skip and the middle leave the levels alone
    assert ramp.levels[0].item() == 1
    torch.testing.assert_close(torch.cat([*ramp.down, ramp.middle]), torch.tensor([0.1, 0.2, 0.3]))


def test_residuals_that_do_not_fit_are_refused():
    net = small()
    fitting = zeros_for(net)
    with pytest.raises(ShapeError, match="6 skips, the adapter gave 5"):
        asked(net, residuals=Residuals(fitting.down[:-1]))
    with pytest.raises(ShapeError, match="3 levels, the adapter gave 2"):
        asked(net, residuals=Residuals(levels=fitting.levels[:2]))
    with pytest.raises(ShapeError, match="an adapter gave"):
        asked(net, size=(16, 16), residuals=fitting)
    with pytest.raises(ShapeError, match=r"gave \(24, 2, 3\) where this U-Net has \(48, 2, 3\)"):
        asked(net, residuals=Residuals(middle=torch.zeros(2, 24, 2, 3)))
    with pytest.raises(ShapeError, match="different U-Nets"):
        Residuals(fitting.down) + Residuals(fitting.down[:2])
    with pytest.raises(ShapeError, match="need 7 strengths, got 3"):
        Residuals(fitting.down, fitting.middle) * [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("more", "given", "said"),
    [
        ({}, {"label": torch.tensor([0, 0])}, "knows no classes"),
        ({"classes": 3}, {}, "no labels were given"),
        ({"context": 4}, {}, "none was given"),
    ],
)
def test_conditions_that_are_missing_or_not_expected_are_refused(more, given, said):
    with pytest.raises(FieldError, match=said):
        asked(small(**more), **given)


def test_sides_that_cannot_be_halved_are_refused():
    for size in ((8, 10), (6, 8), (0, 8)):
        with pytest.raises(ShapeError, match="multiples of 4"):
            asked(small(), size=size)


def test_settings_that_make_no_network_are_refused():
    with pytest.raises(RangeError, match="multipliers"):
        UNet(multipliers=())
    with pytest.raises(ShapeError, match="groups"):
        UNet(channels=20, groups=32)
    with pytest.raises(ShapeError, match="heads of 12 do not divide a level of 32 channels"):
        UNet(**SMALL, head_width=12)


def test_a_network_is_written_down_and_read_back():
    net = UNet(**SMALL, classes=3)
    assert from_yaml(to_yaml(net)).config == net.config
