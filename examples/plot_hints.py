"""
Hints from a picture
====================

What guides a generator can be drawn from any picture: edges, lines, a scribble, depth, directions
of surfaces, colors. Each drawing is an operator, so it works in a recipe too; on the command line
it is ``sfumato hint canny photo.jpg -o edges.png``.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

truth = sf.data.DuskRoom(size=(240, 360)).render()
picture = np.clip(sf.color.linear_to_srgb(truth.radiance / np.percentile(truth.radiance, 90)), 0, 1)
sample = sf.Sample(picture.astype(np.float32), depth=truth.depth.astype(np.float32))
hints = {
    "Canny": sf.features.Canny(into="hint"),
    "SoftEdges": sf.features.SoftEdges(into="hint"),
    "LineDrawing": sf.features.LineDrawing(into="hint"),
    "Scribble": sf.features.Scribble(into="hint"),
    "ShowDepth": sf.features.ShowDepth(),
    "ShowNormals": sf.features.ShowNormals(),
    "ShowPalette": sf.color.ShowPalette(cell_px=24),
}
figure, axes = plt.subplots(2, 4, figsize=(14, 5), layout="constrained")
axes[0, 0].imshow(sample.image)
axes[0, 0].set_title("picture")
for axis, (name, operator) in zip(axes.flat[1:], hints.items(), strict=True):
    hint = operator(sample, 0).hint
    axis.imshow(hint[..., 0] if hint.shape[2] == 1 else hint, cmap="gray", vmin=0, vmax=1)
    axis.set_title(name)
for axis in axes.flat:
    axis.set_axis_off()
plt.show()
