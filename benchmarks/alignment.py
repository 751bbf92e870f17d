"""Compare AlignFrames with the bare OpenCV calls that it is made of.

Bare: full-size SIFT with descriptors on every frame, FLANN matching, MAGSAC and a
linear warp. Time: wall and processor seconds, interleaved, median of the runs. Error:
rms distance of the four corners to the known map, in pixels, worst frame.

Run: python benchmarks/alignment.py [--megapixels 12] [--ev 2] [--runs 3] [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from sfumato.capture.align_frames import AlignFrames
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.features.homography import map_points

SEED = 20261121
RATIO = 0.75


def scene(size, rng):
    """Give linear light of detail at all scales over about ten stops."""
    height, width = size
    light = np.zeros(size, np.float32)
    for level in range(2, 12):
        cells = rng.standard_normal((3 * 2**level // 4 + 3, 2**level + 3), np.float32)
        light += 0.65**level * cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(400):
        x, y, radius = rng.integers(width), rng.integers(height), rng.integers(4, width // 40)
        side = slice(max(0, y - radius), y + radius), slice(max(0, x - radius), x + radius)
        light[side] += 0.5 * rng.standard_normal()
    light = 1.7 * (light - light.mean()) / light.std()
    tint = 0.3 * rng.standard_normal((5, 7, 3)).astype(np.float32)
    return 0.18 * np.exp2(light[..., None] + cv2.resize(tint, (width, height)))


def shake(size, rng):
    """Give a map from a frame to the reference, as an unsteady hand makes it."""
    height, width = size
    middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1.0]])
    angle = np.deg2rad(rng.normal(0, 0.4))
    turn = np.array(
        [
            [np.cos(angle), -np.sin(angle), rng.normal(0, width / 200)],
            [np.sin(angle), np.cos(angle), rng.normal(0, width / 200)],
            [rng.normal(0, 0.004 / width), rng.normal(0, 0.004 / width), 1.0],
        ]
    )
    return middle @ turn @ np.linalg.inv(middle)


def bracket(size, ev, rng):
    light = scene(size, rng)
    maps = [shake(size, rng), np.eye(3), shake(size, rng)]
    frames = []
    for matrix, stops in zip(maps, (-ev, 0.0, ev), strict=True):
        seen = cv2.warpPerspective(
            light,
            matrix,
            size[::-1],
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        seen = np.maximum(seen, 0) * 2.0**stops
        seen += rng.standard_normal(seen.shape, np.float32) * np.sqrt(seen / 8000 + 1e-6)
        frames.append(np.rint(255 * np.clip(seen, 0, 1) ** (1 / 2.2)).astype(np.uint8))
    return np.stack(frames), maps


def bare(stack):
    """Align with OpenCV as its tutorials do, at full size."""
    detector = cv2.SIFT_create(enable_precise_upscale=True)
    seen = [detector.detectAndCompute(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), None) for f in stack]
    matcher = cv2.FlannBasedMatcher({"algorithm": 1, "trees": 5}, {"checks": 50})
    maps, warped = [], []
    for (points, descriptors), frame in zip(seen, stack, strict=True):
        pairs = [
            best
            for best, second in matcher.knnMatch(descriptors, seen[1][1], k=2)
            if best.distance < RATIO * second.distance
        ]
        src = np.float32([points[m.queryIdx].pt for m in pairs])
        dst = np.float32([seen[1][0][m.trainIdx].pt for m in pairs])
        if np.shares_memory(frame, stack[1]):
            maps.append(np.eye(3))
            warped.append(frame)
            continue
        matrix, _ = cv2.findHomography(src, dst, cv2.USAC_MAGSAC, 3.0)
        maps.append(matrix)
        warped.append(cv2.warpPerspective(frame, matrix, frame.shape[1::-1]))
    return np.stack(warped), maps


def ours(stack):
    out = AlignFrames(reference=1)(Sample(stack[1], stack=stack))
    return out.stack, [record.homography for record in out.meta["alignment"]]


def worst_corner_error(found, true, size):
    right, bottom = size[1] - 1, size[0] - 1
    corners = np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], float)
    errors = [
        np.sqrt(((map_points(a, corners) - map_points(b, corners)) ** 2).sum(axis=1).mean())
        for a, b in zip(found, true, strict=True)
    ]
    return max(errors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--ev", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    cv2.setNumThreads(args.threads)
    height = round((args.megapixels * 1e6 * 3 / 4) ** 0.5)
    size = (height, height * 4 // 3)
    stack, true = bracket(size, args.ev, np.random.default_rng(SEED))
    print(
        f"OpenCV {cv2.__version__}, NumPy {np.__version__}, {args.threads} threads, seed {SEED}, "
        f"3 frames of {size[1]} x {size[0]}, {args.ev:g} EV apart, {args.runs} runs"
    )
    ours(stack[:, : height // 8, : height // 6])
    times = {"bare": [], "ours": []}
    errors = {}
    for _ in range(args.runs):
        for name, call in (("bare", bare), ("ours", ours)):
            wall, cpu = time.perf_counter(), time.process_time()
            _, found = call(stack)
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
            errors[name] = worst_corner_error(found, true, size)
    print(f"{'':22}{'wall s':>9}{'cpu s':>9}{'corner error px':>18}")
    medians = {}
    for name, label in (("bare", "bare OpenCV"), ("ours", "AlignFrames")):
        wall, cpu = (statistics.median(column) for column in zip(*times[name], strict=True))
        medians[name] = wall, cpu
        print(f"{label:22}{wall:9.2f}{cpu:9.2f}{errors[name]:18.3f}")
    wall, cpu = (o / b for o, b in zip(medians["ours"], medians["bare"], strict=True))
    print(f"{'ratio, wanted < 1.3':22}{wall:9.2f}{cpu:9.2f}")


if __name__ == "__main__":
    main()
