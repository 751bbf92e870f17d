"""
From a noisy raw to a clean picture
===================================

A camera at dusk, at ISO 12800: a `RawCamera` reads a computed room as a sensor would, `DevelopRaw`
makes a picture of the mosaic, `DenoiseRaw` takes the noise off before the missing colors
are filled in, `DenoiseBurst` merges eight frames first. Since the room is computed, what is left
can be measured.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

law = sf.capture.NoiseLaw(
    gain_per_iso=(0.01,), read_law=(0.8, 1.1, 0.0), black=(512.0,), white=(16383.0,), step=1.0
)
camera = sf.capture.RawCamera(noise=law.at(12800))
room = sf.data.DuskRoom(size=(320, 480)).render()
light = sf.core.Sample(2.0 * room.radiance, space="linear")

frames = [camera.expose(light, rng=seed) for seed in range(8)]
raw = frames[0]
burst = raw.but(stack=np.stack([frame.image for frame in frames]), target=None)
truth = raw.but(image=np.minimum(raw.target, 1.0))

# %%
# The mosaic goes to the picture by balance, demosaicing, the camera's matrix and the sRGB curve.

develop = sf.capture.DevelopRaw()
shown = {
    "as it is": develop(raw),
    "DenoiseRaw, non-local means": develop(sf.capture.DenoiseRaw()(raw)),
    "DenoiseBurst, 8 frames": develop(sf.capture.DenoiseBurst()(burst)),
    "without noise": develop(truth),
}

# %%
# The profile of the noise stands in the sample, as it would in the NoiseProfile of a DNG;
# a camera of your own is measured by ``sfumato calibrate``.

figure, axes = plt.subplots(2, 2, figsize=(11, 7.6), layout="constrained")
for axis, (name, picture) in zip(axes.flat, shown.items(), strict=True):
    score = sf.measure.PSNR()(picture.image, shown["without noise"].image)
    axis.imshow(picture.image[120:300, 60:330])
    axis.set_title(name if np.isinf(score) else f"{name}: {score:.1f} dB")
    axis.set_axis_off()
plt.show()
