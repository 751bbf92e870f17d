"""Agreement with torchmetrics, an implementation written by others, on noise and on a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional import kl_divergence as their_kl
from torchmetrics.functional.classification import multiclass_jaccard_index
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure as their_ms_ssim,
)
from torchmetrics.functional.image import peak_signal_noise_ratio as their_psnr
from torchmetrics.functional.image import structural_similarity_index_measure as their_ssim

import sfumato as sf

# torchmetrics announces changes of its own at import and in calls.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module", params=["noise", "room"])
def pair(request):
    rng = np.random.default_rng(3)
    if request.param == "noise":
        target = rng.random((200, 240, 3), np.float32)
    else:
        truth = sf.data.DuskRoom(size=(200, 240)).render()
        target = sf.data.Camera(dtype="float32").expose(truth.radiance, 1.0)
    noisy = target + rng.normal(0, 0.05, target.shape).astype(np.float32)
    return np.clip(noisy, 0, 1), target


def tensors(pair):
    return [torch.from_numpy(p.transpose(2, 0, 1)[None].astype(np.float64)) for p in pair]


def test_psnr(pair):
    theirs = float(their_psnr(*tensors(pair), data_range=1.0))
    assert sf.measure.PSNR()(*pair) == pytest.approx(theirs, abs=1e-5)


def test_ssim_is_theirs_but_for_the_border(pair):
    """They pad by reflection and then cut as much off, we take what lies inside."""
    _, whole = their_ssim(
        *tensors(pair), data_range=1.0, gaussian_kernel=True, sigma=1.5, kernel_size=11,
        return_full_image=True,
    )  # fmt: skip
    inside = whole[0].numpy()[:, 5:-5, 5:-5]
    assert sf.measure.SSIM()(*pair) == pytest.approx(float(inside.mean()), abs=1e-6)


def test_ms_ssim_on_a_picture(pair):
    theirs = float(their_ms_ssim(*tensors(pair), data_range=1.0))
    # At the coarsest of five scales their reflected border is a large part of the picture.
    assert sf.measure.MSSSIM()(*pair) == pytest.approx(theirs, abs=2e-3)


def test_kl_divergence():
    rng = np.random.default_rng(0)
    p, q = (rng.dirichlet(np.ones(12)) for _ in range(2))
    theirs = float(their_kl(torch.from_numpy(p)[None], torch.from_numpy(q)[None]))
    assert sf.measure.kl_divergence(p, q, unit="nats") == pytest.approx(theirs, abs=1e-12)


def test_mean_iou():
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 5, (40, 50)) for _ in range(2))
    theirs = multiclass_jaccard_index(torch.from_numpy(a), torch.from_numpy(b), num_classes=5)
    assert sf.measure.MeanIoU(classes=5)(a, b) == pytest.approx(float(theirs), abs=1e-6)
