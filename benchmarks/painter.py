"""Train the embedded generator: an autoencoder of small scenes, and text to scenes in its codes.

    python benchmarks/painter.py OUT --seconds 420

writes OUT/weights/scenes-autoencoder, OUT/weights/scenes, OUT/painter.json (what was
measured) and OUT/painter.png (pictures of prompts). Everything is computed: no data are read.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import time
from pathlib import Path

import numpy as np
import torch

import sfumato
from sfumato.core.batch import Batch
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.data.caption_scenes import CAPTION_WORDS, COLORS, CaptionScenes
from sfumato.generate.autoencoder import Autoencoder
from sfumato.generate.latent_diffusion import LatentDiffusion
from sfumato.generate.text import WordEncoder
from sfumato.generate.unet import UNet
from sfumato.io.picture import write
from sfumato.train.recipe import Recipe
from sfumato.train.trainer import Trainer

HELD_OUT = 999_983
"""Seed of scenes that are never learned from."""

KINDS = ("circle", "square", "triangle", "star", "heart", "ring", "fish", "flower", "house")


def rendered(job: tuple[int, int, int]) -> tuple[np.ndarray, list[str]]:
    """Render scenes start..stop of a seed."""
    seed, start, stop = job
    cv2.setNumThreads(0)
    scenes = CaptionScenes(seed=seed)
    samples = [scenes[k] for k in range(start, stop)]
    return np.stack([s.image for s in samples]), [str(s.text) for s in samples]


def batches_of(count: int, seed: int, size: int, workers: int) -> list[Batch]:
    """Render scenes in processes and keep them as batches."""
    jobs = [(seed, k, min(k + size, count)) for k in range(0, count, size)]
    context = multiprocessing.get_context("fork")
    with context.Pool(workers) as pool:
        found = pool.map(rendered, jobs, chunksize=1)
    return [
        Batch(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, text=tuple(captions))
        for images, captions in found
    ]


def seconds_a_step(method, batches, recipe: Recipe) -> float:
    """Measure a step of a copy, after the first ones."""
    marks = []

    class Clock:
        def started(self, step, steps):
            pass

        def stepped(self, step):
            if step in (recipe.steps // 2, recipe.steps):
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                marks.append(time.perf_counter())

        def __getattr__(self, name):
            return lambda *args, **options: None

    Trainer(recipe, callbacks=[Clock()]).fit(method, batches)
    return (marks[1] - marks[0]) / (recipe.steps - recipe.steps // 2)


def trained(
    make, batches, seconds: float, folder: Path, options: dict, *, steps: int | None = None
) -> dict:
    """Train a method for so many seconds, the schedule fitted to them, or for so many steps."""
    trial = 60 if seconds > 30 and steps is None else 4
    a_step = seconds_a_step(make(), batches, Recipe(**options, steps=trial))
    limit = 1.15 * seconds if steps is None else None
    steps = max(2, int(0.97 * seconds / a_step)) if steps is None else steps
    warmup = min(300, steps // 10)
    # An average over a tenth of the training: a longer one would still hold its random start.
    options = {**options, "ema": max(0.5, min(0.999, 1 - 10 / steps))}
    recipe = Recipe(
        **options,
        steps=steps,
        warmup_steps=warmup,
        max_seconds=limit,
        validate_every=steps,
        save_every=steps,
        log_every=max(1, min(200, steps // 4)),
        keep=1,
    )
    shutil.rmtree(folder, ignore_errors=True)
    started = time.perf_counter()
    torch.manual_seed(options["seed"])
    method = make()
    processor = time.process_time()
    report = Trainer(recipe, out=folder).fit(method, batches)
    return {
        "steps": steps,
        "seconds": round(time.perf_counter() - started, 1),
        "processor_s": round(time.process_time() - processor, 1),
        "ms_a_step": round(1e3 * a_step, 2),
        "parameters": sum(p.numel() for p in method.parameters() if p.requires_grad),
        "losses": report.losses,
    }


def smaller(batches: list[Batch], size: int) -> list[Batch]:
    """Cut batches."""
    return [b[k : k + size] for b in batches for k in range(0, len(b), size)]


@torch.no_grad()
def coded(coder: Autoencoder, batches: list[Batch]) -> list[Batch]:
    """Give batches whose pictures are codes."""
    return [batch.but(image=coder.encode(batch.image)) for batch in batches]


def psnr_of(coder: Autoencoder, batches: list[Batch], device: str) -> float:
    """Mean PSNR of readings of held-out scenes, 8 bits."""
    scores = []
    for batch in batches:
        with torch.no_grad():
            read = coder.predict(batch.to(device)).image.cpu()
        error = ((read * 255).round() / 255 - batch.image).square().mean(dim=(1, 2, 3))
        scores += (-10 * torch.log10(error.clamp(min=1e-10))).tolist()
    return float(np.mean(scores))


def names_of_colors(picture: np.ndarray) -> np.ndarray:
    """Give the nearest named color of each pixel, by number, in CIELAB."""
    palette = np.array(list(COLORS.values()), np.uint8)[None]
    lab = cv2.cvtColor(palette, cv2.COLOR_RGB2LAB).astype(np.float32)[0]
    pixels = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    return np.linalg.norm(pixels[:, :, None] - lab, axis=-1).argmin(axis=-1)


def color_is_right(picture: np.ndarray, thing: str, background: str) -> tuple[bool, bool]:
    """Tell whether the background is most of the rim, and the thing most of what differs."""
    names = list(COLORS)
    found = names_of_colors(picture)
    rim = np.concatenate([found[:3].ravel(), found[-3:].ravel(), found[:, :3].ravel()])
    counts = np.bincount(found.ravel(), minlength=len(names))
    counts[names.index(background)] = 0
    right = np.bincount(rim, minlength=len(names)).argmax() == names.index(background)
    seen = counts.sum() > 0.02 * found.size and counts.argmax() == names.index(thing)
    return bool(seen), bool(right)


def color_scores(painter: LatentDiffusion, seed: int, prompts: int) -> dict:
    """Ask for one thing on a plain background and look at both colors."""
    rng = np.random.default_rng(seed)
    names = list(COLORS)
    asked = []
    for _ in range(prompts):
        thing, background = rng.choice(len(names), 2, replace=False)
        asked.append((names[thing], str(rng.choice(KINDS)), names[background]))
    captions = [f"{article(c)} {c} {kind} on {article(b)} {b} background" for c, kind, b in asked]
    made = []
    for k in range(0, len(captions), 120):
        found = painter.generate(captions[k : k + 120], size=(64, 64), seed=1000 + k)
        made += [to_picture(image) for image in found.image]
    own = [color_is_right(m, c, b) for m, (c, _, b) in zip(made, asked, strict=True)]
    other = [
        color_is_right(m, c, b) for m, (c, _, b) in zip(made, asked[1:] + asked[:1], strict=True)
    ]
    scores = {}
    for who, seen in (("asked", own), ("another prompt (chance)", other)):
        things, backgrounds = np.mean(seen, axis=0)
        scores[who] = {"thing": round(float(things), 3), "background": round(float(backgrounds), 3)}
    real = [
        s
        for s in (CaptionScenes(seed=HELD_OUT, things=(1, 1))[k] for k in range(600))
        if s.meta["background"]["pattern"] == "plain" and s.meta["objects"][0]["kind"] in KINDS
    ]
    seen = [
        color_is_right(s.image, s.meta["objects"][0]["color"], s.meta["background"]["color"])
        for s in real
    ]
    things, backgrounds = np.mean(seen, axis=0)
    scores["real scenes"] = {
        "thing": round(float(things), 3), "background": round(float(backgrounds), 3),
    }  # fmt: skip
    return scores


def article(color: str) -> str:
    return "an" if color == "orange" else "a"


def to_picture(image: torch.Tensor) -> np.ndarray:
    return (image.cpu() * 255).round().to(torch.uint8).permute(1, 2, 0).numpy().copy()


def sheet(painter: LatentDiffusion, path: Path, rows_wanted: int) -> None:
    """Paint held-out captions, four seeds each, beside the scene they come from."""
    scenes = [CaptionScenes(seed=HELD_OUT)[k] for k in range(rows_wanted)]
    rows = []
    for scene in scenes:
        found = painter.generate(str(scene.text), size=(64, 64), count=6, seed=5)
        rows.append(np.concatenate([scene.image, *(to_picture(i) for i in found.image)], axis=1))
    write(path, Sample(np.concatenate(rows)), overwrite=True)
    path.with_suffix(".txt").write_text("\n".join(str(s.text) for s in scenes) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=420.0, help="for both trainings")
    parser.add_argument("--scenes", type=int, default=80_000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--prompts", type=int, default=600, help="asked to measure colors")
    parser.add_argument("--rows", type=int, default=10, help="captions on the contact sheet")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    device = given.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    given.out.mkdir(parents=True, exist_ok=True)
    shelf = Path(sfumato.__path__[0]) / "weights"
    shelf.mkdir(exist_ok=True)
    settings = {name: getattr(given, name) for name in ("seconds", "scenes", "batch")}
    facts: dict = {"device": device, "torch": torch.__version__, "settings": settings}
    started = time.perf_counter()
    batches = batches_of(given.scenes, 0, given.batch, given.workers)
    held_out = batches_of(512, HELD_OUT, 128, given.workers)
    facts["rendering_s"] = round(time.perf_counter() - started, 1)
    batches = [batch.to(device) for batch in batches]

    options = {"device": device, "precision": "bf16" if device == "cuda" else "fp32", "seed": 0}
    facts["autoencoder"] = trained(
        lambda: Autoencoder(channels=24, groups=8, kl_weight=1e-6),
        smaller(batches, max(1, given.batch // 8)),
        0.35 * given.seconds,
        given.out / "run-autoencoder",
        {**options, "lr": 2e-3, "weight_decay": 0.0},
    )
    coder = sfumato.core.load(given.out / "run-autoencoder" / "last")
    facts["autoencoder"]["psnr_db"] = round(psnr_of(coder.to(device), held_out, device), 2)
    save(coder, "scenes-autoencoder", facts["autoencoder"], given.out, shelf)

    def painter() -> LatentDiffusion:
        width = 96
        made = LatentDiffusion(
            autoencoder="scenes-autoencoder",
            network=UNet(
                channels_in=coder.latents, channels=56, multipliers=(1, 2), blocks=2,
                attention_at=(1, 2), heads=4, context=width, groups=8,
            ),
            text=WordEncoder(words=CAPTION_WORDS, width=width, length=32, layers=2),
        )  # fmt: skip
        made.scale.copy_(1.0 / torch.cat([b.image for b in codes[:8]]).std())
        # The scenes are coded once, before the training; the method would do it at each step.
        made.codes = lambda found: found * made.scale
        return made

    codes = coded(coder, batches)

    facts["painter"] = trained(
        painter,
        codes,
        0.65 * given.seconds,
        given.out / "run-painter",
        {**options, "lr": 1e-3, "weight_decay": 0.01},
    )
    made = sfumato.core.load(given.out / "run-painter" / "last").to(device)
    facts["painter"]["colors"] = color_scores(made, 7, given.prompts)
    save(made, "scenes", facts["painter"], given.out, shelf)
    sheet(made, given.out / "painter.png", given.rows)
    (given.out / "painter.json").write_text(json.dumps(facts, indent=1) + "\n")
    for name in ("run-autoencoder", "run-painter"):
        shutil.rmtree(given.out / name / "checkpoints", ignore_errors=True)
    print(json.dumps(facts, indent=1))


def save(
    method, name: str, facts: dict, out: Path, shelf: Path, by: str = "benchmarks/painter.py"
) -> None:
    """Put a method on the shelf of embedded weights, in 16 bits, and a copy into OUT."""
    card = f"Computed scenes (data.CaptionScenes), {by}, seed 0.\n\n```json\n"
    card += json.dumps(facts, indent=1) + "\n```"
    method.cpu().save(shelf / name, card=card, dtype="float16")
    shutil.copytree(shelf / name, out / "weights" / name, dirs_exist_ok=True)
    method.to("cuda" if torch.cuda.is_available() else "cpu")


if __name__ == "__main__":
    main()
