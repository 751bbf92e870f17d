"""MEF-SSIM of exposure fusion beside that of its peers, on every shared bracket.

All contenders of a row fuse the same frames, in turn: FuseExposures as `sfumato develop`
uses it by default, its exact mode, OpenCV's MergeMertens(1, 1, 1), enfuse with its
defaults, the plain mean, and the best single frame. Series that are not aligned go
through AlignFrames first, once for all; the garden, where people walk, is fused as it
lies and after Deghost. The blue border of the memorial, which is no picture, is cut off.

Scores are those of the frames that were fused, on every second pixel of both
directions, the size of the published figures: one scale, then three.

With --why the same is told of settings of FuseExposures, one changed at a time, and of
the fusion before it is clipped, which no 8-bit file can hold: what is lost there is lost
to clipping.

Run: python benchmarks/fusion_quality.py [--why] [--json out.json]
Data: the folder SFUMATO_DATA, else ../shared/data beside the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from sfumato.capture import AlignFrames, Deghost, Develop, FuseExposures
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.core.shapes import to_unit
from sfumato.io import read
from sfumato.measure import MEFSSIM
from sfumato.raster import max_levels

DATA = Path(os.environ.get("SFUMATO_DATA", Path(__file__).parents[2] / "shared" / "data"))
OURS, PEERS = ("develop", "exact"), ("OpenCV", "enfuse", "mean", "best frame")
SETTINGS = (
    "develop", "1 level more", "reflect", "both", "OpenCV", "unclipped", "both, unclipped",
)  # fmt: skip
PUBLISHED = {"exact": 0.963, "OpenCV": 0.962, "enfuse": 0.940, "mean": 0.758}
"""Of the house, one scale."""
TOLERANCE = 0.005
BLUE = (0, 0, 255)


def series():
    """Give the name of each bracket, and its frames as they are fused."""
    root = DATA / "brackets"
    yield "house", read(*sorted((root / "house").glob("?.jpg"))).stack
    yield "memorial", without_border(read(*sorted((root / "memorial").glob("*.png"))).stack)
    garden = read(*sorted((root / "sculpture_garden").glob("*.png")))
    yield "garden", garden.stack
    yield "garden, deghosted", deghosted(garden)
    for first in sorted((root / "pairs").glob("*_A.*")):
        yield first.stem[:-2], read(first, partner(first)).stack
    for first in sorted((root / "pairs_handheld").glob("*_A.*")):
        yield f"{first.stem[:-2]}, aligned", AlignFrames()(read(first, partner(first))).stack


def partner(first):
    return first.with_name(first.name.replace("_A.", "_B."))


def without_border(stack):
    """Cut rows and columns off from outside until no blue of the border is left."""
    blue = (stack == np.array(BLUE, stack.dtype)).all(axis=-1).any(axis=0)
    top, bottom, left, right = 0, blue.shape[0], 0, blue.shape[1]
    while blue[top:bottom, left:right].any():
        part = blue[top:bottom, left:right]
        shares = [part[0].mean(), part[-1].mean(), part[:, 0].mean(), part[:, -1].mean()]
        worst = int(np.argmax(shares))
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return np.ascontiguousarray(stack[:, top:bottom, left:right])


def deghosted(sample):
    """Take the frames that develop fuses: its reference, no alignment, ghosts removed."""
    seen = []
    develop = Develop(kind="bracket", align=None, deghost=Deghost())
    develop.develop(sample, 0, watch=lambda step: seen.append(step.after))
    return seen[0].stack


def by_opencv(stack):
    frames = [np.ascontiguousarray(frame[..., ::-1]) for frame in stack]
    fused = cv2.createMergeMertens(1, 1, 1).process(frames)
    return np.rint(255 * np.clip(fused[..., ::-1], 0, 1)).astype(np.uint8)


def by_enfuse(stack):
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/{k:02d}.png" for k in range(len(stack))]
        for name, frame in zip(names, stack, strict=True):
            cv2.imwrite(name, frame[..., ::-1])
        command = ["enfuse", "-o", f"{folder}/out.png", *names]
        subprocess.run(command, check=True, capture_output=True)
        return cv2.imread(f"{folder}/out.png", cv2.IMREAD_COLOR)[..., ::-1]


def contenders(stack):
    """Give each contender's pictures; the best of several counts."""
    yield "develop", [FuseExposures().apply(Sample(stack[0], stack=stack), None).image]
    yield "exact", [FuseExposures(mode="exact")(stack)]
    yield "OpenCV", [by_opencv(stack)]
    if shutil.which("enfuse"):
        yield "enfuse", [by_enfuse(stack)]
    yield "mean", [np.rint(stack.mean(axis=0)).astype(np.uint8)]
    yield "best frame", list(stack)


