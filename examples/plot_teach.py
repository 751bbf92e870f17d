"""
Teach a network to see in the dark
==================================

A room at dusk, photographed again and again with a noisy camera; the same views without
noise are what should come out. Some seconds of learning, no download, and the method
stands in a pipeline like any other step.
"""

import tempfile
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
from torch import nn

import sfumato as sf


class Denoiser(sf.Method):
    """Learn the noise, then take it away."""

    def __init__(self, *, width: int = 24, depth: int = 5) -> None:
        super().__init__()
        widths = [3, *[width] * (depth - 1), 3]
        layers = [
            m for a, b in pairwise(widths) for m in (nn.Conv2d(a, b, 3, padding=1), nn.ReLU())
        ]
        self.noise = nn.Sequential(*layers[:-1])

    def predict(self, batch, *, rng=None):
        return batch.but(image=batch.image - self.noise(batch.image))

    def loss(self, batch, part, rng):
        return {"mse": (self.predict(batch).image - batch.need("target")).square().mean()}


camera = sf.data.Camera(noise=(4e-3, 1e-4))
views = sf.data.SceneViews(
    scene=sf.data.DuskRoom(size=(64, 64), samples=1), camera=camera, count=32
)
loader = sf.data.Loader(source=views, batch_size=8, cache_mb=64)
torch.manual_seed(0)
with tempfile.TemporaryDirectory() as run:
    recipe = sf.Recipe(steps=100, lr=4e-3, warmup_steps=10, device="cpu")
    report = sf.Trainer(recipe, out=run).fit(Denoiser(), loader)
    clean = sf.core.Apply(weights=run)
    room = sf.data.DuskRoom(size=(240, 360), samples=1)
    sample = sf.data.SceneViews(scene=room, camera=camera, turn_degrees=3.0)[3]
    answer = clean(sample.image)

psnr = sf.measure.PSNR()
pictures = {
    f"noisy, {psnr(sample.image, sample.target):.1f} dB": sample.image,
    f"after {report.seconds:.0f} s of learning, {psnr(answer, sample.target):.1f} dB": answer,
    "without noise": sample.target,
}
figure, axes = plt.subplots(1, 3, figsize=(13, 3.3), layout="constrained")
for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(name)
    axis.set_axis_off()
plt.show()
