"""What a scene promises: a picture in linear light and the exact truth about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.spec import Configured
from sfumato.errors import RangeError, ShapeError

__all__ = ["Scene", "SceneTruth", "check_homography", "sample_positions"]


@dataclass(frozen=True, eq=False)
class SceneTruth:
    """A rendered scene: what a perfect sensor sees, and where everything is.

    Args:
        radiance: linear light; 1 is white at 0 EV, lamps and sun are far above.
        depth: distance along the optical axis in metres at the pixel centres.
        ids: which object each pixel centre shows, see ``names``.
        subject: the moving subject's share of each pixel, 0..1.
        names: the object behind each number of ``ids``.
        normals: unit surface normals at the pixel centres (0 outdoors), x to the
            right, y upwards, z away from the camera; where the scene has them.

    Shape:
        radiance, normals (h, w, 3) float32; depth, subject (h, w) float32; ids (h, w) int32.
    """

    radiance: NDArray[np.float32]
    depth: NDArray[np.float32]
    ids: NDArray[np.int32]
    subject: NDArray[np.float32]
    names: Mapping[int, str]
    normals: NDArray[np.float32] | None = None

    @property
    def subject_mask(self) -> NDArray[np.bool_]:
        """Where the moving subject contributes to a pixel at all."""
        return self.subject > 0

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Where the pixel centres show an object.

        Raises:
            RangeError: the scene has no object of that name.
        """
        numbers = [number for number, known in self.names.items() if known == name]
        if not numbers:
            known = ", ".join(sorted(set(self.names.values())))
            raise RangeError(f"SceneTruth: there is no '{name}'", hint=f"there are: {known}")
        return np.isin(self.ids, numbers)


class Scene(Configured, ABC):
    """A world that can be rendered from a hand-held camera.

    Pixels are evaluated at warped positions and never resampled, so the picture
    under any homography is as exact as the picture at rest.

    Args:
        size: height and width of the picture in pixels.
        seed: draws all that is random about the scene.
    """

    size: Annotated[tuple[int, int], Between(8, 20000)] = (800, 1280)
    seed: Annotated[int, Between(0, 2**32 - 1)] = 0

    @property
    def focal_length_px(self) -> float:
        """Focal length in pixels, for hand shake and defocus; the width unless known better."""
        return float(self.size[1])

    @property
    def principal_point(self) -> tuple[float, float]:
        """Where the optical axis meets the picture, (x, y) in pixels."""
        return (self.size[1] - 1) / 2, (self.size[0] - 1) / 2

    @abstractmethod
    def render(
        self, *, homography: NDArray[np.float64] | None = None, subject_at: float | None = 0.0
    ) -> SceneTruth:
        """Render the scene.

        Args:
            homography: maps a pixel (x, y) of the new picture to the picture at rest.
            subject_at: how far the subject has moved along its path; 0 is where
                it starts, none leaves it out.
        """

    def subject_share(
        self, *, homography: NDArray[np.float64] | None = None, subject_at: float | None = 0.0
    ) -> NDArray[np.float32]:
        """Give the moving subject's share (h, w) of each pixel alone; arguments as `render`."""
        return self.render(homography=homography, subject_at=subject_at).subject


def check_homography(matrix: Any, who: str) -> NDArray[np.float64]:
    """Return a 3 x 3 matrix in float64, the identity for none.

    Raises:
        ShapeError: the shape is another.
        RangeError: it is not finite or cannot be inverted.
    """
    if matrix is None:
        return np.eye(3)
    array = np.asarray(matrix, np.float64)
    if array.shape != (3, 3):
        raise ShapeError(f"{who}: a homography is (3, 3), got {array.shape}")
    if not np.all(np.isfinite(array)) or abs(np.linalg.det(array)) < 1e-12:
        raise RangeError(f"{who}: the homography is not finite or cannot be inverted")
    return array


def sample_positions(
    homography: NDArray[np.float64], rows: tuple[int, int], width: int, samples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give where the samples of some rows of pixels fall after a homography.

    Within a pixel the samples stand like rooks that do not attack each other: no
    two share a row or a column, so an edge along the axes is met by as many
    different shares as there are samples.

    Args:
        homography: maps pixels of the picture to the picture at rest.
        rows: the first row and the one after the last.
        width: of the picture in pixels.
        samples: across a pixel.

    Returns:
        x and y, each ((rows) * samples, width * samples).

    Example:
        >>> x, y = sample_positions(np.eye(3), (0, 1), 1, 2)
        >>> x.tolist(), y.tolist()
        ([[-0.375, 0.125], [-0.125, 0.375]], [[-0.375, -0.125], [0.125, 0.375]])
    """
    down, across = np.arange((rows[1] - rows[0]) * samples)[:, None], np.arange(width * samples)
    x = (across + (down % samples + 0.5) / samples) / samples - 0.5
    y = rows[0] + (down + (across % samples + 0.5) / samples) / samples - 0.5
    h = homography
    w = h[2, 0] * x + h[2, 1] * y + h[2, 2]
    u, v = (h[k, 0] * x + h[k, 1] * y + h[k, 2] for k in (0, 1))
    return u / w, v / w
