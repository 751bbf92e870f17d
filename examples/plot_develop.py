"""
From a hand-held bracket to one picture
=======================================

Three exposures, a shaking hand and a drifting balloon: `Develop` recognises the bracket, aligns
it, gives every frame the balloon of the reference frame, and fuses.
"""

import matplotlib.pyplot as plt

import sfumato as sf

room = sf.data.DuskRoom(size=(400, 640))
camera = sf.data.Camera(noise=(2e-5, 1e-7), shake_px=6.0)
bracket = camera.bracket(room, (-2.0, 0.0, 2.0), subject_at=(0.45, 0.0, -0.35))

record = sf.capture.Develop().develop(bracket.sample)
print(record.recognition)
for frame in record.result.meta["alignment"]:
    print(f"frame {frame.frame + 1}: {frame.method}, residual {frame.residual_px:.2f} px")

naive = sf.capture.FuseExposures()(bracket.stack)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
pictures = {"fused as they lie": naive, "developed": record.result.image}
for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(name)
    axis.set_axis_off()
plt.show()
