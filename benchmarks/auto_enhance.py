"""Train the auto-enhance model that comes with sfumato, and judge it beside simpler means.

Pictures whose licence allows shipping what is learned from them: twelve of the Kodak
photographs, the training part of the grocery photographs (MIT), and views of the computed dusk
room. The target is the picture with its luma stretched to the full range; the input is the same,
rendered wrongly by chance (`color.Misrender`). An image-adaptive 3D LUT with three tables and
one global table learn on the same series. Judged on pictures that were kept apart (four
Kodak photographs, the test part of the groceries), and on the FiveK pairs (expert C), which are
never trained on. Everything lands in one folder: report.md, curves and pictures, the weights.

Run: python benchmarks/auto_enhance.py --data ../shared/data --out run/auto-enhance
     [--steps 6000] [--batch 16] [--workers 2] [--device auto] [--max-seconds N]
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import time
from pathlib import Path

import numpy as np
import torch

import sfumato as sf
from sfumato.color.adaptive_lut import AdaptiveLUT
from sfumato.color.misrender import Misrender
from sfumato.core.shapes import from_unit, to_unit
from sfumato.data.degraded import DegradedPictures
from sfumato.data.dusk_room import DuskRoom
from sfumato.data.loader import Loader
from sfumato.data.picture_folder import PictureFolder
from sfumato.data.scene_views import SceneViews
from sfumato.raster.resampling import resample_image
from sfumato.train.recipe import Recipe
from sfumato.train.trainer import Trainer

SEED = 20261126
SIDE = 192
KODAK_APART = 4
KODAK_CROPS = 20
VIEWS = 40
MOST_STRETCH = 1.6
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
CARD = """Repairs exposure, white balance, contrast and saturation of photographs.

Learned from photographs whose licence allows it: 12 of the Kodak photographs (released for
unrestricted use), the training part of the GroceryStoreDataset (MIT), and computed views of
sfumato's dusk room. Inputs were rendered wrongly by `color.Misrender`, targets are the pictures
themselves, stretched to the full range of luma. No FiveK picture was trained on.

