"""Adapters: published sizes, nothing said at first, features equal to the peer's."""

from __future__ import annotations

import pytest
import torch

from sfumato.adapt import (
    ControlEncoder,
    FeaturePyramid,
    export_t2i_adapter,
    load_t2i_adapter,
)
from sfumato.adapt.published_pyramid import published_pyramid_names
from sfumato.core.network import Network
from sfumato.errors import FileError, ShapeError, SpecError
from sfumato.generate import Asked, Condition, Residuals, UNet

SMALL = {"channels": 16, "multipliers": (1, 2), "blocks": 1, "groups": 8, "context": 8}


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"hint_channels": 3}, 77_369_280),
        ({"hint_channels": 1}, 77_000_640),
        ({"hint_channels": 3, "form": "light"}, 18_689_200),
        ({"hint_channels": 3, "form": "xl", "unshuffle": 16}, 79_028_160),
    ],
)
def test_pyramids_have_the_published_number_of_parameters(settings, count):
    with torch.device("meta"):
        assert FeaturePyramid(**settings).parameter_count == count


def test_the_hint_encoder_of_stable_diffusion_has_the_published_size():
    from sfumato.adapt.control_encoder import HintEncoder

    with torch.device("meta"):
        encoder = HintEncoder(3, (16, 32, 96, 256), 320)
    assert sum(p.numel() for p in encoder.parameters()) == 1_086_480
    assert sum(isinstance(m, torch.nn.Conv2d) for m in encoder) == 8


@pytest.mark.parametrize(("widths", "reach"), [((4,), 3), ((4, 4), 5)])
def test_a_hint_encoder_looks_this_far(widths, reach):
    from sfumato.adapt.control_encoder import HintEncoder

    torch.manual_seed(0)
    encoder = HintEncoder(1, widths, 8)
    torch.nn.init.normal_(encoder[-1].weight)
    hint = torch.rand(1, 1, 24, 24, requires_grad=True)
    said = encoder(hint)
    half = 12 // 2 ** (len(widths) - 1)
    said[0, :, half, half].sum().backward()
    rows = hint.grad[0, 0].abs().sum(dim=1).nonzero().flatten() - 12
    # three convolutions of 3 x 3 each; the one after a halving sees twice as far
    assert (int(rows.min()), int(rows.max())) == (-reach, reach)


def test_sides_have_to_suit_the_hint_encoder_and_the_unet():
    control = ControlEncoder(unet=SMALL, hint_widths=(4, 4, 4, 4))
    assert control.reduction == 8
    assert control.multiple_of == 16


