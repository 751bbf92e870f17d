"""A virtual camera: frames as a real one would take them, and the truth about each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.noise_model import NoiseModel
from sfumato.core.bounds import Between
from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit
from sfumato.core.spec import Configured
from sfumato.data.defocus import blur_by_depth, circle_of_confusion
from sfumato.data.response import encode_response
from sfumato.data.scene import Scene, SceneTruth
from sfumato.data.series import Bracket, FocusSeries
from sfumato.data.shake import shake_homography
from sfumato.errors import RangeError

__all__ = ["Camera"]

SHAKE, NOISE = 1, 2
"""Purposes of random numbers; each frame has a stream of its own for each of them."""


class Camera(Configured):
    """A camera without a lens: exposure, sensor, response and the hand that holds it.

    A frame at e stops records ``s = radiance * 2^e``. The sensor adds noise of
    variance ``a s + b``, as `sfumato.capture.NoiseModel` makes it: a Poisson count scaled by
    a, and a normal reading error. It clips to 0..1, and the response turns that into picture
    values. For raw mosaics of a calibrated camera see `sfumato.capture.RawCamera`.

    Args:
        response: the curve from linear light to picture values.
        dtype: of the frames; float32 is clipped like the others, but not rounded.
        noise: a and b on the unit range; 0, 0 for none. A clean camera at
            low ISO is near (2e-5, 1e-8), a noisy one near (2e-3, 1e-5). The gain a is
            0 or at least 1e-9.
        shake_px: how far the corners of a hand-held frame are from the
            reference, as a root mean square; each frame keeps within 50 to 100 %
            of it. The camera turns and does not travel, so a homography is exact.
        exposure_time_s: at 0 EV; a bracket varies it.
        iso: only told in the meta data.
        f_number: only told in the meta data, and the aperture of a focus series.

    Example:
        >>> import sfumato as sf
        >>> camera = sf.data.Camera(shake_px=3.0)
        >>> bracket = camera.bracket(sf.data.DuskRoom(size=(40, 60)), (-2, 0, 2))
        >>> bracket.stack.shape, bracket.reference
        ((3, 40, 60, 3), 1)
        >>> [frame["exposure_time_s"] for frame in bracket.sample.meta["frames"]]
        [0.0125, 0.05, 0.2]
    """

    response: Literal["linear", "srgb", "gamma", "filmic"] = "srgb"
    dtype: Literal["uint8", "uint16", "float32"] = "uint8"
    noise: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.0, 0.0)
    shake_px: Annotated[float, Between(0.0, 500.0)] = 0.0
    exposure_time_s: Annotated[float, Between(1e-6, 3600.0)] = 0.05
    iso: Annotated[int, Between(1, 10_000_000)] = 100
    f_number: Annotated[float, Between(0.5, 128.0)] = 8.0

    def check(self) -> None:
        if 0.0 < self.noise[0] < 1e-9:
            raise RangeError(
                f"Camera.noise: a gain of {self.noise[0]:g} means more than 1e9 electrons at white",
                hint="give 0 for a sensor without photon noise, else 1e-9 or more",
            )

    @property
    def sensor(self) -> NoiseModel:
        """The noise as a model on the unit range."""
        gain, floor = self.noise
        return NoiseModel(gain=(gain,), read_noise=(floor**0.5,), white=(1.0,))

    def expose(
        self, radiance: NDArray[np.float32], exposure_ev: float = 0.0, rng: Any = None
    ) -> NDArray[Any]:
        """Record radiance as one frame.

        Args:
            radiance: linear light, 1 is white at 0 EV.
            exposure_ev: stops above 0 EV.
            rng: a seed or generator for the noise; not used without noise.

        Shape:
            radiance (h, w, c); returns the same shape in the dtype of the camera.
        """
        signal = radiance * np.float32(2.0**exposure_ev)
        gain, floor = self.noise
        if gain or floor:
            generator = np.random.default_rng(rng)
            signal = np.minimum(signal, np.float32(4.0))  # far above white, whatever the noise
            signal = self.sensor.apply(signal, generator, clip=False)
        values = encode_response(np.clip(signal, 0.0, 1.0), self.response)
        return from_unit(values, self.dtype)

    def bracket(
        self,
        scene: Scene,
        exposures_ev: tuple[float, ...] = (-2.0, 0.0, 2.0),
        *,
        subject_at: tuple[float, ...] | None = None,
        reference: int | None = None,
        seed: int = 0,
        shaken: bool = True,
    ) -> Bracket:
        """Take a series of frames of one scene.

        Noise and shake of each frame have random numbers of their own: taking one
        of them away, or the motion, leaves everything else as it was.

        Args:
            scene: what to photograph.
            exposures_ev: stops of each frame.
            subject_at: where the subject stands in each frame, as in `Scene.render`;
                0 everywhere for none.
            reference: number of the reference frame; the one nearest 0 EV for none,
                of several the middle one.
            seed: draws noise and shake.
            shaken: whether the hand shakes as ``shake_px`` says.

        Raises:
            RangeError: no frames, a place missing, no such reference, or the
                subject not at 0 in the reference.
        """
        count = len(exposures_ev)
        places = tuple(subject_at) if subject_at is not None else (0.0,) * count
        reference = _reference(exposures_ev) if reference is None else reference
        if count == 0 or len(places) != count or not 0 <= reference < count:
            raise RangeError(
                f"Camera.bracket: got {count} exposures, {len(places)} places of the subject "
                f"and frame {reference} as reference",
                hint="give one place an exposure, and a reference from 0 to the last frame",
            )
        if places[reference] != 0:
            raise RangeError(
                f"Camera.bracket: the subject is at {places[reference]} in the reference frame",
                hint="places count from the reference: put 0 there",
            )
        matrices = np.stack(
            [
                shake_homography(scene, self.shake_px, _stream(seed, SHAKE, k))
                if shaken and self.shake_px > 0 and k != reference
                else np.eye(3)
                for k in range(count)
            ]
        )
        truths = _render_each(scene, matrices, places)
        frames = [
            self.expose(truth.radiance, ev, _stream(seed, NOISE, k))
            for k, (truth, ev) in enumerate(zip(truths, exposures_ev, strict=True))
        ]
        meta = {"frames": tuple(self.describe(scene, ev) for ev in exposures_ev)}
        return Bracket(
            sample=Sample(frames[reference], stack=np.stack(frames), meta=meta),
            reference=reference,
            exposures_ev=tuple(float(ev) for ev in exposures_ev),
            homographies=matrices,
            subject_masks=np.stack([truth.subject_mask for truth in truths]),
            moved_mask=_moved(scene, places, truths[reference]),
            truth=truths[reference],
        )

    def burst(
        self,
        scene: Scene,
        frames: int = 8,
        *,
        exposure_ev: float = 0.0,
        subject_at: tuple[float, ...] | None = None,
        seed: int = 0,
    ) -> Bracket:
        """Take equal frames of one scene, the first of them the reference.

        Args:
            scene: what to photograph.
            frames: how many.
            exposure_ev: stops of all frames.
            subject_at: as in `bracket`.
            seed: draws noise and shake.
        """
        return self.bracket(
            scene, (exposure_ev,) * frames, subject_at=subject_at, reference=0, seed=seed
        )

    def focus_series(
        self,
        scene: Scene,
        focus_m: tuple[float, ...],
        *,
        exposure_ev: float = 0.0,
        layers: int = 24,
        seed: int = 0,
    ) -> FocusSeries:
        """Take frames that are sharp at different distances.

        The lens is thin, its aperture is the focal length over ``f_number`` for
        35 mm film, and its field of view does not change with focus. How the
        blur is laid over the scene, and what that leaves out, stands in
        `sfumato.data.defocus`.

        Args:
            scene: what to photograph.
            focus_m: the distance in focus in each frame, metres.
            exposure_ev: stops of all frames.
            layers: into how many depths the scene is cut.
            seed: draws the noise.

        Raises:
            RangeError: no distances, or one that is not above 0.
        """
        if not focus_m or min(focus_m) <= 0:
            raise RangeError(f"Camera.focus_series: distances are above 0 m, got {focus_m}")
        truth = scene.render()
        focal_m = 0.036 * scene.focal_length_px / scene.size[1]
        blur = np.stack(
            [
                circle_of_confusion(truth.depth, z, focal_m, self.f_number)
                * (scene.size[1] / 0.036)
                for z in focus_m
            ]
        )
        views = blur_by_depth(truth.radiance, truth.depth, blur, layers)
        frames = [
            self.expose(view, exposure_ev, _stream(seed, NOISE, k)) for k, view in enumerate(views)
        ]
        sharp = self.expose(truth.radiance, exposure_ev, _stream(seed, NOISE, len(frames)))
        told = self.describe(scene, exposure_ev)
        meta = {"frames": tuple({**told, "focus_distance_m": float(z)} for z in focus_m)}
        return FocusSeries(
            sample=Sample(frames[0], stack=np.stack(frames), meta=meta),
            sharp=sharp,
            index=blur.argmin(axis=0).astype(np.int32),
            blur_px=blur,
            truth=truth,
        )

    def describe(self, scene: Scene, exposure_ev: float = 0.0) -> dict[str, Any]:
        """Tell what the file of a real camera would tell of a frame."""
        return {
            "camera": "sfumato virtual camera",
            "exposure_time_s": self.exposure_time_s * 2.0**exposure_ev,
            "iso": self.iso,
            "f_number": self.f_number,
            "focal_length_mm": round(36.0 * scene.focal_length_px / scene.size[1], 1),
        }


def _stream(seed: int, purpose: int, frame: int) -> np.random.Generator:
    return np.random.default_rng([seed, purpose, frame])


def _reference(exposures_ev: tuple[float, ...]) -> int:
    """Choose the frame nearest 0 EV, and of equal ones the middle one."""
    if not exposures_ev:
        return 0
    nearest = min(abs(ev) for ev in exposures_ev)
    equal = [k for k, ev in enumerate(exposures_ev) if abs(ev) == nearest]
    return equal[(len(equal) - 1) // 2]


def _render_each(
    scene: Scene, matrices: NDArray[np.float64], places: tuple[float, ...]
) -> list[SceneTruth]:
    done: dict[tuple[bytes, float], SceneTruth] = {}
    truths = []
    for matrix, place in zip(matrices, places, strict=True):
        key = (matrix.tobytes(), place)
        if key not in done:
            done[key] = scene.render(homography=matrix, subject_at=place)
        truths.append(done[key])
    return truths


def _moved(scene: Scene, places: tuple[float, ...], truth: SceneTruth) -> NDArray[np.bool_]:
    others = sorted(set(places) - {0.0})
    mask = np.zeros(scene.size, np.bool_)
    if others:
        mask |= truth.subject_mask
    for place in others:
        mask |= scene.subject_share(subject_at=place) > 0
    return mask
