"""Every transform beside albumentations 2.0.8: images per second of cpu time.

    python benchmarks/augment.py [--rounds 5] [--only Rotate,Affine] [--json out.json]

One thread, one 512 x 512 RGB picture in uint8. Both sides run in turn, round by round, in one
process; what counts is processor time, the median over the rounds. A row is a transform of the
menu that albumentations has too, with the same arguments and p=1; the two random streams differ,
so each round makes many calls. The last rows are whole pipelines: overhead of `Compose` with
everything on the picture, and the pipeline of a usual classifier.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
warnings.simplefilter("ignore")

import albumentations as peer  # noqa: E402
import numpy as np  # noqa: E402

import sfumato.augment as A  # noqa: E402
from sfumato.augment.transform import Transform  # noqa: E402
from sfumato.core.opencv import cv2  # noqa: E402

SIZE = 512
SEED = 20261126
SECONDS_A_ROUND = 0.12
TARGETS = {
    "Transpose": 5.0, "RandomRotate90": 5.0, "ElasticTransform": 10.0, "ISONoise": 5.0,
    "GaussNoise": 2.5, "RandomFog": 5.0, "ChannelShuffle": 4.0, "OpticalDistortion": 2.0,
    "CoarseDropout": 3.0,
}  # fmt: skip
LEAST, MEAN = 0.9, 1.5

ARGUMENTS: dict[str, dict[str, Any]] = {
    "AtLeastOneBBoxRandomCrop": {"height": 256, "width": 256},
    "CenterCrop": {"height": 256, "width": 256},
    "Crop": {"x_max": 256, "y_max": 256},
    "CropAndPad": {"px": (-20, 20)},
    "CropNonEmptyMaskIfExists": {"height": 256, "width": 256},
    "FromFloat": {"dtype": "uint8"},
    "GridElasticDeform": {"num_grid_xy": (4, 4), "magnitude": 10},
    "LongestMaxSize": {"max_size": 256},
    "Pad": {"padding": 32},
    "PadIfNeeded": {"min_height": 640, "min_width": 640},
    "RandomCrop": {"height": 256, "width": 256},
    "RandomResizedCrop": {"size": (256, 256)},
    "RandomSizedBBoxSafeCrop": {"height": 256, "width": 256},
    "RandomSizedCrop": {"min_max_height": (256, 400), "size": (256, 256)},
    "Resize": {"height": 256, "width": 256},
    "SmallestMaxSize": {"max_size": 256},
    "XYMasking": {"num_masks_x": 3, "num_masks_y": 3, "mask_x_length": 20, "mask_y_length": 20},
}
"""What a transform needs, or what makes it do its usual work; the same for both."""
LEFT_OUT = {
    "TextImage": "needs a font file", "NoOp": "gives a copy here, the input itself there",
    "OverlayElements": "needs pictures to lay over", "Mosaic": "needs further pictures",
    "FDA": "needs reference pictures", "HistogramMatching": "needs reference pictures",
    "PixelDistributionAdaptation": "needs reference pictures",
    "ToTensorV2": "is timed in the pipeline",
}  # fmt: skip
MASKED = ("CropNonEmptyMaskIfExists", "MaskDropout", "ConstrainedCoarseDropout")
BOXED = ("AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "RandomSizedBBoxSafeCrop")

Call = Callable[[], Any]


def picture() -> np.ndarray:
    """Make a picture with structure at many scales."""
    rng = np.random.default_rng(SEED)
    planes = np.zeros((SIZE, SIZE, 3), np.float32)
    for cells in (4, 16, 64, 256):
        noise = rng.random((cells, cells, 3), dtype=np.float32)
        planes += cv2.resize(noise, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return np.rint(np.clip(planes / 4, 0, 1) * 255).astype(np.uint8)


def cpu_of(call: Call, repeats: int) -> float:
    """Processor time of one call."""
    before = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - before) / repeats


def race(ours: Call, theirs: Call, rounds: int) -> tuple[float, float]:
    """Run both in turn; give the median time of a call of each, in seconds."""
    counts = []
    for call in (ours, theirs):
        call()
        once = max(cpu_of(call, 2), 1e-6)
        counts.append(max(2, min(20000, int(SECONDS_A_ROUND / once))))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, count, kept in zip((ours, theirs), counts, times, strict=True):
            kept.append(cpu_of(call, count))
    return statistics.median(times[0]), statistics.median(times[1])


def transforms() -> list[str]:
    """Name the transforms that both sides have."""
    names = []
    for name in A.__all__:
        cls = getattr(A, name)
        concrete = isinstance(cls, type) and not inspect.isabstract(cls)
        if concrete and issubclass(cls, Transform) and hasattr(peer, name):
            names.append(name)
    return sorted(set(names) - set(LEFT_OUT))


def calls_of(name: str, image: np.ndarray) -> tuple[Call, Call]:
    """Build the same call for both sides."""
    fields: dict[str, Any] = {"image": image}
    options: list[dict[str, Any]] = [{}, {}]
    if name == "FromFloat":
        fields["image"] = image.astype(np.float32) / 255
    if name in ("ToRGB",):
        fields["image"] = np.ascontiguousarray(image[..., 0])
    if name in MASKED:
        mask = np.zeros(image.shape[:2], np.uint8)
        cv2.circle(mask, (200, 300), 60, 1, -1)
        fields["mask"] = mask
    if name == "Mosaic":
        fields["mosaic_metadata"] = [{"image": image}] * 3
    if name == "RandomCropNearBBox":
        fields["cropping_bbox"] = [100, 120, 300, 330]
    if name in BOXED:
        fields["bboxes"] = np.array([[100.0, 120.0, 300.0, 330.0]])
        options = [{"bbox_params": side.BboxParams("pascal_voc")} for side in (A, peer)]
    arguments = {**ARGUMENTS.get(name, {}), "p": 1.0}
    if name == "ConstrainedCoarseDropout":
        arguments["mask_indices"] = [1]
    steps = [side.Compose([getattr(side, name)(**arguments)], **more)
             for side, more in zip((A, peer), options, strict=True)]  # fmt: skip
    return (lambda: steps[0](**fields)), (lambda: steps[1](**fields))


def classifier(side: Any) -> Any:
    """Build the pipeline of a usual classifier, as both sides write it."""
    steps = [
        side.RandomResizedCrop((224, 224)),
        side.HorizontalFlip(),
        side.RandomRotate90(),
        side.ShiftScaleRotate(),
        side.HueSaturationValue(),
        side.OneOf([side.RandomBrightnessContrast(), side.RandomGamma()]),
        side.OneOf([side.Blur(), side.GaussianBlur(), side.MotionBlur()]),
        side.OneOf([side.GaussNoise(), side.ISONoise(), side.GridDropout(), side.CoarseDropout()]),
        side.Normalize(),
    ]
    return side.Compose(steps)


def with_everything(side: Any, step: str, image: np.ndarray, form: str) -> Call:
    """Call one step with a mask, 50 boxes with labels and 50 points."""
    rng = np.random.default_rng(SEED)
    side_px = len(image)
    low = rng.uniform(0, 0.75 * side_px, (50, 2))
    boxes = np.hstack([low, low + rng.uniform(0.02, 0.2, (50, 2)) * side_px])
    points = rng.uniform(0, side_px - 1, (50, 2))
    tables = (boxes, points) if form == "arrays" else (boxes.tolist(), points.tolist())
    fields = {"image": image, "mask": np.zeros(image.shape[:2], np.uint8),
              "bboxes": tables[0], "keypoints": tables[1], "labels": list(range(50))}  # fmt: skip
    compose = side.Compose(
        [getattr(side, step)(p=1)],
        bbox_params=side.BboxParams("pascal_voc", label_fields=["labels"]),
        keypoint_params=side.KeypointParams("xy"),
    )
    return lambda: compose(**fields)


def pipelines(image: np.ndarray) -> dict[str, tuple[Call, Call]]:
    """Whole calls with everything on the picture, and the pipeline of a usual classifier.

    The overhead of `Compose` is what a call costs on a picture of 64 x 64 pixels, which cost
    next to nothing.
    """
    rows: dict[str, tuple[Call, Call]] = {}
    for size in (64, SIZE):
        small = image[:size, :size].copy()
        for form in ("arrays", "lists"):
            for step in ("NoOp", "HorizontalFlip"):
                rows[f"{step} {size} x {size}, mask, 50 boxes and points in {form}"] = (
                    with_everything(A, step, small, form),
                    with_everything(peer, step, small, form),
                )
    if all(hasattr(A, n) for n in ("HueSaturationValue", "ISONoise", "GridDropout", "Normalize",
                                   "MotionBlur", "RandomGamma", "CoarseDropout")):  # fmt: skip
        ours, theirs = classifier(A), classifier(peer)
        rows["pipeline of a classifier"] = (
            lambda: ours(image=image), lambda: theirs(image=image),
        )  # fmt: skip
    return rows


def report(rows: dict[str, tuple[float, float]], names: list[str]) -> bool:
    """Print the table; say which lines are missed."""
    print(f"{'':58s}{'sfumato':>10s}{'albument.':>10s}{'ratio':>8s}   target")
    missed = []
    for name, (ours, theirs) in rows.items():
        ratio = theirs / ours
        target = TARGETS.get(name, LEAST)
        good = ratio >= target
        if name in names and not good:
            missed.append(f"{name} {ratio:.2f} < {target}")
        note = f"{target:.1f}" + ("" if good else "  missed") if name in names else ""
        if name not in names:
            print(f"{name:58s}{ours * 1e6:8.0f}us{theirs * 1e6:8.0f}us{ratio:8.2f}")
        else:
            print(f"{name:58s}{1 / ours:10.0f}{1 / theirs:10.0f}{ratio:8.2f}   {note}")
    ratios = [rows[name][1] / rows[name][0] for name in names if name in rows]
    if ratios:
        mean = statistics.geometric_mean(ratios)
        print(f"geometric mean of {len(ratios)} transforms: {mean:.2f} (target {MEAN})")
        if mean < MEAN:
            missed.append(f"geometric mean {mean:.2f} < {MEAN}")
    print("missed: " + ("; ".join(missed) or "nothing"))
    return not missed


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="names, separated by commas; 'pipelines' for the rest")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    image = picture()
    names = [n for n in transforms() if not options.only or n in options.only.split(",")]
    rows: dict[str, tuple[float, float]] = {}
    for name in names:
        try:
            rows[name] = race(*calls_of(name, image), options.rounds)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}".splitlines()[0], file=sys.stderr)
    if not options.only or "pipelines" in options.only:
        for name, calls in pipelines(image).items():
            rows[name] = race(*calls, options.rounds)
    report(rows, [n for n in names if n in rows])
    print("left out: " + ", ".join(f"{n} ({why})" for n, why in LEFT_OUT.items()))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
