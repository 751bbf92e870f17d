"""
A picture repaired by learned tables
====================================

A network of a quarter million numbers looks at the picture at 256 x 256 and mixes three learned
3D LUTs into one, for this picture alone. Here it sees the dusk room rendered wrongly in three
ways; views of this room are among the pictures that it learned from, so it does
better than elsewhere.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

room = sf.data.DuskRoom(size=(240, 360))
bracket = sf.data.Camera().bracket(room, (-2.0, 0.0, 2.0)).sample
good = sf.capture.FuseExposures()(bracket.stack)

grade = sf.color.AutoGrade()
psnr = sf.measure.PSNR()
figure, axes = plt.subplots(2, 3, figsize=(11, 5), layout="constrained")
for column, seed in zip(axes.T, (3, 5, 8), strict=True):
    wrong = sf.color.Misrender()(good, seed)
    mended = grade(wrong)
    for axis, shown in zip(column, (wrong, mended), strict=True):
        axis.imshow(shown)
        axis.set_title(f"{psnr(shown, good):.1f} dB")
        axis.set_axis_off()
plt.show()

# %%
# The table that was chosen is an ordinary color table: it can be kept, joined, examined.
table = grade.table_for(wrong)
report = sf.color.examine_table(table)
print(f"{report.falling:.1%} of the steps fall; greys drift by {report.grey_drift:.3f} at most")
grey = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(3, axis=2)
figure, axis = plt.subplots(figsize=(4, 4), layout="constrained")
for channel, name in enumerate(("red", "green", "blue")):
    axis.plot(grey[0, :, 0], table(grey)[0, :, channel], color=name)
axis.set_title("what becomes of greys")
plt.show()
