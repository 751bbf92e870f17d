"""The hand that holds a camera: small turns, exact as homographies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.data.scene import Scene

__all__ = ["shake_homography"]


def shake_homography(scene: Scene, shake_px: float, rng: Any) -> NDArray[np.float64]:
    """Turn a hand-held camera a little: ``H = K R K^-1``, exact for a pure rotation.

    Args:
        scene: gives size and focal length.
        shake_px: the corners move by 50 to 100 % of this, as a root mean square.
        rng: a seed or generator.

    Returns:
        What maps a pixel of the shaken frame to the frame at rest.
    """
    generator = np.random.default_rng(rng)
    axis = generator.normal(size=3) * (1.0, 1.0, 0.6)
    target = shake_px * generator.uniform(0.5, 1.0)
    height, width = scene.size
    corners = np.array(
        [[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]], float
    )
    angle = target / scene.focal_length_px
    matrix = np.eye(3)
    for _ in range(8):
        matrix = _rotation_homography(scene, axis / np.linalg.norm(axis) * angle)
        moved = corners @ matrix.T
        away = np.linalg.norm(moved[:, :2] / moved[:, 2:] - corners[:, :2], axis=1)
        angle *= target / max(float(np.sqrt(np.mean(away**2))), 1e-9)
    return matrix


def _rotation_homography(scene: Scene, turn: NDArray[np.float64]) -> NDArray[np.float64]:
    (x, y), f = scene.principal_point, scene.focal_length_px
    camera = np.array([[f, 0.0, x], [0.0, f, y], [0.0, 0.0, 1.0]])
    angle = float(np.linalg.norm(turn))
    a, b, c = turn / angle if angle else turn
    cross = np.array([[0.0, -c, b], [c, 0.0, -a], [-b, a, 0.0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    matrix = camera @ rotation @ np.linalg.inv(camera)
    return np.asarray(matrix / matrix[2, 2])
