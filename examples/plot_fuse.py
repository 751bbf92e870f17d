"""
What each frame gives to an exposure fusion
===========================================

Exposure fusion needs no exposure times and no tone mapping: contrast, saturation and
well-exposedness say how much of each frame a place of the result takes.
"""

import matplotlib.pyplot as plt

import sfumato as sf

bracket = sf.data.Camera().bracket(sf.data.DuskRoom(size=(300, 480)), (-3.0, 0.0, 3.0))
fuse = sf.capture.FuseExposures()
weights = fuse.weights(bracket.stack)

figure, axes = plt.subplots(2, 4, figsize=(12, 4.2), layout="constrained")
for column, (frame, weight) in enumerate(zip(bracket.stack, weights, strict=True)):
    axes[0, column].imshow(frame)
    axes[1, column].imshow(weight, cmap="magma", vmin=0, vmax=1)
axes[0, 3].imshow(fuse(bracket.stack))
axes[0, 3].set_title("fused")
for axis in axes.flat:
    axis.set_axis_off()
plt.show()
