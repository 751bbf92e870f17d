"""
A clean picture from a noisy burst
==================================

Eight equal frames hold eight times the light. `MergeBurst` averages what agrees and leaves out
what moved.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

room = sf.data.DuskRoom(size=(300, 480))
camera = sf.data.Camera(noise=(4e-3, 1e-5), shake_px=3.0)
burst = camera.burst(room, 8)
merge = sf.Pipeline(steps=(sf.capture.AlignFrames(), sf.capture.MergeBurst()))
merged = merge(burst.sample)

part = np.s_[60:200, 60:280]
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
pictures = {"one frame": burst.stack[burst.reference], "eight merged": merged.image}
for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture[part])
    axis.set_title(name)
    axis.set_axis_off()
plt.show()
