"""
From photons to numbers
=======================

What a sensor reads is light, counted in electrons, and what the electronics add. One `NoiseModel`
says both; the transforms that follow from it make noise the same at every ISO, or at every
brightness.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

law = sf.capture.NoiseLaw(
    gain_per_iso=(0.004,),
    read_law=(0.8, 1.1, 0.0),
    black=(512.0,),
    white=(16383.0,),
    step=1.0,
)
isos = (100, 400, 1600, 6400)
rng = np.random.default_rng(0)

# %%
# Two frames of evenly lit paper at each brightness: half the variance of their difference, over
# their mean, is a line. Its slope is the gain, its start the read noise.

figure, (transfer, even, steady) = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
for iso in isos:
    model = law.at(iso)
    levels = np.geomspace(2.0, 0.9 * float(model.span[0]), 24)
    pairs = [
        [model.apply(np.full((128, 128), level), rng, clip=False) for _ in range(2)]
        for level in levels
    ]
    means = [np.mean(pair) for pair in pairs]
    transfer.loglog(means, [np.var(a - b) / 2 for a, b in pairs], "o", ms=4, label=f"ISO {iso}")
    transfer.loglog(levels, model.variance(levels), "k-", lw=0.8)
    changed = [sf.capture.KSigma(model=model).forward(np.array(pair)) for pair in pairs]
    even.loglog([c.mean() for c in changed], [np.var(c[0] - c[1]) / 2 for c in changed], "o", ms=4)
    anscombe = sf.capture.GeneralizedAnscombe(model=model)
    electrons = np.array(means) / model.gain[0]
    before = [np.var(pair[0]) / model.gain[0] ** 2 for pair in pairs]
    after = [np.var(anscombe.forward(np.array(pair))) for pair in pairs]
    (line,) = steady.loglog(electrons, after, "o-", ms=4, lw=0.8, label=f"ISO {iso}")
    steady.loglog(electrons, before, ":", color=line.get_color())
    print(f"ISO {iso}: {model.gain[0]:.2f} DN an electron, read noise {model.read_noise[0]:.1f} DN")

transfer.set(title="photon transfer", xlabel="mean, DN", ylabel="variance, DN²")
transfer.legend()
ends = np.array([2.0, 1e5])
even.loglog(ends, ends, "k-", lw=0.8)
even.set(title="after k-sigma: one line for every ISO", xlabel="mean", ylabel="variance")
steady.set(title="before (dotted) and after Anscombe", xlabel="electrons", ylabel="variance")
steady.legend()
plt.show()

# %%
# In the dark the electronics are alone: read noise with long tails, rows that share an offset,
# and whole numbers.

dark = np.zeros((90, 120), np.float32)
quiet = sf.capture.NoiseModel(read_noise=(0.0,), black=(512.0,), white=(16383.0,))
read = quiet.but(read_noise=(4.0,), tail=-0.2)
parts = {
    "read noise, long tails": read.apply(dark, rng),
    "rows share an offset": quiet.but(row_noise=3.0).apply(dark, rng),
    "coarse steps": quiet.but(read_noise=(3.0,), step=8.0).apply(dark, rng),
    "all together": read.but(row_noise=3.0, step=1.0).apply(dark, rng),
}
figure, axes = plt.subplots(1, 4, figsize=(14, 3.2), layout="constrained")
for axis, (name, noise) in zip(axes, parts.items(), strict=True):
    shown = axis.imshow(noise, cmap="gray", vmin=-15, vmax=15)
    axis.set_title(name)
    axis.set_axis_off()
figure.colorbar(shown, ax=axes, shrink=0.8, label="DN")
plt.show()
