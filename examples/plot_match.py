"""
The poster on the wall
======================

One poster, photographed twice: from the front by daylight, and from a tilted camera at dusk, three
stops darker and noisy. `FindTemplate` finds the first picture in the second and says where its
corners are and how far to trust that. The computed room knows where they truly are.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

room = sf.data.DuskRoom(size=(480, 768))
camera = sf.data.Camera(noise=(2e-4, 1e-6))

# From the front and four times as near: which pixel of the room at rest each pixel shows.
near = np.array([[0.25, 0.0, 492.0], [0.0, 0.25, 92.5], [0.0, 0.0, 1.0]])
poster = camera.expose(room.render(homography=near).radiance, 1.0, 1)[:436, :344]

# From the side, turned by 20 degrees.
c, s = 0.6 * np.cos(np.radians(20.0)), 0.6 * np.sin(np.radians(20.0))
tilt = np.array([[c, -s, 405.0], [s, c, -54.0], [3e-4, 2e-4, 1.0]])
scene = camera.expose(room.render(homography=tilt).radiance, -1.0, 2)

match = sf.features.FindTemplate(ratio=0.8).find(scene, poster)
true = sf.features.map_points(np.linalg.inv(tilt) @ near, [(0, 0), (0, 435), (343, 435), (343, 0)])
print(f"{match.inlier_count} of {match.matches} matches agree, residual {match.residual_px:.2f} px")
for found, truth, error in zip(match.corners, true, match.corner_error_px, strict=True):
    off = np.hypot(*(found - truth))
    print(f"corner at ({truth[0]:5.1f}, {truth[1]:5.1f}): off {off:.2f} px, expected {error:.2f}")

figure, axis = plt.subplots(figsize=(11, 5), layout="constrained")
axis.imshow(sf.features.draw_match(poster, scene, match))
axis.set_axis_off()
plt.show()
