"""From the frames of a camera to one finished picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from sfumato.capture.align_frames import AlignFrames
from sfumato.capture.deghost import Deghost
from sfumato.capture.develop_raw import DevelopRaw
from sfumato.capture.focus_stack import FocusStack
from sfumato.capture.fuse_exposures import FuseExposures
from sfumato.capture.merge_burst import MergeBurst
from sfumato.capture.recognize import Recognition, SeriesKind, examine_series
from sfumato.color.transfer import linear_to_srgb
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Stack, to_unit
from sfumato.errors import ShapeError

__all__ = ["Develop", "DevelopRecord", "DevelopStep"]


MAIN_STEPS = ("fuse", "stack", "merge")
"""The steps that turn frames into one picture."""

GLANCE_PX = 640
DARK, BRIGHT = 0.08, 0.92
"""Between these a pixel shows what moved."""


@dataclass(frozen=True, slots=True, eq=False)
class DevelopStep:
    """One step of the way, while it happens.

    Args:
        name: ``align``, ``deghost``, ``fuse``, ``stack``, ``merge``, or for finishing
            steps their class in lower case.
        operator: what was done.
        before: the sample that it got.
        after: the sample that it gave.
        seconds: how long it took.
    """

    name: str
    operator: Operator
    before: Sample
    after: Sample
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class DevelopRecord:
    """What came out and how.

    Args:
        result: the finished picture with the metadata of the reference frame.
        recognition: what the series was taken for, and why.
        seconds: the time of each step, in order; ``recognize`` is the first, or ``raw``.
    """

    result: Sample
    recognition: Recognition
    seconds: tuple[tuple[str, float], ...]


Watch: TypeAlias = Callable[[DevelopStep], None]
Progress: TypeAlias = Callable[[str], None]


class Develop(Operator):
    """Make one finished picture from the frames of a camera.

    The series is recognised first (`examine_series`), unless ``kind`` names it.
    Then a bracket is aligned, freed of ghosts and fused; a focus series is
    aligned from neighbour to neighbour and stacked; a burst is aligned and
    merged; a single picture is only finished. Each step is an operator of its
    own and can be set, or left out with None where it is not the main one.

    The result keeps the metadata of the reference frame, and what the steps
    found: ``mask`` (ghosts), ``depth`` and their entries in ``meta``. The frames
    themselves are dropped. Frames in linear light are fused as sRGB values,
    since exposure fusion judges what an eye would see; the result is then sRGB.

    Raw mosaics are made pictures first, all of them alike, and go on as sRGB values.

    Args:
        kind: what the frames are; ``auto`` looks.
        align: None takes the frames as they lie.
        deghost: None lets moving things show several times.
        fuse: how a bracket becomes one picture.
        focus: how a focus series becomes one picture.
        burst: how a burst becomes one picture.
        finish: what happens to the picture in the end, in order.
        raw: how raw mosaics become pictures.

    Shape:
        reads ``image`` or ``stack`` (n, h, w, c); writes ``image``; alignment
        cuts it to the area that all frames share. Of mosaics c is 1, and 3 in the result.

    Raises:
        ShapeError: a series was asked for and there is one frame, or the reverse.
        AlignmentError: a frame cannot be aligned.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> scene = rng.uniform(0.1, 0.4, (64, 64, 3)).astype(np.float32)
        >>> bracket = Sample(scene, stack=np.stack([scene, 2 * scene]))
        >>> developed = Develop(align=None)(bracket)
        >>> bool(scene.mean() < developed.image.mean() < 2 * scene.mean())
        True
    """

    _example = {"align": None}

    kind: Literal["auto", "bracket", "focus", "burst", "single"] = "auto"
    align: AlignFrames | None = AlignFrames()
    deghost: Deghost | None = Deghost()
    fuse: FuseExposures = FuseExposures()
    focus: FocusStack = FocusStack()
    burst: MergeBurst = MergeBurst()
    finish: tuple[Operator, ...] = ()
    raw: DevelopRaw = DevelopRaw()

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        return self.develop(sample, rng).result

    def develop(
        self,
        sample: Sample,
        rng: Rng | int | None = None,
        *,
        watch: Watch | None = None,
        progress: Progress | None = None,
    ) -> DevelopRecord:
        """Do the work and tell how it went.

        Args:
            sample: the frames.
            rng: seed or generator of random steps.
            watch: called after each step with what went in and came out. Nothing
                of it is kept here, so that memory is only held by who wants it.
            progress: called before each step with its name.

        Raises:
            ShapeError: a series was asked for and there is one frame, or the reverse.
            AlignmentError: a frame cannot be aligned.
        """
        tell = progress or (lambda name: None)
        generator = np.random.default_rng(rng)
        seconds = []
        if sample.space == "raw":
            tell("raw")
            started = time.perf_counter()
            sample = self.raw.apply(sample, generator.spawn(1)[0])
            seconds.append(("raw", time.perf_counter() - started))
        tell("recognize")
        started = time.perf_counter()
        recognition = self._recognize(sample)
        seconds.append(("recognize", time.perf_counter() - started))
        if recognition.kind == "bracket" and sample.space == "linear":
            sample = _as_display(sample)
        if recognition.kind == "bracket" and self.deghost is not None:
            sample = self._with_reference(sample)
        if recognition.kind == "single" and sample.stack is not None:
            sample = sample.but(image=sample.stack[0], stack=None)
        steps = self.steps(recognition.kind)
        streams = generator.spawn(len(steps))
        for (name, operator), stream in zip(steps, streams, strict=True):
            tell(name)
            started = time.perf_counter()
            try:
                for needed in operator.inputs:
                    sample.require(needed, type(operator).__name__)
                after = operator.apply(sample, stream)
            except Exception as error:
                error.add_note(f"while developing, in the step '{name}'")
                raise
            seconds.append((name, time.perf_counter() - started))
            if watch is not None:
                watch(DevelopStep(name, operator, sample, after, seconds[-1][1]))
            # The frames have done their work; what follows needs the picture only.
            sample = after.but(stack=None) if name in MAIN_STEPS else after
            del after
        return DevelopRecord(_finished(sample), recognition, tuple(seconds))

    def steps(self, kind: SeriesKind) -> tuple[tuple[str, Operator], ...]:
        """Name the steps that a series of a kind goes through, and their operators."""
        finish = tuple((type(operator).__name__.lower(), operator) for operator in self.finish)
        if kind == "single":
            return finish
        ways: dict[SeriesKind, tuple[tuple[str, Operator | None], ...]] = {
            "bracket": (("align", self.align), ("deghost", self.deghost), ("fuse", self.fuse)),
            "focus": (("align", self._align_neighbors()), ("stack", self.focus)),
            "burst": (("align", self.align), ("merge", self.burst)),
        }
        chosen = tuple((name, operator) for name, operator in ways[kind] if operator is not None)
        return chosen + finish

    def _with_reference(self, sample: Sample) -> Sample:
        """Name the reference before alignment, so that it is the one that ghosts need.

        Alignment alone would take the frame with most well exposed pixels; but
        where that one is blown it cannot say what moved.
        """
        given = (getattr(step, "reference", None) for step in (self.align, self.deghost))
        known = sample.meta.get("reference")
        chosen = next((k for k in (*given, known) if k is not None), None)
        if chosen is None:
            chosen = _telling_frame(sample.require("stack", "Develop"))
        return sample.but(meta={**sample.meta, "reference": chosen})

    def _align_neighbors(self) -> AlignFrames | None:
        # The ends of a focus series are too blurred to be matched with its middle.
        return None if self.align is None else replace(self.align, chain="neighbors")

    def _recognize(self, sample: Sample) -> Recognition:
        count = 1 if sample.stack is None else len(sample.stack)
        if self.kind == "auto":
            return examine_series(sample)
        if self.kind == "single" and count > 1:
            raise ShapeError(
                f"Develop: expected a single picture, got {count} frames",
                hint="give one frame, or leave the kind to be recognised",
            )
        if self.kind != "single" and count < 2:
            raise ShapeError(
                f"Develop: a {self.kind} needs at least 2 frames, got {count}",
                hint="give more frames, or develop this one as a single picture",
            )
        return Recognition(self.kind, "request")


def _telling_frame(stack: Stack) -> int:
    """Name the frame that shows most; white is lost, dark can be raised.

    Of three and more the darkest and the brightest are left out: what they show at
    all is noisy or near white.
    """
    step = max(1, round(max(stack.shape[1:3]) / GLANCE_PX))
    brightest = [to_unit(frame[::step, ::step]).max(axis=2) for frame in stack]
    shown = [float((b > DARK).mean() - 2.0 * (b > BRIGHT).mean()) for b in brightest]
    order = np.argsort([float(b.mean()) for b in brightest], kind="stable")
    candidates = order[1:-1] if len(order) > 2 else order
    return int(max(candidates, key=lambda k: shown[k]))


def _as_display(sample: Sample) -> Sample:
    """Encode a bracket in linear light."""
    frames = sample.require("stack", "Develop")
    stack = np.empty_like(frames)
    for k, frame in enumerate(frames):
        stack[k] = linear_to_srgb(frame)
    return sample.but(image=linear_to_srgb(sample.image), stack=stack, space="srgb")


def _finished(sample: Sample) -> Sample:
    """Give the picture the metadata of the reference frame, and drop the frames."""
    frames: Any = sample.meta.get("frames", ())
    if not frames:
        return sample.but(stack=None)
    reference = sample.meta.get("reference", (len(frames) - 1) // 2)
    return sample.but(stack=None, meta={**sample.meta, **frames[reference]})
