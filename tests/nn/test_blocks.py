from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from sfumato.errors import ShapeError
from sfumato.nn.attention import CrossAttention, SelfAttention
from sfumato.nn.channel_norm import ChannelNorm
from sfumato.nn.convolution import ConvBlock, zeroed
from sfumato.nn.resampling import Downsample, ShuffleUp, UnshuffleDown, Upsample
from sfumato.nn.residual import ResidualBlock
from sfumato.nn.time_embedding import TimeEmbedding, sinusoidal_embedding


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_a_zeroed_layer_gives_nothing_and_still_learns():
    layer = zeroed(nn.Linear(3, 2))
    out = layer(torch.ones(1, 3))
    assert out.abs().max() == 0
    out.sum().backward()
    assert torch.equal(layer.weight.grad, torch.ones(2, 3))


def test_a_convolution_has_a_bias_only_where_nothing_takes_it_away():
    assert ConvBlock(3, 8, norm="none")[0].bias is not None
    assert ConvBlock(3, 8, norm="group")[0].bias is None
    assert parameters(ConvBlock(3, 8, norm="batch")) == 3 * 8 * 9 + 2 * 8


def test_an_unpadded_convolution_loses_a_ring_and_a_stride_halves():
    x = torch.zeros(1, 3, 8, 10)
    assert ConvBlock(3, 8, padded=False)(x).shape == (1, 8, 6, 8)
    assert ConvBlock(3, 8, stride=2)(x).shape == (1, 8, 4, 5)
    assert ConvBlock(3, 8, kernel_px=5)(x).shape == (1, 8, 8, 10)


def test_groups_that_do_not_divide_the_channels_are_refused_with_those_that_do():
    with pytest.raises(ShapeError, match=r"12 channels.*8 groups(.|\n)*1, 2, 3, 4, 6, 12"):
        ConvBlock(3, 12)


def test_a_new_residual_block_is_its_shortcut():
    x, c = torch.randn(2, 8, 5, 7), torch.randn(2, 6)
    assert torch.equal(ResidualBlock(8, 8, condition=6, groups=4)(x, c), x)
    wider = ResidualBlock(8, 12, groups=4)
    torch.testing.assert_close(wider(x), wider.shortcut(x))


def test_a_condition_scales_and_shifts_what_is_normalised():
    block = ResidualBlock(4, 4, condition=2, groups=1)
    x, c = torch.randn(1, 4, 6, 6), torch.randn(1, 2)
    nn.init.dirac_(block.conv_out.weight)
    h = functional.group_norm(block.conv_in(functional.silu(block.norm_in(x))), 1)
    film = block.film.weight @ functional.silu(c[0]) + block.film.bias
    h = h * (1 + film[:4, None, None]) + film[4:, None, None]
    torch.testing.assert_close(block(x, c), x + functional.silu(h))


def test_the_residual_block_has_the_published_number_of_parameters():
    # norm 2c, conv 9 c d + d, film e 2d + 2d, norm 2d, conv 9 d d + d, shortcut c d + d
    block = ResidualBlock(128, 256, condition=512)
    assert parameters(block) == 256 + 295_168 + 262_656 + 512 + 590_080 + 33_024


def test_a_missing_or_needless_condition_is_refused():
    x = torch.zeros(1, 8, 4, 4)
    with pytest.raises(ShapeError, match="needs a condition"):
        ResidualBlock(8, 8, condition=3, groups=4)(x)
    with pytest.raises(ShapeError, match="takes no condition"):
        ResidualBlock(8, 8, groups=4)(x, torch.zeros(1, 3))


def test_channel_norm_is_layer_norm_over_channels():
    norm, x = ChannelNorm(6), torch.randn(2, 6, 3, 5) * 4 + 1
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    peer = functional.layer_norm(x.permute(0, 2, 3, 1), (6,), norm.weight, norm.bias)
    torch.testing.assert_close(norm(x), peer.permute(0, 3, 1, 2))


def test_channel_norm_without_centring_keeps_the_mean():
    norm, x = ChannelNorm(6, centred=False), torch.randn(1, 6, 2, 2) + 5
    want = x / torch.sqrt(x.var(dim=1, keepdim=True, correction=0) + 1e-5)
    torch.testing.assert_close(norm(x), want)
    assert parameters(norm) == 6


def test_channel_norm_gives_back_the_dtype_and_works_under_autocast():
    norm, x = ChannelNorm(6), torch.randn(1, 6, 4, 4) + 300
    small = norm(x.bfloat16())
    assert small.dtype == torch.bfloat16
    torch.testing.assert_close(small.float(), norm(x.bfloat16().float()), atol=0.02, rtol=0.02)
    with torch.autocast("cpu", torch.bfloat16):
        assert norm(x).dtype == torch.float32


def test_unshuffle_keeps_every_value_of_the_convolution():
    down, x = UnshuffleDown(4), torch.randn(1, 4, 6, 8)
    y = down(x)
    assert y.shape == (1, 8, 3, 4)
    torch.testing.assert_close(functional.pixel_shuffle(y, 2), down.conv(x))
    assert ShuffleUp(8)(y).shape == (1, 4, 6, 8)
    assert parameters(down) == 4 * 2 * 9
    assert parameters(ShuffleUp(8)) == 8 * 16 * 9


