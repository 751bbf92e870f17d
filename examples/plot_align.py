"""
Frames from a shaking hand
==========================

The camera of the house knows how it shook. Alignment has to find it again, four stops apart,
from the pictures alone.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

room = sf.data.DuskRoom(size=(400, 640))
bracket = sf.data.Camera(shake_px=8.0).bracket(room, (-4.0, 0.0, 4.0), seed=3)
aligned = sf.capture.AlignFrames(reference=bracket.reference)(bracket.sample)

height, width = room.size
corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
for found, true in zip(aligned.meta["alignment"], bracket.homographies, strict=True):
    moved = sf.features.map_points(true, corners)
    error = np.linalg.norm(sf.features.map_points(found.homography, corners) - moved, axis=1)
    shake = np.linalg.norm(moved - corners, axis=1)
    print(f"frame {found.frame + 1}: shaken {shake.max():5.2f} px, error {error.max():.3f} px")


def difference(stack):
    bright = sf.capture.match_intensity(stack[0], stack[1])(stack[0])
    return np.abs(bright.astype(float) - stack[1]).mean(axis=2)


figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
for axis, (name, stack) in zip(
    axes, {"as they lie": bracket.stack, "aligned": aligned.stack}.items(), strict=True
):
    axis.imshow(difference(stack), cmap="magma", vmin=0, vmax=60)
    axis.set_title(f"difference of frames 1 and 2, {name}")
    axis.set_axis_off()
plt.show()
