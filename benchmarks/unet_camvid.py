"""A trained U-Net on CamVid beside what it has to beat, all in one run.

    sfumato train configs/segment/unet_camvid.yaml
    python benchmarks/unet_camvid.py runs/unet_camvid/last --data camvid -o runs/unet_camvid/report

Scores the two parts that nothing was trained on: validation (101 frames of one drive) and test (97
frames; the copy that circulates is not whole, so nothing here compares with papers). The baselines
are the most frequent class, and the most frequent class of each place, both of the training labels
at the same size. Scores are of the summed confusion matrix, at the size of the network.

Writes report.md, report.json, and val.jpg and test.jpg: frames, answers and truth side by side; and
curves.png, where matplotlib is installed.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import sfumato as sf
from sfumato.core.any_size import predict
from sfumato.core.batch import Batch
from sfumato.core.tensors import torch

NAMES = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car",
         "pedestrian", "cyclist")  # fmt: skip
COLORS = ((128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222),
          (128, 128, 0), (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0),
          (0, 128, 192))  # fmt: skip
VOID = 11
RADII_PX = (1.0, 2.0, 3.0)
Answer = Callable[[sf.Sample], Any]


def part(data: Path, name: str, long_side_px: int) -> list[sf.Sample]:
    """Read one part of the data at the size of the network."""
    pairs = sf.data.PicturePairs(
        images=data / "images" / name,
        masks=data / "labels" / name,
        classes=len(NAMES),
        ignored_label=VOID,
    )
    resize = sf.raster.Resize(long_side_px=long_side_px)
    return [resize(pairs[k]) for k in range(len(pairs))]


def scores(samples: list[sf.Sample], answer: Answer) -> dict[str, Any]:
    """Score answers over a set."""
    area = sf.measure.MeanIoU(classes=len(NAMES), ignore=VOID)
    outline = sf.measure.BoundaryF(radii_px=RADII_PX, classes=len(NAMES), ignore=VOID)
    right = counted = 0
    for sample in samples:
        labels = np.asarray(answer(sample))
        area.update(labels, sample.mask)
        outline.update(labels, sample.mask)
        counts = sample.mask != VOID
        right += int((labels == sample.mask)[counts].sum())
        counted += int(counts.sum())
    return {
        "mean IoU": area.compute(),
        "pixel accuracy": right / counted,
        "boundary F": np.nanmean(outline.per_class(), axis=0).tolist(),
        "IoU": area.per_class().tolist(),
    }


def answering(weights: str, device: str) -> Answer:
    """Give labels by a trained network, one picture at a time."""
    method = sf.core.load(weights, device=device)

    def answer(sample: sf.Sample) -> Any:
        with torch.inference_mode():
            batch = predict(method, Batch.of([sample]).to(device))
        return batch.need("mask")[0].cpu().numpy().astype(np.int32)

    return answer


def table(found: dict[str, dict[str, Any]]) -> str:
    """Lay the scores out in Markdown."""
    head = ["", "mean IoU", "accuracy", *(f"boundary F {r:g} px" for r in RADII_PX)]
    rows = [head, ["---"] * len(head)]
    for name, score in found.items():
        numbers = [score["mean IoU"], score["pixel accuracy"], *score["boundary F"]]
        rows.append([name, *(f"{value:.3f}" for value in numbers)])
    rows += [[], ["IoU", *NAMES], ["---"] * (len(NAMES) + 1)]
    rows += [[name, *(f"{v:.2f}" for v in score["IoU"])] for name, score in found.items()]
    return "\n".join("| " + " | ".join(row) + " |" if row else "" for row in rows) + "\n"


def sheet(samples: list[sf.Sample], answer: Answer, count: int = 4) -> Any:
    """Lay frames, answers and truth side by side, evenly from the whole part."""
    paint = sf.segment.LabelOverlay(colors=COLORS, opacity=0.7, clear=(VOID,))
    rows = []
    for k in np.linspace(0, len(samples) - 1, count).astype(int):
        sample = samples[k]
        given = sample.but(mask=answer(sample))
        rows.append(np.hstack([sample.image, paint(given).image, paint(sample).image]))
    return np.vstack(rows)


def draw_curves(log: Path, out: Path) -> None:
    """Draw what was learned from and what was judged on over the steps."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no curves: matplotlib is not installed")
        return
    curves: dict[str, list[tuple[int, float]]] = {}
    with log.open(newline="") as file:
        for row in csv.DictReader(file):
            curves.setdefault(row["name"], []).append((int(row["step"]), float(row["value"])))
    figure = Figure(figsize=(9, 3), layout="constrained")
    losses, measures = figure.subplots(1, 2)
    for name in ("main/cross_entropy", "validation/main/cross_entropy"):
        losses.plot(*zip(*curves[name], strict=True), label=name.replace("main/", ""))
    for name in ("MeanIoU", "BoundaryF"):
        measures.plot(*zip(*curves[name], strict=True), marker=".", label=f"{name}, validation")
    losses.set_yscale("log")
    measures.set_ylim(0, 1)
    for axis in (losses, measures):
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    figure.savefig(out, dpi=110)


def main() -> None:
    """Score, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("weights", help="folder of the trained network")
    parser.add_argument("--data", type=Path, default=Path("camvid"))
    parser.add_argument("--long-side-px", type=int, default=240)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("-o", "--out", type=Path, default=Path("report"))
    options = parser.parse_args()
    labels = (sample.mask for sample in part(options.data, "train", options.long_side_px))
    counts = sf.segment.LabelCounts.of(labels, len(NAMES), ignore=VOID)
    prior, majority = counts.location_prior(), counts.majority()
    answer = answering(options.weights, options.device)
    found: dict[str, dict[str, Any]] = {}
    options.out.mkdir(parents=True, exist_ok=True)
    for name in ("val", "test"):
        samples = part(options.data, name, options.long_side_px)
        found[f"{name}: majority"] = scores(samples, lambda s: np.full_like(s.mask, majority))
        found[f"{name}: location prior"] = scores(samples, lambda _: prior)
        began = time.perf_counter()
        found[f"{name}: U-Net"] = scores(samples, answer)
        found[f"{name}: U-Net"]["seconds"] = time.perf_counter() - began
        sf.write(options.out / f"{name}.jpg", sheet(samples, answer), overwrite=True)
    text = table(found)
    (options.out / "report.md").write_text(text)
    (options.out / "report.json").write_text(json.dumps(found, indent=1))
    print(text)
    log = Path(options.weights).parent / "log.csv"
    if log.is_file():
        draw_curves(log, options.out / "curves.png")


if __name__ == "__main__":
    main()
