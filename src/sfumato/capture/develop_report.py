"""A page that shows how a picture was developed, complete in one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

import sfumato
from sfumato.capture._report_drawing import draw_matches, marked, to_display
from sfumato.capture._report_scores import (
    FusionScores,
    PictureScores,
    histogram_paths,
    score_fusion,
    score_picture,
)
from sfumato.capture.align_frames import FrameAlignment
from sfumato.capture.develop import Develop, DevelopRecord, DevelopStep
from sfumato.capture.fuse_exposures import FuseExposures
from sfumato.core.files import write_atomically
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image
from sfumato.core.spec import to_yaml
from sfumato.raster._page_pictures import colored_map, data_uri, shrunk

__all__ = ["DevelopReport"]

THUMBNAIL_PX, MAP_PX, SLIDER_PX = 420, 480, 1400
MOST_MATCH_PICTURES = 12
HISTOGRAM = (256, 90)
METHODS = {
    "reference": "reference",
    "identity": "lay right already",
    "sift": "key points",
    "ecc": "correlation",
    "dropped": "left out",
    "unaligned": "not aligned, kept",
}


@dataclass(eq=False)
class DevelopReport:
    """Collect small pictures and numbers while a picture is developed, and make a page.

    The page holds all its pictures and needs nothing else: frames with their
    scores, the matches that alignment rests on, weight maps, ghost mask or depth
    map, a slider between the reference frame and the result, histograms, times
    and the recipe. Only small copies are kept while it collects.

    Args:
        develop: the operator that is watched.
        sample: the frames that it will get.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> scene = rng.uniform(0.1, 0.4, (64, 64, 3)).astype(np.float32)
        >>> bracket = Sample(scene, stack=np.stack([scene, 2 * scene]))
        >>> develop = Develop(align=None)
        >>> report = DevelopReport(develop, bracket)
        >>> record = develop.develop(bracket, watch=report.watch)
        >>> report.html(record).startswith("<!doctype html>")
        True
    """

    develop: Develop
    sample: Sample
    _frames: list[dict[str, Any]] = field(default_factory=list, init=False)
    _matches: list[dict[str, Any]] = field(default_factory=list, init=False)
    _alignment: list[dict[str, Any]] = field(default_factory=list, init=False)
    _maps: list[dict[str, Any]] = field(default_factory=list, init=False)
    _reference: int = field(default=0, init=False)
    _before: Image | None = field(default=None, init=False)
    _fusion: FusionScores | None = field(default=None, init=False)
    _fused: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        stack = self.sample.stack if self.sample.stack is not None else self.sample.image[None]
        known: Any = self.sample.meta.get("frames") or (self.sample.meta,)
        for k, frame in enumerate(stack):
            about = known[k] if len(known) == len(stack) else {}
            self._frames.append(self._described(frame, self.sample.space, about, k))
        self._reference = (len(stack) - 1) // 2
        self._before = shrunk(to_display(stack[self._reference], self.sample.space), SLIDER_PX)
        # The frames themselves belong to the caller, who may want the memory.
        self.sample = self.sample.but(image=self.sample.image[:1, :1].copy(), stack=None)

    def watch(self, step: DevelopStep) -> None:
        """Take from a step what the page shows; give this to `Develop.develop`."""
        after, meta = step.after, step.after.meta
        if step.name == "align":
            self._see_alignment(step)
        if step.name in ("align", "deghost", "merge") and "reference" in meta:
            frames = step.before.stack if after.stack is None else after.stack
            assert frames is not None
            self._before = shrunk(to_display(frames[meta["reference"]], after.space), SLIDER_PX)
            self._reference = _original_index(meta)
        if step.name == "deghost":
            self._see_ghosts(after)
        if step.name == "fuse" and isinstance(step.operator, FuseExposures):
            self._see_weights(step.operator, step.before)
            self._see_structure(step)
        if step.name == "merge" and after.mask is not None:
            picture = shrunk(to_display(after.image, after.space), MAP_PX)
            share = float((after.mask > 0).mean())
            text = f"Left out in some frame, since it moved: {share:.1%} of the picture."
            self._maps.append(_map("Motion", text, [(marked(picture, after.mask), "motion mask")]))
        if step.name == "stack" and after.depth is not None:
            self._see_depth(after, len(self._frames))

    def html(self, record: DevelopRecord) -> str:
        """Give the page."""
        shown = to_display(record.result.image, record.result.space)
        result = self._described(record.result.image, record.result.space, {}, None)
        before = self._before if self._before is not None else shown
        total = sum(seconds for _, seconds in record.seconds)
        template = resources.files("sfumato.capture").joinpath("develop_report.html.jinja")
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        return environment.from_string(template.read_text(encoding="utf-8")).render(
            version=sfumato.__version__,
            recognition=str(record.recognition),
            kind=record.recognition.kind,
            frames=self._frames,
            reference=self._reference,
            result=result,
            fusion=self._fusion,
            structure=self._structure(),
            size=record.result.size,
            before=data_uri(before),
            after=data_uri(shrunk(shown, SLIDER_PX)),
            shape=shrunk(shown, SLIDER_PX).shape,
            alignment=self._alignment,
            matches=self._matches,
            maps=self._maps,
            histogram=HISTOGRAM,
            times=[
                {"name": name, "seconds": seconds, "share": seconds / max(total, 1e-9)}
                for name, seconds in record.seconds
            ],
            total=total,
            recipe=to_yaml(self.develop),
        )

    def write(self, folder: str | Path, record: DevelopRecord) -> Path:
        """Write the page as ``index.html`` into a folder, which is made if it is missing.

        Raises:
            FileError: it cannot be written.
        """
        page = self.html(record).encode()
        path = Path(folder) / "index.html"
        write_atomically(path, page)
        return path

    def _described(
        self, image: Image, space: str, about: Mapping[str, Any], k: int | None
    ) -> dict[str, Any]:
        codes = to_display(image, space)
        scores: PictureScores = score_picture(codes)
        name = "result" if k is None else about.get("file_name", f"frame {k + 1}")
        return {
            "name": name,
            "facts": _facts(about),
            "picture": data_uri(shrunk(codes, THUMBNAIL_PX)),
            "scores": scores,
            "histogram": histogram_paths(codes, *HISTOGRAM),
        }

    def _see_alignment(self, step: DevelopStep) -> None:
        records: tuple[FrameAlignment, ...] = step.after.meta["alignment"]
        stack = step.before.stack
        assert stack is not None
        base = next((r.frame for r in records if r.method == "reference"), 0)
        scale = min(1.0, THUMBNAIL_PX / max(stack.shape[1:3]))
        reference = shrunk(to_display(stack[base], step.before.space), THUMBNAIL_PX)
        for record in records:
            name = self._frames[record.frame]["name"]
            self._alignment.append(_alignment_row(record, name, stack.shape[1:3]))
            if record.method == "reference" or len(self._matches) >= MOST_MATCH_PICTURES:
                continue
            if len(record.points_frame):
                frame = shrunk(to_display(stack[record.frame], step.before.space), THUMBNAIL_PX)
                points = (record.points_frame, record.points_reference)
                drawn = draw_matches(frame, reference, points, scale)
                text = f"{name} and {self._frames[base]['name']}: {record.inliers} agree"
                self._matches.append({"picture": data_uri(drawn), "text": text})

    def _see_weights(self, fuse: FuseExposures, before: Sample) -> None:
        assert before.stack is not None
        small = np.stack([shrunk(frame, MAP_PX) for frame in before.stack])
        pictures = [
            (colored_map(plane, 0.0, 1.0), self._name_in(before.meta, k))
            for k, plane in enumerate(fuse.weights(small))
        ]
        text = "Share of each frame at each place, black 0 to yellow 1, from small copies."
        self._maps.append(_map("Weights", text, pictures))

    def _see_structure(self, step: DevelopStep) -> None:
        stack = step.before.stack
        assert stack is not None
        self._fusion = score_fusion(stack, step.after.image)
        self._fused = _kept(step.before.meta) or list(range(len(stack)))

    def _structure(self) -> list[float | None]:
        """Give MEF-SSIM of every frame that came in, None for one left out, and of the result."""
        if self._fusion is None:
            return []
        known = dict(zip(self._fused, self._fusion.frames, strict=True))
        return [*(known.get(k) for k in range(len(self._frames))), self._fusion.result]

    def _see_ghosts(self, after: Sample) -> None:
        assert after.stack is not None
        assert after.mask is not None
        shown = [shrunk(to_display(frame, after.space), MAP_PX) for frame in after.stack]
        masks = after.meta.get("ghost_masks", after.mask[None])
        reference = after.meta.get("reference", 0)
        pictures = [(marked(shown[reference], after.mask), "all frames together")]
        pictures += [
            (marked(picture, mask), self._name_in(after.meta, k))
            for k, (picture, mask) in enumerate(zip(shown, masks, strict=False))
            if mask.any()
        ]
        share = float((after.mask > 0).mean())
        text = f"Replaced by what the reference frame shows: {share:.1%} of the picture."
        self._maps.append(_map("Ghosts", text, pictures))

    def _see_depth(self, after: Sample, frames: int) -> None:
        assert after.depth is not None
        depth = shrunk(np.ascontiguousarray(after.depth[..., None]), MAP_PX)[..., 0]
        pictures = [(colored_map(depth, 0.0, frames - 1.0, scheme="depth"), "depth")]
        confidence = after.meta.get("focus_confidence")
        if confidence is not None:
            plane = shrunk(np.asarray(confidence, np.float32)[..., None], MAP_PX)[..., 0]
            pictures.append((colored_map(plane, 0.0, 1.0), "confidence"))
        text = (
            "Depth from blue (first frame in focus) to red (last); confidence black 0 to yellow 1."
        )
        self._maps.append(_map("Depth", text, pictures))

    def _name_in(self, meta: Mapping[str, Any], k: int) -> str:
        """Name a frame of a stack from which alignment may have dropped some."""
        kept = _kept(meta)
        original = kept[k] if kept and k < len(kept) else k
        return str(self._frames[original]["name"])


def _kept(meta: Mapping[str, Any]) -> list[int]:
    return [r.frame for r in meta.get("alignment", ()) if r.method != "dropped"]


def _original_index(meta: Mapping[str, Any]) -> int:
    kept = _kept(meta)
    return kept[meta["reference"]] if kept else int(meta["reference"])


def _map(title: str, text: str, pictures: list[tuple[Any, str]]) -> dict[str, Any]:
    shown = [{"picture": data_uri(picture), "name": name} for picture, name in pictures]
    return {"title": title, "text": text, "pictures": shown}


def _alignment_row(record: FrameAlignment, name: str, size: tuple[int, ...]) -> dict[str, Any]:
    height, width = size
    centre = record.homography @ np.array([(width - 1) / 2, (height - 1) / 2, 1.0])
    shift = centre[:2] / centre[2] - [(width - 1) / 2, (height - 1) / 2]
    matrix = record.homography / record.homography[2, 2]
    return {
        "name": name,
        "method": METHODS.get(record.method, record.method),
        "found": record.method in ("sift", "ecc", "identity"),
        "matches": record.matches,
        "inliers": record.inliers,
        "residual_px": record.residual_px,
        "shift": (float(shift[0]), float(shift[1])),
        "turn_degrees": float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))),
        "reason": record.reason,
    }


def _facts(about: Mapping[str, Any]) -> str:
    """Write exposure and lens as a photographer does."""
    words = []
    seconds = about.get("exposure_time_s")
    if seconds:
        words.append(f"{seconds:g} s" if seconds >= 0.4 else f"1/{1 / seconds:.0f} s")
    if about.get("f_number"):
        words.append(f"f/{about['f_number']:g}")
    if about.get("iso"):
        words.append(f"ISO {about['iso']:g}")
    if about.get("focal_length_mm"):
        words.append(f"{about['focal_length_mm']:g} mm")
    return ", ".join(words)
