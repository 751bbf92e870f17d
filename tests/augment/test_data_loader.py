"""A data loader of torch: the same pictures from any number of workers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import sfumato.augment as A

data = pytest.importorskip("torch.utils.data", reason="needs torch: pip install sfumato[learn]")

SEED, COUNT, EPOCHS = 11, 9, 2


class Pictures(data.Dataset):
    """Augment a picture by a stream named by (seed, epoch, index)."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.pictures = rng.integers(0, 256, (COUNT, 40, 48, 3), np.uint8)
        self.augment = A.Compose([
            A.RandomResizedCrop((24, 24)),
            A.Flip(),
            A.ShiftScaleRotate(),
            A.OneOf([A.RandomGamma(), A.HueSaturationValue()]),
            A.OneOf([A.GaussNoise(p=1), A.ISONoise(p=1), A.CoarseDropout(p=1)], p=1),
            A.Normalize(),
            A.ToTensorV2(),
        ])  # fmt: skip

    def __len__(self) -> int:
        return EPOCHS * COUNT

    def __getitem__(self, number: int):
        epoch, index = divmod(number, COUNT)
        return self.augment(image=self.pictures[index], rng=(SEED, epoch, index))["image"]


def delivered(workers):
    """Give all epochs as one loader delivers them, in batches of 4."""
    with warnings.catch_warnings():
        # From Python 3.12 on, forking beside threads is warned of; torch forks all the same.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded")
        loader = data.DataLoader(Pictures(), batch_size=4, num_workers=workers)
        return np.concatenate([batch.numpy() for batch in loader])


def test_any_number_of_workers_gives_the_same_pictures():
    alone = delivered(0)
    assert alone.shape == (EPOCHS * COUNT, 3, 24, 24)
    for workers in (1, 2):
        np.testing.assert_array_equal(delivered(workers), alone)
    assert len({picture.tobytes() for picture in alone}) == EPOCHS * COUNT
