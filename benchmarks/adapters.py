"""Teach the embedded generator to follow hints, and measure how well it does.

    python benchmarks/adapters.py OUT --teach lines --seconds 300    # a ControlNet
    python benchmarks/adapters.py OUT --teach depth --seconds 300    # a T2I-Adapter
    python benchmarks/adapters.py OUT --measure                      # both, alone and together

needs the weights ``scenes`` (benchmarks/painter.py). Writes OUT/weights/scenes-lines and
OUT/weights/scenes-depth, OUT/adapters.json and OUT/adapters.png. Everything is computed. What was
painted stays in OUT, and is not painted again where a measuring goes on: take another OUT after
other settings.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import time
from pathlib import Path

import numpy as np
import torch
from painter import HELD_OUT, save, to_picture, trained

import sfumato
from sfumato.adapt import ControlNet, Steer, T2IAdapter
from sfumato.core.batch import Batch
from sfumato.core.opencv import cv2
from sfumato.data.caption_scenes import COLORS, CaptionScenes
from sfumato.features.canny import Canny
from sfumato.io.picture import write

BASE = "scenes"
SINGLE = ("circle", "square", "triangle", "star", "heart")
"""Things of one color, whose area can be read off a picture."""


def with_hint(kind: str, scenes: CaptionScenes, index: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Give picture, hint and caption; half of the line hints are what Canny finds."""
    scene = scenes[index]
    hint = scene.hint
    if kind == "lines" and index % 2:
        hint = Canny(into="hint", sigma=0.8)(scene).hint
    return scene.image, hint, str(scene.text)


