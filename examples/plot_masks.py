"""
Only there
==========

`Within` confines any operator to a mask and blends over its rim; outside, every bit stays.
So a picture can be lifted indoors and left alone at the window.
A mask may be painted, selected by likeness, read from a file, or come with the sample.
"""

import matplotlib.pyplot as plt

import sfumato as sf

truth = sf.data.DuskRoom(size=(300, 480)).render()
photograph = sf.data.Camera().expose(truth.radiance, 0.5)
window = ~truth.mask("outdoors") & ~truth.mask("window frame")

lift = sf.Pipeline(steps=(sf.color.Tone(shadows=0.6), sf.raster.Sharpen(amount=0.8)))
indoors = sf.raster.Within(op=lift, feather_px=4.0)
result = indoors(sf.Sample(photograph, mask=window))

figure, axes = plt.subplots(1, 3, figsize=(13, 3), layout="constrained")
pictures = {
    "as photographed": photograph,
    "the mask": window,
    "shadows lifted indoors": result.image,
}
for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(name)
    axis.set_axis_off()
plt.show()
