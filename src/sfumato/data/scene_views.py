"""Pictures of a computed scene, each from another view, with the exact truth."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.data.camera import Camera
from sfumato.data.dusk_room import DuskRoom
from sfumato.data.scene import Scene
from sfumato.data.source import Source

__all__ = ["SceneViews"]


class SceneViews(Source):
    """Photograph a computed scene again and again: turned, nearer, darker, the subject elsewhere.

    Each view has ``image`` with the camera's noise, ``target`` the same without noise,
    ``depth``, and ``mask``, the number of the object at each pixel. Nothing is downloaded, and
    every view is exact: pixels are computed at their place, never resampled.

    Args:
        scene: what is photographed, in the size of the pictures.
        camera: exposure, noise and response.
        count: how many views there are.
        zoom_range: how much nearer than the scene at rest.
        turn_degrees: the camera is turned by up to this, either way.
        exposure_ev_range: stops.

    Example:
        >>> views = SceneViews(scene=DuskRoom(size=(24, 32)), count=2)
        >>> views[0].fields(), views[0].size
        (('image', 'mask', 'depth', 'target'), (24, 32))
    """

    scene: Scene = DuskRoom(size=(64, 64))
    camera: Camera = Camera(noise=(1e-3, 1e-5))
    count: Annotated[int, Between(1)] = 1000
    zoom_range: Annotated[tuple[float, float], Between(1.0, 8.0)] = (1.0, 2.5)
    turn_degrees: Annotated[float, Between(0.0, 180.0)] = 10.0
    exposure_ev_range: Annotated[tuple[float, float], Between(-8.0, 8.0)] = (-1.0, 1.0)

    _example = {"scene": DuskRoom(size=(16, 16)), "count": 2}

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, rng: Rng) -> Sample:
        view = self._view(rng)
        truth = self.scene.render(homography=view, subject_at=float(rng.random()))
        stops = float(rng.uniform(*self.exposure_ev_range))
        clean = Camera(**{**self.camera.config, "noise": (0.0, 0.0)})
        return Sample(
            self.camera.expose(truth.radiance, stops, rng),
            target=clean.expose(truth.radiance, stops),
            depth=truth.depth,
            mask=truth.ids,
            meta={"exposure_ev": stops},
        )

    def _view(self, rng: Rng) -> NDArray[np.float64]:
        """Map a pixel of the view to one of the scene at rest that lies inside it."""
        height, width = self.scene.size
        zoom = rng.uniform(*self.zoom_range)
        turn = math.radians(rng.uniform(-self.turn_degrees, self.turn_degrees))
        cos, sin = math.cos(turn) / zoom, math.sin(turn) / zoom
        reach = np.array([width, height]) * (1.0 - 1.0 / zoom) / 2.0
        x, y = np.array([width - 1, height - 1]) / 2.0 + rng.uniform(-1.0, 1.0, 2) * reach
        u, v = (width - 1) / 2.0, (height - 1) / 2.0
        return np.array(
            [[cos, -sin, x - cos * u + sin * v], [sin, cos, y - sin * u - cos * v], [0.0, 0.0, 1.0]]
        )
