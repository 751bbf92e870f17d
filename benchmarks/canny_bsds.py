"""Find how well Canny's lines agree with the boundaries that people drew (BSDS500).

For every sigma and upper threshold (the lower one is 0.4 of it) the edges of all
pictures of a split are scored by `sfumato.measure.EdgeF`, counts summed over the set
(precision, recall and F at one setting for all pictures: the "optimal dataset scale").
The automatic thresholds are scored beside them. The settings are chosen on one split
and reported on another.

Run: python benchmarks/canny_bsds.py DATA [--choose val] [--report test] [--pictures 200]
DATA holds images/{train,val,test}/*.jpg and boundaries/{train,val,test}/*.png.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sfumato.core.opencv import cv2
from sfumato.features import Canny
from sfumato.measure import EdgeF

SIGMAS = (1.4, 2.0, 2.8, 4.0)
HIGHS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08)
WEAK = 0.4


def pictures(data, split, count):
    for path in sorted((data / "images" / split).glob("*.jpg"))[:count]:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        drawn = cv2.imread(str(data / "boundaries" / split / f"{path.stem}.png"), 0)
        yield image, drawn


def score(operators, pairs):
    metrics = {name: EdgeF() for name in operators}
    for image, drawn in pairs:
        for name, canny in operators.items():
            metrics[name].update(canny.detect(image), drawn)
    return {name: metric.agreement() for name, metric in metrics.items()}


def line(sigma, high, found):
    wide = "automatic" if high is None else f"{WEAK * high:.4f} {high:.4f}"
    return f"  {sigma:5.1f}   {wide:14s}  {found.precision:.3f}  {found.recall:.3f}  {found.f:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--choose", default="val")
    parser.add_argument("--report", default="test")
    parser.add_argument("--pictures", type=int, default=200)
    options = parser.parse_args()
    grid = {(s, h): Canny(sigma=s, thresholds=(WEAK * h, h)) for s in SIGMAS for h in HIGHS}
    grid |= {(s, None): Canny(sigma=s) for s in SIGMAS}
    found = score(grid, pictures(options.data, options.choose, options.pictures))
    out = [f"chosen on {options.choose}", "  sigma   low    high     precision recall  F"]
    out += [line(*key, value) for key, value in found.items()]
    best = max((key for key in grid if key[1] is not None), key=lambda key: found[key].f)
    chosen = {key: grid[key] for key in (best, (best[0], None))}
    final = score(chosen, pictures(options.data, options.report, options.pictures))
    out += [f"reported on {options.report}"]
    out += [line(*key, value) for key, value in final.items()]
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
