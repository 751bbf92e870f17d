"""
A look in a table
=================

Steps that change colors only become one 3D LUT, which every grading program reads. Here two tone
curves and a tint, written as a .cube file and applied to a picture; and what the table does to
greys.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

room = sf.data.DuskRoom(size=(300, 480))
bracket = sf.data.Camera().bracket(room, (-2.0, 0.0, 2.0)).sample
picture = sf.capture.FuseExposures()(bracket.stack)

warm = sf.color.ColorTable.identity(2)
warm = warm.but(values=warm.values * np.float32([1.0, 0.93, 0.78]))
with tempfile.TemporaryDirectory() as folder:
    tint = sf.color.write_table(Path(folder) / "warm.cube", warm)
    look = sf.Pipeline(
        steps=(sf.color.Tone(shadows=0.4, contrast=0.3), sf.color.LUT3D(file=tint, strength=0.8))
    )
    table = sf.color.table_of(look, size=33, title="evening")
    file = sf.color.write_table(Path(folder) / "evening.cube", table)
    graded = sf.color.LUT3D(file=file)(picture)
report = sf.color.examine_table(table)
print(f"{report.falling:.1%} of the steps fall, {report.folded:.1%} of the cells are folded")

figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained", width_ratios=(3, 3, 2))
for axis, shown, name in zip(axes, (picture, graded), ("fused", "graded"), strict=False):
    axis.imshow(shown)
    axis.set_title(name)
    axis.set_axis_off()
grey = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(3, axis=2)
for channel, name in enumerate(("red", "green", "blue")):
    axes[2].plot(grey[0, :, 0], table(grey)[0, :, channel], color=name)
axes[2].set_title("what becomes of greys")
plt.show()
