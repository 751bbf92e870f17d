"""
Edges between the pixels
========================

A disc whose outline is known exactly, blurred and noisy. Each detector says where the edge runs to
a few hundredths of a pixel; a circle fitted to the points says it to a few thousandths, and one
fitted to the grey values around them as exactly as the noise allows.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

chart = sf.data.DiscChart(size=(64, 64), radius_px=20.5, blur_px=0.7, noise_sd=2 / 255)
picture = chart.picture()
detectors = (
    sf.features.DevernayEdges(),
    sf.features.SplineEdges(),
    sf.features.ErfEdges(),
    sf.features.ZernikeEdges(),
    sf.features.PartialAreaEdges(),
)
found = {type(d).__name__: d.detect(picture) for d in detectors}
for name, points in found.items():
    error = chart.distance(points.x, points.y)
    circle = sf.features.fit_circle(points)
    print(f"{name:18} rms {np.sqrt(np.mean(error**2)):.4f} px, radius {circle.radius_px:.4f}")

points = found["DevernayEdges"]
best = sf.features.fit_circle(points, image=picture)
sigma = np.sqrt(best.covariance[2, 2])
print(f"grey values: radius {best.radius_px:.4f} +- {sigma:.4f}, blur {best.step.blur_px:.3f} px")

figure, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
for axis in axes:
    axis.imshow(picture[..., 0], cmap="gray")
    axis.plot(points.x, points.y, ".", color="#ff8c1a", markersize=4)
    axis.set_axis_off()
axes[1].set_xlim(36, 54)
axes[1].set_ylim(36, 18)
axes[1].set_title("the pixels are squares, the points lie between them")
plt.show()
