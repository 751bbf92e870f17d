"""Teach the embedded generator to follow hints, and measure how well it does.

    python benchmarks/adapters.py OUT --teach lines --seconds 300    # a ControlNet
    python benchmarks/adapters.py OUT --teach depth --seconds 300    # a T2I-Adapter
    python benchmarks/adapters.py OUT --measure                      # both, alone and together

needs the weights ``scenes`` (benchmarks/painter.py). Writes OUT/weights/scenes-lines and
OUT/weights/scenes-depth, OUT/adapters.json and OUT/adapters.png. Everything is computed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
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


def score(picture: np.ndarray, scene) -> tuple[float, bool, bool]:
    """Give the IoU of the thing's area, and whether its color and the ground's are those asked."""
    names = [scene.meta["objects"][0]["color"], scene.meta["background"]["color"]]
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    palette = cv2.cvtColor(np.array([list(COLORS.values())], np.uint8), cv2.COLOR_RGB2LAB)[0]
    far = np.linalg.norm(lab[:, :, None] - palette.astype(np.float32), axis=-1)
    numbers = [list(COLORS).index(name) for name in names]
    seen, truth = far[..., numbers[0]] < far[..., numbers[1]], scene.mask > 0
    iou = (seen & truth).sum() / max((seen | truth).sum(), 1)
    nearest = far.argmin(axis=-1)
    most = [np.bincount(nearest[area], minlength=len(COLORS)).argmax() for area in (truth, ~truth)]
    return float(iou), bool(most[0] == numbers[0]), bool(most[1] == numbers[1])


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

    def paint(kinds: dict[str, float], *, text: bool = True, **options) -> list[np.ndarray]:
        made = []
        for k in range(0, len(scenes), 100):
            part = slice(k, k + 100)
            captions = [str(s.text) if text else "" for s in scenes[part]]
            steers = [(steer(kind, part, **options), strength) for kind, strength in kinds.items()]
            found = base.generate(captions, size=(64, 64), seed=k, adapters=steers)
            made += [to_picture(image) for image in found.image]
        return made

    painted = {
        "no hint (strength 0)": paint({"lines": 0.0}),
        "lines, guess mode": paint({"lines": 1.0}, guess_mode=True),
        "lines, strength 0.5": paint({"lines": 0.5}),
        "lines (ControlNet)": paint({"lines": 1.0}),
        "depth (T2I-Adapter)": paint({"depth": 1.0}),
        "both": paint({"lines": 1.0, "depth": 1.0}),
        "lines, no words": paint({"lines": 1.0}, text=False),
        "real scenes": [s.image for s in scenes],
    }
    rows = {}
    for name, pictures in painted.items():
        found = np.array([score(p, s) for p, s in zip(pictures, scenes, strict=True)])
        iou, thing, ground = found.mean(axis=0)
        rows[name] = {"iou": round(iou, 3), "thing": round(thing, 3), "ground": round(ground, 3)}
        print(f"{name:24} IoU {iou:.3f}  thing's color {thing:.3f}  ground's {ground:.3f}")
    shown = [
        [
            s.image,
            np.repeat(s.hint, 3, axis=2),
            *(painted[n][k] for n in painted if n != "real scenes"),
        ]
        for k, s in enumerate(scenes[:8])
    ]
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in shown])
    write(given.out / "adapters.png", sheet, overwrite=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--teach", choices=("lines", "depth"), action="append", default=[])
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--seconds", type=float, default=300.0, help="for each adapter")
    parser.add_argument("--scenes", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--prompts", type=int, default=300, help="held-out scenes to measure on")
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
        facts = {"scores": measure(given, device), "prompts": given.prompts, "device": device}
        for kind in ("lines", "depth"):
            told = given.out / f"adapter-{kind}.json"
            if told.exists():
                facts[kind] = json.loads(told.read_text())
        facts["measuring_s"] = round(time.perf_counter() - started, 1)
        (given.out / "adapters.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
