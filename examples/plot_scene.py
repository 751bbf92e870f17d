"""
A scene with exact truth
========================

The house photographs its own scene: a room at dusk, traced with linear radiance over some 20
stops. Depth, masks, normals and the motion of the camera are known exactly, so a result can be
compared with what is true and not with another program.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

room = sf.data.DuskRoom(size=(300, 480))
truth = room.render()
camera = sf.data.Camera(noise=(2e-5, 1e-7), shake_px=4.0)
bracket = camera.bracket(room, (-2.0, 0.0, 2.0), subject_at=(0.45, 0.0, -0.35))

stops = np.log2(np.maximum(truth.radiance.mean(axis=2), 1e-6))
print(f"light from {stops.min():.1f} to {stops.max():.1f} stops")

figure, axes = plt.subplots(2, 3, figsize=(11, 5), layout="constrained")
for axis, frame, name in zip(axes[0], bracket.stack, ("-2 EV", "0 EV", "+2 EV"), strict=True):
    axis.imshow(frame)
    axis.set_title(name)
maps = {"stops of light": stops, "depth": np.log(truth.depth), "moved": bracket.moved_mask}
for axis, (name, plane) in zip(axes[1], maps.items(), strict=True):
    axis.imshow(plane, cmap="magma")
    axis.set_title(name)
for axis in axes.flat:
    axis.set_axis_off()
plt.show()
