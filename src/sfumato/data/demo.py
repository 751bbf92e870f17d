"""Write the frames that the demonstration develops, as a camera would have left them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sfumato.core.sample import Sample
from sfumato.data.camera import Camera
from sfumato.data.dusk_room import DuskRoom
from sfumato.data.series import Bracket, FocusSeries
from sfumato.io.picture import write

__all__ = ["DemoFrames", "write_demo_frames"]

EXPOSURES_EV = (-2.0, 0.0, 2.0)
PLACES = (0.45, 0.0, -0.35)
"""Where the balloon is in each frame."""
FOCUS_M = (1.1, 1.4, 1.8, 3.1, 40.0)


@dataclass(frozen=True, eq=False)
class DemoFrames:
    """Where the frames are, and what is true about them.

    Args:
        bracket_paths: the exposure bracket: hand-held, with a drifting balloon.
        focus_paths: the focus series: on a tripod, from near to far.
        bracket: the frames of the bracket and their truth.
        focus: the frames of the focus series and their truth.
    """

    bracket_paths: tuple[Path, ...]
    focus_paths: tuple[Path, ...]
    bracket: Bracket
    focus: FocusSeries


def write_demo_frames(
    folder: str | Path, *, size: tuple[int, int] = (800, 1280), seed: int = 0
) -> DemoFrames:
    """Photograph the dusk room: a hand-held bracket of three and a focus series of five.

    Args:
        folder: where to; it must exist, frames of the same name are replaced.
        size: height and width of the frames in pixels.
        seed: of the scene, the noise and the hand.

    Raises:
        FileError: a frame cannot be written.

    Example:
        >>> frames = write_demo_frames(getfixture("tmp_path"), size=(40, 64))
        >>> [path.name for path in frames.bracket_paths]
        ['dusk-1.jpg', 'dusk-2.jpg', 'dusk-3.jpg']
    """
    folder = Path(folder)
    camera = Camera(noise=(2e-5, 1e-7), shake_px=0.009 * size[1], exposure_time_s=0.04)
    room = DuskRoom(size=size, seed=seed)
    bracket = camera.bracket(room, EXPOSURES_EV, subject_at=PLACES, seed=seed)
    still = Camera(noise=(2e-5, 1e-7), f_number=4.0, exposure_time_s=0.01)
    focus = still.focus_series(
        DuskRoom(size=size, seed=seed, view="table"), FOCUS_M, exposure_ev=-0.5, seed=seed
    )
    return DemoFrames(
        bracket_paths=_write_all(folder, "dusk", bracket.sample),
        focus_paths=_write_all(folder, "table", focus.sample),
        bracket=bracket,
        focus=focus,
    )


def _write_all(folder: Path, name: str, sample: Sample) -> tuple[Path, ...]:
    frames = zip(sample.require("stack", "write_demo_frames"), sample.meta["frames"], strict=True)
    return tuple(
        write(folder / f"{name}-{k}.jpg", Sample(image, meta=meta), overwrite=True, quality=95)
        for k, (image, meta) in enumerate(frames, start=1)
    )
