"""
One balloon, not three
======================

Something moved between the frames. `Deghost` compares each frame with what the reference says it
should show, and puts the reference's content where they disagree; the mask says where.
"""

import matplotlib.pyplot as plt

import sfumato as sf

camera = sf.data.Camera(noise=(2e-5, 1e-7))
bracket = camera.bracket(
    sf.data.DuskRoom(size=(300, 480)), (-2.0, 0.0, 2.0), subject_at=(0.45, 0.0, -0.35)
)
fuse = sf.capture.FuseExposures()
still = sf.capture.Deghost(reference=bracket.reference)(bracket.sample)

figure, axes = plt.subplots(1, 3, figsize=(13, 3), layout="constrained")
axes[0].imshow(fuse(bracket.stack))
axes[0].set_title("fused with ghosts")
axes[1].imshow(still.mask, cmap="gray")
axes[1].set_title("ghost mask")
axes[2].imshow(fuse(still.stack))
axes[2].set_title("fused without")
for axis in axes:
    axis.set_axis_off()
plt.show()
