"""
Sharp from front to back
========================

Five frames of a table, focused from near to far. Each place is taken from the frame that is
sharpest there, and which one that is makes a depth map.
"""

import matplotlib.pyplot as plt

import sfumato as sf

table = sf.data.DuskRoom(size=(400, 640), view="table")
series = sf.data.Camera(f_number=4.0).focus_series(table, (1.1, 1.4, 1.8, 3.1, 40.0))
stacked = sf.capture.FocusStack()(series.sample)

figure, axes = plt.subplots(2, 2, figsize=(11, 7), layout="constrained")
pictures = {"focused near": series.stack[0], "focused far": series.stack[-1]}
for axis, (name, picture) in zip(axes[0], pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(name)
axes[1, 0].imshow(stacked.image)
axes[1, 0].set_title("stacked")
axes[1, 1].imshow(stacked.depth, cmap="viridis")
axes[1, 1].set_title("depth, in frames")
for axis in axes.flat:
    axis.set_axis_off()
plt.show()