def variants(stack):
    """Give what explains the differences: depth of the pyramid, border, clipping."""
    depth = max_levels(stack.shape[1:3])
    yield "develop", [FuseExposures()(stack)]
    yield "1 level more", [FuseExposures(levels=depth + 1)(stack)]
    yield "reflect", [FuseExposures(border="reflect")(stack)]
    yield "both", [FuseExposures(border="reflect", levels=depth + 1)(stack)]
    yield "OpenCV", [by_opencv(stack)]
    yield "unclipped", [FuseExposures().unclipped(stack)]
    yield "both, unclipped", [FuseExposures(border="reflect", levels=depth + 1).unclipped(stack)]


def score(pictures, stack):
    halves = np.ascontiguousarray(stack[:, ::2, ::2])
    if pictures[0].dtype == np.float32:
        halves = to_unit(halves)
    best = [
        max(MEFSSIM(scales=scales)(np.ascontiguousarray(p[::2, ::2]), halves) for p in pictures)
        for scales in (1, 3)
    ]
    return tuple(map(float, best))


def compare(makers, names):
    """Print and give the scores of all that a function makes of each bracket."""
    print(f"{'':23}{'n':>3}{'size':>11}" + "".join(f"{name:>18}" for name in names))
    table = {}
    for name, stack in series():
        row = {who: score(pictures, stack) for who, pictures in makers(stack)}
        table[name] = row
        size = f"{stack.shape[2]}x{stack.shape[1]}"
        said = ["{:.4f} / {:.4f}".format(*row[who]) if who in row else "-" for who in names]
        cells = "".join(f"{text:>18}" for text in said)
        print(f"{name:23}{len(stack):3}{size:>11}{cells}", flush=True)
    for label, pick in (("mean", np.mean), ("lowest", np.min)):
        said = []
        for who in names:
            found = [row[who] for row in table.values() if who in row]
            said.append("{:.4f} / {:.4f}".format(*pick(found, axis=0)) if found else "-")
        print(f"{label:37}" + "".join(f"{text:>18}" for text in said))
    return table


def verdicts(table):
    """Say where develop stands behind the best peer, and whether the house is as published."""
    for k, scales in enumerate(("one scale", "three scales")):
        behind = []
        for name, row in table.items():
            best = max((who for who in PEERS if who in row), key=lambda who: row[who][k])
            if row["develop"][k] < row[best][k]:
                behind.append(f"{name}: {best} by {row[best][k] - row['develop'][k]:.4f}")
        count = len(table) - len(behind)
        yield f"{scales}: develop at or above the best peer on {count} of {len(table)}; ahead are"
        yield from (f"  {line}" for line in behind)
    for who, wanted in PUBLISHED.items():
        if who in table["house"]:
            found = table["house"][who][0]
            verdict = "as published" if abs(found - wanted) <= TOLERANCE else "NOT as published"
            yield f"house, {who}: {found:.4f}, wanted {wanted} within {TOLERANCE}: {verdict}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--why", action="store_true", help="settings of FuseExposures as well")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not (DATA / "brackets").is_dir():
        sys.exit(f"no brackets in {DATA}: set SFUMATO_DATA to the folder of the data")
    print(f"OpenCV {cv2.__version__}, NumPy {np.__version__}; MEF-SSIM of one / three scales")
    result = {"peers": compare(contenders, (*OURS, *PEERS))}
    print("\n".join(verdicts(result["peers"])))
    if options.why:
        print("\nsettings of FuseExposures")
        result["settings"] = compare(variants, SETTINGS)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
