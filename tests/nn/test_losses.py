from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import tensor
from torch.nn import functional

from sfumato.errors import RangeError, ShapeError
from sfumato.measure.ssim import SSIM
from sfumato.nn.adversarial_losses import (
    hinge_critic_loss,
    hinge_generator_loss,
    softplus_critic_loss,
    softplus_generator_loss,
)
from sfumato.nn.gaussian_kl import gaussian_kl
from sfumato.nn.label_losses import cross_entropy, dice_loss
from sfumato.nn.picture_losses import charbonnier_loss, ssim_loss, total_variation


@pytest.fixture
def dice():
    return torch.Generator().manual_seed(5)


def test_charbonnier_is_epsilon_at_zero_and_absolute_far_off():
    x = torch.zeros(1, 1, 2, 2)
    assert charbonnier_loss(x, x, epsilon=0.01).item() == pytest.approx(0.01)
    assert charbonnier_loss(x, x + 3, epsilon=0.01).item() == pytest.approx(math.hypot(3, 0.01))
    with pytest.raises(ShapeError, match=r"\(1, 1, 2, 2\).*\(1, 1, 2, 3\)"):
        charbonnier_loss(x, torch.zeros(1, 1, 2, 3))


def test_ssim_agrees_with_the_room_of_measures(picture):
    other = np.clip(picture.astype(np.float32) * 0.8 + 10, 0, 255).astype(np.uint8)
    a, b = (tensor(x / np.float32(255)).permute(2, 0, 1)[None] for x in (picture, other))
    assert 1 - ssim_loss(a, b).item() == pytest.approx(SSIM()(other, picture), abs=2e-5)
    assert ssim_loss(a, a).item() == pytest.approx(0, abs=1e-6)


def test_ssim_can_be_followed_by_a_gradient(dice):
    target = torch.rand(1, 1, 16, 16, generator=dice)
    guess = torch.full_like(target, 0.5).requires_grad_()
    loss = ssim_loss(guess, target)
    loss.backward()
    assert ssim_loss(guess.detach() - 0.1 * guess.grad.sign(), target) < loss


def test_ssim_keeps_single_precision_under_autocast(dice):
    x, y = torch.rand(2, 1, 1, 16, 16, generator=dice)
    with torch.autocast("cpu", torch.bfloat16):
        inside = ssim_loss(x, y)
    assert torch.equal(inside, ssim_loss(x, y))
    with pytest.raises(ShapeError, match="11 px"):
        ssim_loss(x[..., :10], y[..., :10])


def test_total_variation_counts_the_steps():
    image = tensor([[0.0, 1.0, 1.0], [0.0, 1.0, 4.0]])[None, None]
    down, right = 3 / 3, (1 + 0 + 1 + 3) / 4
    assert total_variation(image).item() == pytest.approx(down + right)
    assert total_variation(torch.ones(2, 3, 4, 4)).item() == 0
    with pytest.raises(ShapeError):
        total_variation(torch.ones(1, 1, 1, 5))


def test_gaussian_kl_is_that_of_the_library(dice):
    m1, v1, m2, v2 = torch.randn(4, 3, 2, 5, generator=dice)
    peer = torch.distributions.kl_divergence(
        torch.distributions.Normal(m1, (0.5 * v1).exp()),
        torch.distributions.Normal(m2, (0.5 * v2).exp()),
    )
    torch.testing.assert_close(gaussian_kl(m1, v1, m2, v2, reduction="none"), peer)
    torch.testing.assert_close(gaussian_kl(m1, v1, m2, v2), peer.sum(dim=(1, 2)).mean())


def test_gaussian_kl_to_the_standard_gaussian_is_zero_only_there():
    zero = torch.zeros(2, 4)
    assert gaussian_kl(zero, zero).item() == 0
    assert gaussian_kl(zero + 1, zero).item() == pytest.approx(4 / 2)
    with pytest.raises(ShapeError):
        gaussian_kl(zero, torch.zeros(2, 5))


def test_hinge_losses_are_flat_beyond_the_margin():
    real, fake = tensor([2.0, 0.5]), tensor([-3.0, 0.0])
    assert hinge_critic_loss(real, fake).item() == pytest.approx((0.25 + 0.5) / 2)
    assert hinge_critic_loss(tensor([1.0]), tensor([-1.0])).item() == 0
    assert hinge_generator_loss(fake).item() == 1.5


def test_softplus_losses_are_cross_entropies(dice):
    real, fake = torch.randn(2, 8, generator=dice)
    bce = functional.binary_cross_entropy_with_logits
    want = bce(real, torch.ones(8)) + bce(fake, torch.zeros(8))
    torch.testing.assert_close(softplus_critic_loss(real, fake), want)
    torch.testing.assert_close(softplus_generator_loss(fake), bce(fake, torch.ones(8)))
    assert softplus_generator_loss(tensor([-200.0])).item() == pytest.approx(200)


def test_cross_entropy_is_the_librarys_with_weights_and_ignored_pixels(dice):
    logits = torch.randn(2, 3, 4, 5, generator=dice)
    labels = torch.randint(0, 3, (2, 4, 5), generator=dice)
    labels[0, :2] = 255
    weights = tensor([0.5, 2.0, 1.0])
    peer = functional.cross_entropy(logits, labels, weights, ignore_index=255)
    torch.testing.assert_close(
        cross_entropy(logits, labels.int(), class_weights=weights, ignore=255), peer
    )
    plain = functional.cross_entropy(logits, labels.clamp(max=2))
    torch.testing.assert_close(cross_entropy(logits, labels.clamp(max=2)), plain)


def test_a_batch_without_counted_pixels_costs_nothing_and_stays_finite():
    logits = torch.randn(1, 3, 2, 2).requires_grad_()
    void = torch.full((1, 2, 2), -1)
    (cross_entropy(logits, void, ignore=-1) + dice_loss(logits, void, ignore=-1)).backward()
    assert logits.grad.abs().max() == 0


def test_dice_of_sure_answers_counts_pixels():
    truth = tensor([[[0, 0, 1, 1]]])
    given = tensor([[[0, 1, 1, 1]]])
    logits = 200.0 * functional.one_hot(given, 3).permute(0, 3, 1, 2)
    zero, one = 1 - 2 * 1 / (1 + 2), 1 - 2 * 2 / (3 + 2)
    assert dice_loss(logits, truth, smooth=0).item() == pytest.approx((zero + one) / 2)
    assert dice_loss(logits, given, smooth=0).item() == pytest.approx(0, abs=1e-6)


def test_dice_leaves_ignored_pixels_out():
    truth, logits = tensor([[[0, 1, 7]]]), torch.zeros(1, 2, 1, 3)
    want = dice_loss(logits[..., :2], truth[..., :2])
    assert dice_loss(logits, truth, ignore=7) == want


@pytest.mark.parametrize("loss", [cross_entropy, dice_loss])
def test_labels_beyond_the_classes_and_of_another_shape_are_refused(loss):
    logits = torch.zeros(1, 3, 2, 2)
    with pytest.raises(RangeError, match="label 3 is none of the 3 classes"):
        loss(logits, torch.full((1, 2, 2), 3))
    with pytest.raises(RangeError, match="label -1"):
        loss(logits, torch.full((1, 2, 2), -1))
    with pytest.raises(ShapeError, match=r"need labels \(1, 2, 2\)"):
        loss(logits, torch.zeros(1, 4, 4))


def test_weights_for_other_classes_are_refused():
    with pytest.raises(ShapeError, match="3 class weights"):
        cross_entropy(
            torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2).long(), class_weights=torch.ones(4)
        )
