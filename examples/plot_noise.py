"""
How a picture fades
===================

A diffusion takes a picture away step by step, and a network learns the way back. How fast it
fades is the schedule: the linear one spends a third of its steps on what is noise already, the
cosine and the sigmoid share them out more evenly, and only a schedule without terminal signal
ends in nothing but noise.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import sfumato as sf

scene = sf.data.CaptionScenes(size_px=96, seed=3)[8]
clean = torch.from_numpy(scene.image).permute(2, 0, 1)[None].double() / 127.5 - 1
noise = sf.generate.draw_noise(clean.shape, sf.generate.generators(0, 1), clean)
schedules = {
    "linear": sf.generate.LinearSchedule(),
    "scaled linear": sf.generate.ScaledLinearSchedule(),
    "no terminal signal": sf.generate.ScaledLinearSchedule(zero_terminal_snr=True),
    "cosine": sf.generate.CosineSchedule(),
    "sigmoid": sf.generate.SigmoidSchedule(),
}

figure = plt.figure(figsize=(11, 7), layout="constrained")
pictures, curves = figure.subfigures(1, 2, width_ratios=(2.2, 1))
axes = pictures.subplots(len(schedules), 6)
axis = curves.subplots()
for row, (name, schedule) in zip(axes, schedules.items(), strict=True):
    process = sf.generate.DiffusionProcess(schedule=schedule)
    for place, t in zip(row, np.linspace(0, len(process) - 1, 6).astype(int), strict=True):
        x = process.diffuse(clean, torch.tensor([t]), noise)
        place.imshow(((x[0].permute(1, 2, 0) + 1) / 2).clamp(0, 1).numpy())
        place.set_axis_off()
    row[0].set_title(name, loc="left", fontsize=9)
    axis.plot(process.alpha_bars, label=name)
axis.set_xlabel("step")
axis.set_title("what is left of the picture's variance", fontsize=9)
axis.legend(fontsize=8)
plt.show()
