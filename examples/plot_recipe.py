"""
A recipe, written down
======================

Anything with settings can be written as YAML and read back. The same file runs from the command
line: ``sfumato run evening.yaml dusk-*.jpg -o evening.png``.
"""

import matplotlib.pyplot as plt

import sfumato as sf

evening = sf.Pipeline.from_yaml("""
- capture.AlignFrames
- capture.Deghost
- capture.FuseExposures: {sigma: 0.25}
- color.Tone: {shadows: 0.2, contrast: 0.15}
- raster.Sharpen: {amount: 0.4}
""")
room = sf.data.DuskRoom(size=(400, 640))
bracket = sf.data.Camera(shake_px=4.0).bracket(room, (-2.0, 0.0, 2.0))

plt.figure(figsize=(9, 5.6), layout="constrained")
plt.imshow(evening(bracket.sample).image)
plt.axis("off")
plt.show()