def rendered(job: tuple[str, int, int, int]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Render scenes start..stop of a seed."""
    kind, seed, start, stop = job
    cv2.setNumThreads(0)
    scenes = CaptionScenes(seed=seed, hint="edges" if kind == "lines" else "depth")
    found = [with_hint(kind, scenes, k) for k in range(start, stop)]
    images, hints, captions = zip(*found, strict=True)
    return np.stack(images), np.stack(hints), list(captions)


def planes(pictures: np.ndarray) -> torch.Tensor:
    """Give pictures (n, h, w, c) of 8 bits as tensors."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def batches_of(kind: str, count: int, size: int, workers: int) -> list[Batch]:
    """Render scenes with hints in processes and keep them as batches."""
    jobs = [(kind, 1, k, min(k + size, count)) for k in range(0, count, size)]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        found = pool.map(rendered, jobs, chunksize=1)
    return [Batch(planes(i), hint=planes(h), text=tuple(c)) for i, h, c in found]


def teach(kind: str, given: argparse.Namespace, device: str) -> dict:
    """Teach one adapter, and put it on the shelf of embedded weights."""
    batches = batches_of(kind, given.scenes, given.batch, given.workers)
    batches = [batch.to(device) for batch in batches]
    options = {"device": device, "precision": "bf16" if device == "cuda" else "fp32", "seed": 0}

    def make() -> ControlNet | T2IAdapter:
        if kind == "lines":
            return ControlNet(base=BASE, hint_widths=(16, 32, 64))
        return T2IAdapter(base=BASE, unshuffle=4)

    facts = trained(
        make, batches, given.seconds, given.out / f"run-{kind}", {**options, "lr": 5e-4}
    )
    method = sfumato.core.load(given.out / f"run-{kind}" / "last")
    shelf = Path(sfumato.__path__[0]) / "weights"
    save(method, f"{BASE}-{kind}", facts, given.out, shelf, by="benchmarks/adapters.py")
    return facts


def held_out(count: int) -> list:
    """Give scenes with one thing of one color on a plain background."""
    found = []
    scenes = CaptionScenes(seed=HELD_OUT, things=(1, 1), hint="edges")
    for k in range(len(scenes)):
        scene = scenes[k]
        thing, ground = scene.meta["objects"][0], scene.meta["background"]
        if thing["kind"] in SINGLE and ground["pattern"] == "plain":
            found.append(scene)
        if len(found) == count:
            break
    return found


def silhouette(picture: np.ndarray) -> np.ndarray:
    """Give where a picture differs from its own background, whatever the colors.

    The background is the median of the rim in CIELAB, the threshold on the distance to it
    that of Otsu.
    """
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    rim = [lab[:2].reshape(-1, 3), lab[-2:].reshape(-1, 3)]
    rim += [lab[:, :2].reshape(-1, 3), lab[:, -2:].reshape(-1, 3)]
    far = np.linalg.norm(lab - np.median(np.concatenate(rim), axis=0), axis=-1)
    # Half units of CIELAB, up to 127 of them.
    levels = np.clip(2 * far, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    return levels > threshold


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def score(picture: np.ndarray, scene) -> dict[str, float]:
    """Compare a picture with the scene whose hint and words it was made from.

    ``silhouette`` is the IoU of what differs from the background, ``asked`` that of what has
    the color that was asked for; ``thing`` and ``ground`` tell whether most of either area has
    the color that was asked for.
    """
    names = [scene.meta["objects"][0]["color"], scene.meta["background"]["color"]]
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    palette = cv2.cvtColor(np.array([list(COLORS.values())], np.uint8), cv2.COLOR_RGB2LAB)[0]
    far = np.linalg.norm(lab[:, :, None] - palette.astype(np.float32), axis=-1)
    numbers = [list(COLORS).index(name) for name in names]
    seen, truth = far[..., numbers[0]] < far[..., numbers[1]], scene.mask > 0
    nearest = far.argmin(axis=-1)
    most = [np.bincount(nearest[area], minlength=len(COLORS)).argmax() for area in (truth, ~truth)]
    return {
        "silhouette": overlap(silhouette(picture), truth),
        "asked": overlap(seen, truth),
        "thing": float(most[0] == numbers[0]),
        "ground": float(most[1] == numbers[1]),
    }


WORDS, NONE, USUAL = True, False, 4.0
LINES, DEPTH = {"lines": 1.0}, {"depth": 1.0}
ROWS: dict[str, tuple[dict[str, float], bool, bool, float]] = {
    "no hint (strength 0)": ({"lines": 0.0}, WORDS, False, USUAL),
    "lines, strength 0.5": ({"lines": 0.5}, WORDS, False, USUAL),
    "lines, guess mode with words": (LINES, WORDS, True, USUAL),
    "lines (ControlNet)": (LINES, WORDS, False, USUAL),
    "depth (T2I-Adapter)": (DEPTH, WORDS, False, USUAL),
    "both": ({**LINES, **DEPTH}, WORDS, False, USUAL),
    "no hint, no words": ({"lines": 0.0}, NONE, False, USUAL),
    "lines, guess mode without words, guidance 1.5": (LINES, NONE, True, 1.5),
    "lines, guess mode without words": (LINES, NONE, True, USUAL),
    "lines, no words": (LINES, NONE, False, USUAL),
}
"""What is painted: adapters and their strengths, with the caption or not, in guess mode or not,
and the guidance."""


def measure(given: argparse.Namespace, device: str) -> dict:
    """Let the base, each adapter, and both paint held-out scenes."""
    base = sfumato.core.load(BASE).to(device)
    lines = sfumato.core.load(f"{BASE}-lines").adapter.to(device)
    depth = sfumato.core.load(f"{BASE}-depth").adapter.to(device)
    scenes = held_out(given.prompts)
    hints = {
        "lines": torch.cat([planes(s.hint[None]) for s in scenes]).to(device),
        "depth": torch.cat(
            [torch.from_numpy(np.asarray(s.depth, np.float32))[None, None] for s in scenes]
        ).to(device),
    }

    def steer(kind: str, part: slice, **options) -> Steer:
        return Steer(lines if kind == "lines" else depth, hints[kind][part], **options)

    def paint(
        kinds: dict[str, float], words: bool, guess: bool, guidance: float
    ) -> list[np.ndarray]:
        made = []
        for k in range(0, len(scenes), 50):
            part = slice(k, k + 50)
            captions = [str(s.text) if words else "" for s in scenes[part]]
            steers = [(steer(n, part, guess_mode=guess), kinds[n]) for n in kinds]
            found = base.generate(
                captions,
                size=(64, 64),
                seed=k,
                adapters=steers,
                steps=given.steps,
                guidance=guidance,
            )
            made += [to_picture(image) for image in found.image]
        return made

    rows, painted = {}, {}
    for name in given.rows:
        kept = given.out / f"painted-{re.sub('[^a-z0-9]+', '-', name)}.npz"
        if not kept.exists():
            started = time.process_time()
            made = np.stack(paint(*ROWS[name]))
            np.savez_compressed(kept, made=made, seconds=time.process_time() - started)
        found = np.load(kept)
        painted[name] = list(found["made"])
        spent = {"processor_s": round(float(found["seconds"]) / len(scenes), 2)}
        rows[name] = means(painted[name], scenes) | spent
        print(f"{name:46} {rows[name]}", flush=True)
    real = [s.image for s in scenes]
    rows["real scenes"] = means(real, scenes)
    rows["another real scene (chance)"] = means(real[1:] + real[:1], scenes)
    show(given.out / "adapters.png", scenes, painted)
    facts = {"rows": rows}
    if "both" in painted:
        alone = [name for name in ("lines (ControlNet)", "depth (T2I-Adapter)") if name in painted]
        gains = {name: gain(painted["both"], painted[name], scenes) for name in alone}
        facts["silhouette of both, less that of"] = gains
    return facts


def means(pictures: list[np.ndarray], scenes: list) -> dict[str, float]:
    """Give the mean scores, and the standard error of the silhouette's."""
    scores = [score(p, s) for p, s in zip(pictures, scenes, strict=True)]
    found = {key: round(float(np.mean([s[key] for s in scores])), 3) for key in scores[0]}
    spread = np.std([s["silhouette"] for s in scores], ddof=1) / np.sqrt(len(scores))
    return found | {"error": round(float(spread), 4)}


def gain(one: list[np.ndarray], other: list[np.ndarray], scenes: list) -> list[float]:
    """Give the mean gain of the silhouette, scene by scene, and its standard error."""
    gains = [
        score(a, s)["silhouette"] - score(b, s)["silhouette"]
        for a, b, s in zip(one, other, scenes, strict=True)
    ]
    error = np.std(gains, ddof=1) / np.sqrt(len(gains))
    return [round(float(np.mean(gains)), 4), round(float(error), 4)]


def show(path: Path, scenes: list, painted: dict[str, list[np.ndarray]]) -> None:
    """Write a sheet: a scene, its hint, and the pictures in the order of the rows."""
    sheet = [
        np.concatenate(
            [s.image, np.repeat(s.hint, 3, axis=2), *(made[k] for made in painted.values())], axis=1
        )
        for k, s in enumerate(scenes[:8])
    ]
    write(path, np.concatenate(sheet), overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--teach", choices=("lines", "depth"), action="append", default=[])
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--seconds", type=float, default=300.0, help="for each adapter")
    parser.add_argument("--scenes", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--prompts", type=int, default=300, help="held-out scenes to measure on")
    parser.add_argument("--steps", type=int, default=25, help="of each picture")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    given.out.mkdir(parents=True, exist_ok=True)
    for kind in given.teach:
        facts = teach(kind, given, device)
        (given.out / f"adapter-{kind}.json").write_text(json.dumps(facts, indent=1) + "\n")
        print(kind, json.dumps(facts))
    if given.measure:
        started = time.perf_counter()
        facts = {"device": device, "prompts": given.prompts, "steps": given.steps}
        facts |= measure(given, device)
        for kind in ("lines", "depth"):
            told = given.out / f"adapter-{kind}.json"
            if told.exists():
                facts[kind] = json.loads(told.read_text())
        facts["measuring_s"] = round(time.perf_counter() - started, 1)
        (given.out / "adapters.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