@pytest.fixture
def steered() -> tuple[UNet, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    unet = UNet(**SMALL)
    for parameter in unet.parameters():  # no layer at zero: everything must show
        parameter.data += 0.05 * torch.randn_like(parameter)
    given = {
        "x": torch.randn(2, 3, 16, 16),
        "times": torch.tensor([10.0, 700.0]),
        "context": torch.randn(2, 5, 8),
    }
    return unet, given


def asked(given):
    return Asked(given["x"], given["times"], Condition(context=given["context"]))


def test_a_new_control_changes_nothing(steered):
    unet, given = steered
    control = ControlEncoder.of(unet)
    said = control(torch.rand(2, 1, 16, 16), asked(given))
    assert len(said.down) == len(unet.encoder.skip_channels)
    with torch.no_grad():
        torch.testing.assert_close(unet(**given, residuals=said), unet(**given), rtol=0, atol=0)


def test_a_control_starts_as_the_encoder_it_copies(steered):
    unet, given = steered
    control = ControlEncoder.of(unet)
    for layer in (*control.skips, control.middle):
        torch.nn.init.dirac_(layer.weight)
    said = control(torch.rand(2, 1, 16, 16), asked(given))
    condition = unet.encoder.condition(given["times"], None)
    skips, middle = unet.encoder(given["x"], condition, given["context"])
    for mine, theirs in zip((*said.down, said.middle), (*skips, middle), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_in_the_first_step_only_the_layers_at_zero_have_a_gradient(steered):
    unet, given = steered
    control = ControlEncoder.of(unet)
    said = control(torch.rand(2, 1, 16, 16), asked(given))
    unet(**given, residuals=said).square().mean().backward()
    moved = {n for n, p in control.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved
    assert all(name.startswith(("skips.", "middle.")) for name in moved)
    torch.optim.SGD(control.parameters(), 0.1).step()
    control.zero_grad()
    unet(
        **given, residuals=control(torch.rand(2, 1, 16, 16), asked(given))
    ).square().mean().backward()
    moved = {n for n, p in control.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(name.startswith("encoder.") for name in moved)


def test_a_pyramid_fits_its_unet_and_is_heard(steered):
    unet, given = steered
    pyramid = FeaturePyramid.of(unet)
    said = pyramid(torch.rand(2, 1, 16, 16), asked(given))
    with torch.no_grad():
        assert (unet(**given, residuals=said) - unet(**given)).abs().max() > 1e-3
        silent = unet(**given, residuals=said * 0.0)
        torch.testing.assert_close(silent, unet(**given))


def test_two_adapters_are_a_weighted_sum(steered):
    unet, given = steered
    hint = torch.rand(2, 1, 16, 16)
    control, pyramid = ControlEncoder.of(unet), FeaturePyramid.of(unet)
    torch.nn.init.dirac_(control.middle.weight)
    said = control(hint, asked(given)) * 0.5 + pyramid(hint, asked(given)) * 2.0
    assert isinstance(said, Residuals)
    assert said.middle is not None
    assert said.levels
    with torch.no_grad():
        unet(**given, residuals=said)


@pytest.mark.parametrize("layout", ["original", "diffusers"])
@pytest.mark.parametrize("form", ["full", "light", "xl"])
@pytest.mark.parametrize("channels", [1, 3])
def test_published_layouts_come_back_bit_for_bit(tmp_path, layout, form, channels):
    unshuffle = 16 if form == "xl" else 8
    pyramid = FeaturePyramid(
        widths=(8, 16, 24, 24), hint_channels=channels, unshuffle=unshuffle, form=form
    )
    export_t2i_adapter(pyramid, tmp_path / "a.safetensors", layout)
    loaded = load_t2i_adapter(tmp_path)
    assert loaded.config == pyramid.config
    for name, tensor in pyramid.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


@pytest.mark.parametrize("size", [(64, 64), (128, 192), (72, 72)])
@pytest.mark.parametrize("kind", ["full_adapter", "light_adapter", "full_adapter_xl"])
def test_features_equal_those_of_diffusers(kind, size):
    diffusers = pytest.importorskip("diffusers")
    light, extra_large = kind == "light_adapter", kind == "full_adapter_xl"
    if extra_large and size == (72, 72):
        size = (144, 144)
    widths = (8, 16, 24, 24)
    theirs = diffusers.T2IAdapter(
        in_channels=3,
        channels=list(widths[:3] if light else widths),
        num_res_blocks=4 if light else 2,
        downscale_factor=16 if extra_large else 8,
        adapter_type=kind,
    ).eval()
    form = {"full_adapter": "full", "light_adapter": "light"}.get(kind, "xl")
    ours = FeaturePyramid(
        widths=widths, hint_channels=3, unshuffle=16 if extra_large else 8, form=form
    )
    names = published_pyramid_names(ours, "diffusers")
    state = theirs.state_dict()
    assert set(names.values()) == set(state)
    ours.load_state_dict({own: state[name] for own, name in names.items()})
    hint = torch.rand(1, 3, *size)
    with torch.no_grad():
        for mine, other in zip(ours.levels(hint), theirs(hint), strict=True):
            assert torch.equal(mine, other)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("form", ["full", "light", "xl"])
def test_a_folder_that_is_written_is_read_by_diffusers(tmp_path, form):
    diffusers = pytest.importorskip("diffusers")
    settings = {"widths": (8, 16, 24, 24), "hint_channels": 1, "unshuffle": 4, "form": form}
    pyramid = FeaturePyramid(**settings)
    for _ in range(2):  # an earlier one is replaced
        export_t2i_adapter(pyramid, tmp_path / "adapter", "diffusers")
    theirs = diffusers.T2IAdapter.from_pretrained(tmp_path / "adapter", local_files_only=True)
    hint = torch.rand(1, 1, 32, 48)
    with torch.no_grad():
        for mine, other in zip(pyramid.levels(hint), theirs(hint), strict=True):
            assert torch.equal(mine, other)
    assert load_t2i_adapter(tmp_path / "adapter").config == pyramid.config
    odd = FeaturePyramid(**settings | {"widths": (8, 16), "form": "light"})
    with pytest.raises(SpecError, match="two last levels of one width"):
        export_t2i_adapter(odd, tmp_path / "odd", "diffusers")
    with pytest.raises(FileError, match=r"written as \.safetensors"):
        export_t2i_adapter(pyramid, tmp_path / "file", "original")


def test_what_does_not_belong_together_is_refused(steered, tmp_path):
    unet, given = steered
    control = ControlEncoder.of(unet)
    with pytest.raises(ShapeError, match="1 channel"):
        control(torch.rand(2, 3, 16, 16), asked(given))
    with pytest.raises(ShapeError, match="the hint is 8 x 8, the picture 16 x 16"):
        control(torch.rand(2, 1, 8, 8), asked(given))
    with pytest.raises(ShapeError, match="multiples of 8"):
        FeaturePyramid(widths=(8, 8)).levels(torch.rand(1, 1, 12, 16))
    from safetensors.torch import save_file

    save_file({"something": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(FileError, match="another layout"):
        load_t2i_adapter(tmp_path / "foreign.safetensors")


@pytest.mark.parametrize("kind", [ControlEncoder, FeaturePyramid])
def test_adapters_save_and_load(kind, tmp_path):
    adapter = kind.example()
    adapter.save(tmp_path / "adapter")
    loaded = Network.load(tmp_path / "adapter")
    assert loaded.config == adapter.config
    for name, tensor in adapter.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