It corrects; it has no taste of its own. Pictures that are meant to be dark or tinted lose that.
"""


def stretched(image):
    """Bring the darkest and brightest half percent of the luma to black and white."""
    values = to_unit(image)
    low, high = np.quantile(values @ LUMA, [0.005, 0.995])
    gain = min(MOST_STRETCH, 1.0 / max(high - low, 1e-3))
    middle = (low + high) / 2
    shift = -low * gain if gain < MOST_STRETCH else middle - middle * gain
    return from_unit(np.clip(values * gain + shift, 0.0, 1.0), image.dtype)


def scaled(image, side):
    return resample_image(np.ascontiguousarray(image[..., :3]), (side, side), "area")


def prepare(data, folder, side, rng):
    """Write the training pictures, and give those kept apart."""
    kodak = [p.image for p in PictureFolder(folder=data / "restore/kodak24")]
    groceries = data / "small-images/grocery128"
    pictures = []
    for image in kodak[:-KODAK_APART]:
        for _ in range(KODAK_CROPS):
            cut = int(rng.integers(240, 501))
            top, left = (int(rng.integers(0, s - cut + 1)) for s in image.shape[:2])
            pictures.append(scaled(image[top : top + cut, left : left + cut], side))
    foods = PictureFolder(folder=groceries / "train", deep=True)
    pictures += [scaled(sample.image, side) for sample in foods]
    for view in ("room", "table"):
        scene = DuskRoom(size=(side, side), view=view)
        views = SceneViews(scene=scene, count=VIEWS // 2, exposure_ev_range=(-0.5, 0.7))
        pictures += [views[k].target for k in range(VIEWS // 2)]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for k, image in enumerate(pictures):
        sf.write(folder / f"{k:05d}.png", stretched(image))
    apart = [stretched(image) for image in kodak[-KODAK_APART:]]
    tests = PictureFolder(folder=groceries / "test", deep=True)
    return len(pictures), apart, [stretched(s.image) for s in tests]


def pairs_apart(pictures, seed, versions):
    wrong = Misrender()
    return [
        (wrong(image, seed + versions * k + v), image)
        for k, image in enumerate(pictures)
        for v in range(versions)
    ]


def fivek(data):
    folder = data / "retouch/fivek_c"
    if not folder.is_dir():
        return []
    inputs = PictureFolder(folder=folder / "input")
    experts = PictureFolder(folder=folder / "expert_c")
    return [(a.image[..., :3], b.image[..., :3]) for a, b in zip(inputs, experts, strict=True)]


def grey_world(image):
    """Make the mean grey, then stretch the luma: what can be had without learning."""
    values = to_unit(image)
    means = values.mean(axis=(0, 1))
    values = np.clip(values * (means.mean() / np.maximum(means, 1e-3)), 0.0, 1.0)
    low, high = np.quantile(values @ LUMA, [0.005, 0.995])
    return from_unit(np.clip((values - low) / max(high - low, 1e-3), 0.0, 1.0), image.dtype)


def graded_by(method):
    return lambda image: method.predict_lut(image)(image, interpolation="trilinear")


def judged(means, pairs):
    rows = {}
    for name, work in means.items():
        psnr, ssim, delta = sf.measure.PSNR(), sf.measure.SSIM(), sf.measure.DeltaE2000()
        for image, target in pairs:
            result = work(np.ascontiguousarray(image))
            for metric in (psnr, ssim, delta):
                metric.update(result, target)
        rows[name] = tuple(float(metric.compute()) for metric in (psnr, ssim, delta))
    return rows


def learn(method, options, out, seed, steps):
    wrong = DegradedPictures(source=PictureFolder(folder=out / "pictures"), degrade=Misrender())
    data = Loader(source=wrong, batch_size=options.batch, workers=options.workers)
    recipe = Recipe(
        steps=steps, lr=options.lr, weight_decay=0.0, warmup_steps=min(100, steps // 10),
        seed=seed, device=options.device, ema=0.999, log_every=50, validate_every=steps,
        save_every=steps, max_seconds=options.max_seconds,
    )  # fmt: skip
    folder = out / ("adaptive" if method.adaptive else "global")
    shutil.rmtree(folder, ignore_errors=True)
    start, cpu = time.perf_counter(), time.process_time()
    report = Trainer(recipe, out=folder).fit(method, data)
    spent = time.perf_counter() - start, time.process_time() - cpu
    return sf.load(folder / "last"), report, spent


def table(rows):
    lines = ["| | PSNR, dB | SSIM | ΔE 2000 |", "|---|---|---|---|"]
    lines += [f"| {n} | {p:.2f} | {s:.4f} | {d:.2f} |" for n, (p, s, d) in rows.items()]
    return lines


def curve(path):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return [(int(r["step"]), float(r["value"])) for r in rows if r["name"] == "main/mse"]


def sheet(out, means, pictures):
    """Show input, each answer and the target, one picture a row."""
    rows = []
    for image, target in pictures:
        small = [scaled(picture, 240) for picture in (image, *[w(image) for w in means], target)]
        rows.append(np.concatenate(small, axis=1))
    sf.write(out / "pictures.jpg", np.concatenate(rows), overwrite=True, quality=88)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("run/auto-enhance"))
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=SIDE, help="of the training pictures, px")
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--max-seconds", type=float)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    out = options.out
    count, kodak, groceries = prepare(
        options.data, out / "pictures", options.side, np.random.default_rng(options.seed)
    )
    torch.manual_seed(options.seed)
    adaptive, report, spent = learn(AdaptiveLUT(), options, out, options.seed, options.steps)
    single = AdaptiveLUT(tables=1, adaptive=False)
    plain, plain_report, plain_spent = learn(
        single, options, out, options.seed, max(1, options.steps // 3)
    )
    means = {
        "identity": lambda image: image.copy(),
        "grey-world and auto-contrast": grey_world,
        "one global LUT": graded_by(plain),
        "adaptive LUT": graded_by(adaptive),
    }
    sets = {
        "Kodak, kept apart": pairs_apart(kodak, 1000, 8),
        "Groceries, kept apart": pairs_apart(groceries, 5000, 1),
        "FiveK, expert C, never trained on": fivek(options.data),
    }
    scores = {name: judged(means, pairs) for name, pairs in sets.items() if pairs}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    lines = [
        f"Seed {options.seed}, {count} pictures of {options.side} x {options.side}, batches of "
        f"{options.batch}, learning rate {options.lr:g} with cosine decay, average of weights "
        f"0.999; {device}.",
        f"Adaptive: {report.steps} steps, {spent[0]:.0f} s, {spent[1]:.0f} cpu-s. "
        f"Global: {plain_report.steps} steps, {plain_spent[0]:.0f} s, {plain_spent[1]:.0f} cpu-s.",
    ]
    for name, rows in scores.items():
        lines += ["", f"{name} ({len(sets[name])} pairs):", "", *table(rows)]
    text = "\n".join(lines)
    (out / "report.md").write_text(text + "\n")
    (out / "report.json").write_text(json.dumps(scores, indent=1))
    adaptive.save(out / "auto-enhance", card=f"{CARD}\n{text}", dtype="float16")
    (out / "curve.json").write_text(
        json.dumps({n: curve(out / n / "log.csv") for n in ("adaptive", "global")})
    )
    shown = [sets["Kodak, kept apart"][k] for k in (0, 9, 18, 27)]
    sheet(out, [means["grey-world and auto-contrast"], means["adaptive LUT"]], shown)
    print(text)


if __name__ == "__main__":
    main()
