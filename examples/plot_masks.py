"""
Only there
==========

`Within` confines any operator to a mask and blends over its rim; outside, every bit stays as it was.
The mask may be painted, selected by likeness, read from a file, or come with the sample.
"""

import matplotlib.pyplot as plt

import sfumato as sf

scene = sf.data.DuskRoom(size=(300, 480)).render()
photograph = sf.data.Camera().expose(scene, 0.0)
window = sf.Sample(photograph, mask=scene.mask("outdoors") if "outdoors" in scene.names else None)