def test_down_and_up_have_the_sizes_they_state():
    x = torch.randn(1, 4, 7, 10)
    assert Downsample(4, 6)(x).shape == (1, 6, 4, 5)
    assert Downsample(4, kind="mean")(x).shape == (1, 4, 3, 5)
    assert Upsample(4, 6)(x).shape == (1, 6, 14, 20)
    repeated = Upsample(4, conv=False)(x)
    assert torch.equal(repeated[..., ::2, ::2], x)
    assert torch.equal(repeated[..., 1::2, 1::2], x)
    torch.testing.assert_close(Downsample(4, kind="mean")(repeated), x)


def test_resampling_without_a_convolution_cannot_change_channels():
    with pytest.raises(ShapeError, match="conv=True"):
        Upsample(4, 6, conv=False)
    with pytest.raises(ShapeError, match="kind='conv'"):
        Downsample(4, 6, kind="mean")
    with pytest.raises(ShapeError, match="even"):
        UnshuffleDown(3)


def by_hand(query, key, value, heads):
    """Attention written out, one head at a time."""
    width = query.shape[-1] // heads
    out = []
    for head in range(heads):
        q, k, v = (x[..., head * width : (head + 1) * width] for x in (query, key, value))
        out.append((q @ k.transpose(-1, -2) / math.sqrt(width)).softmax(dim=-1) @ v)
    return torch.cat(out, dim=-1)


def test_self_attention_is_the_formula():
    layer, x = SelfAttention(8, heads=2, groups=4), torch.randn(2, 8, 3, 5)
    assert torch.equal(layer(x), x)
    nn.init.normal_(layer.out.weight)
    tokens = functional.group_norm(x, 4).flatten(2).transpose(1, 2)
    found = layer.out(by_hand(*layer.qkv(tokens).chunk(3, dim=-1), heads=2))
    torch.testing.assert_close(layer(x), x + found.transpose(1, 2).reshape(x.shape))


def test_self_attention_does_not_care_where_pixels_are():
    layer, x = SelfAttention(8, heads=2, groups=4), torch.randn(1, 8, 4, 4)
    nn.init.normal_(layer.out.weight)
    torch.testing.assert_close(layer(x.flip(-1)), layer(x).flip(-1))


def test_cross_attention_is_the_formula():
    layer = CrossAttention(8, 6, heads=4, groups=2)
    x, tokens = torch.randn(2, 8, 3, 2), torch.randn(2, 5, 6)
    assert torch.equal(layer(x, tokens), x)
    nn.init.normal_(layer.out.weight)
    query = layer.query(functional.group_norm(x, 2).flatten(2).transpose(1, 2))
    found = layer.out(by_hand(query, layer.key(tokens), layer.value(tokens), heads=4))
    torch.testing.assert_close(layer(x, tokens), x + found.transpose(1, 2).reshape(x.shape))


def test_heads_and_tokens_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="3 heads"):
        SelfAttention(8, heads=3)
    with pytest.raises(ShapeError, match=r"\(2, t, 6\)"):
        CrossAttention(8, 6, groups=2)(torch.zeros(2, 8, 2, 2), torch.zeros(2, 5, 7))


def test_the_time_code_is_cosines_and_sines():
    code = sinusoidal_embedding(torch.tensor([0.0, 2.5]), 6)
    assert code[0].tolist() == [1, 1, 1, 0, 0, 0]
    angles = [2.5 * 10_000 ** (-i / 3) for i in range(3)]
    want = [math.cos(a) for a in angles] + [math.sin(a) for a in angles]
    torch.testing.assert_close(code[1], torch.tensor(want))
    assert sinusoidal_embedding(torch.arange(4), 7)[:, -1].tolist() == [0, 0, 0, 0]


def test_the_time_embedding_tells_times_apart():
    embed = TimeEmbedding(16, 32)
    codes = embed(torch.tensor([0, 1, 999]))
    assert codes.shape == (3, 32)
    assert torch.pdist(codes).min() > 1e-3
    assert parameters(embed) == 16 * 32 + 32 + 32 * 32 + 32
    with pytest.raises(ShapeError, match=r"times \(n,\)"):
        embed(torch.zeros(2, 2))


def test_blocks_run_under_autocast_with_gradients():
    block = nn.Sequential(
        ConvBlock(3, 8), ResidualBlock(8, 8, groups=4), SelfAttention(8, groups=4)
    )
    with torch.autocast("cpu", torch.bfloat16):
        loss = block(torch.randn(1, 3, 8, 8)).float().square().mean()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in block.parameters())


def test_a_condition_that_is_added_goes_into_the_second_norm():
    block = ResidualBlock(8, 8, condition=3, steered="add", groups=4)
    torch.nn.init.normal_(block.conv_out.weight)
    x, condition = torch.randn(2, 8, 4, 4), torch.randn(2, 3)
    silu = torch.nn.functional.silu
    h = block.conv_in(silu(block.norm_in(x))) + block.film(silu(condition))[:, :, None, None]
    expected = x + block.conv_out(silu(block.norm_out(h)))
    torch.testing.assert_close(block(x, condition), expected)
    assert block.film.out_features == 8


@pytest.mark.parametrize(("resample", "side"), [("down", 2), ("up", 8)])
def test_a_new_resampling_block_only_resamples(resample, side):
    block = ResidualBlock(8, 8, resample=resample, groups=4)
    x = torch.randn(1, 8, 4, 4)
    found = block(x)
    assert found.shape[-1] == side
    torch.testing.assert_close(found.mean(dim=(2, 3)), x.mean(dim=(2, 3)))
