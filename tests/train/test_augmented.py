"""Training on augmented pairs: picture and target move together, and by the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_methods import Denoiser, Trunk

from sfumato.augment import CenterCrop, Compose, HorizontalFlip, RandomCrop, RandomGamma
from sfumato.core.pipeline import Maybe, Pipeline
from sfumato.core.sample import Sample
from sfumato.data.loader import Loader
from sfumato.data.source import SampleList
from sfumato.train.recipe import Recipe
from sfumato.train.trainer import Trainer

GEOMETRY = Pipeline(steps=(RandomCrop(height=8, width=8), HorizontalFlip(p=0.5)))
AUGMENTS = {
    "pipeline": GEOMETRY,
    "compose": Compose([RandomCrop(height=8, width=8), HorizontalFlip(p=0.5)]),
    "maybe": Pipeline(steps=(CenterCrop(height=8, width=8), Maybe(op=HorizontalFlip(p=1.0)))),
}


def source():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (12, 14, 3)).astype(np.uint8) for _ in range(5)]
    masks = [(p[..., 0] // 64).astype(np.uint8) for p in pictures]
    pairs = zip(pictures, masks, strict=True)
    return SampleList(samples=tuple(Sample(p, target=p.copy(), mask=m) for p, m in pairs))


@pytest.mark.parametrize("name", AUGMENTS)
def test_picture_target_and_mask_move_together(name):
    loader = Loader(source=source(), batch_size=5, augment=AUGMENTS[name])
    seen = set()
    for batch in (next(b) for b in [loader.batches(seed=1)] * 6):
        assert torch.equal(batch.image, batch.target)
        labels = (255 * batch.image[:, 0]).round().long() // 64
        assert torch.equal(labels, batch.mask)
        seen.add(batch.image[0].numpy().tobytes())
    assert len(seen) > 1


def test_colours_change_the_picture_and_not_its_target():
    colours = RandomGamma(gamma_limit=(150, 160), p=1.0)
    batch = next(Loader(source=source(), batch_size=5, augment=colours).batches())
    plain = next(Loader(source=source(), batch_size=5).batches())
    assert torch.equal(batch.target, plain.target)
    assert not torch.equal(batch.image, plain.image)


@pytest.mark.parametrize("name", ["pipeline", "compose"])
def test_an_augmented_training_resumes_with_the_same_bits(name, tmp_path):
    def train(out, workers, **how):
        torch.manual_seed(0)
        loader = Loader(
            source=source(), batch_size=2, augment=AUGMENTS[name], workers=workers, cache_mb=1
        )
        method = Denoiser(trunk=Trunk())
        recipe = Recipe(steps=8, device="cpu", lr=1e-3)
        Trainer(recipe, out=tmp_path / out).fit(method, loader, **how)
        return method

    whole = train("whole", 0)
    train("parts", 2, until=3)
    parts = train("parts", 1, resume=True)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other)
