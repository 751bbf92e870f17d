"""Compare FocusStack with enfuse on series whose sharp picture is known exactly.

Quality: PSNR against the sharp picture, and the error of the dark ground around
bright shapes that no frame has in focus (halo, rms in thousandths of full range; the
noise of the frames alone is 10). Time: processor seconds of the whole process, files
in and out on both sides, interleaved, median of the runs.

Run: python benchmarks/focus.py [--megapixels 12] [--frames 7] [--runs 3]
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from sfumato.core.opencv import cv2

ENFUSE = (
    "--exposure-weight=0 --saturation-weight=0 --contrast-weight=1 --hard-mask "
    "--contrast-window-size=5 --gray-projector=l-star"
)
OURS = """
import sys
from sfumato.core.opencv import cv2
from sfumato.capture.focus_stack import FocusStack
*names, result = sys.argv[1:]
cv2.imwrite(result, FocusStack()([cv2.imread(name, cv2.IMREAD_UNCHANGED) for name in names]))
"""
NOISE = 0.01


def blur(image, sigma):
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.1 else image


def texture(size, rng):
    total = np.zeros((*size, 3), np.float32)
    for sigma in (0, 1, 2, 4, 10):
        part = blur(rng.standard_normal((*size, 3), np.float32), sigma)
        total += 0.08 * part / part.std()
    return np.clip(0.5 + total, 0.02, 0.98)


def scene(name, size, count, rng):
    """Give frames, the sharp picture, and where the ground around bright shapes is."""
    height, width = size
    back, cover = texture(size, rng), np.zeros(size, np.float32)
    for _ in range(12):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(cover, (x, y), min(size) // 12, 1.0, -1, cv2.LINE_AA)
    if name == "halo":
        back, front = 0.25 * blur(back, 12), np.full((*size, 3), 0.95, np.float32)
    else:
        front = 0.8 * texture(size, rng) + 0.1
    frames = []
    for k in range(count):
        far = 0 if name == "halo" else 1.5 * k
        near = 2 * abs(k - 2) if name == "halo" else 1.5 * (count - 1 - k)
        alpha = blur(cover, near)[..., None]
        frame = blur(back, far) * (1 - alpha) + blur(front * cover[..., None], near)
        frame += NOISE * rng.standard_normal(frame.shape, np.float32)
        frames.append(np.rint(65535 * np.clip(frame, 0, 1)).astype(np.uint16))
    sharp = back * (1 - cover[..., None]) + front * cover[..., None]
    distance = cv2.distanceTransform((cover == 0).astype(np.uint8), cv2.DIST_L2, 5)
    return frames, sharp, (distance > 2) & (distance < 40)


def processor_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(name, size, count, runs, folder):
    frames, sharp, around = scene(name, size, count, np.random.default_rng(7))
    names = [str(folder / f"{k:03d}.tif") for k in range(count)]
    for path, frame in zip(names, frames, strict=True):
        cv2.imwrite(path, frame)
    results = {who: str(folder / f"{who}.tif") for who in ("sfumato", "enfuse")}
    commands = {
        "sfumato": [sys.executable, "-c", OURS, *names, results["sfumato"]],
        "enfuse": ["enfuse", *ENFUSE.split(), "-o", results["enfuse"], *names],
    }
    times = {who: [] for who in commands}
    for _ in range(runs):
        for who, command in commands.items():
            times[who].append(processor_seconds(command))
    best = max(_psnr(frame / 65535, sharp) for frame in frames)
    lines = [f"{name}, {size[1]} x {size[0]}, {count} frames; best single frame {best:.2f} dB"]
    for who, path in results.items():
        image = cv2.imread(path, cv2.IMREAD_UNCHANGED)[..., :3] / 65535
        halo = 1000 * np.sqrt(np.mean((image - sharp)[around] ** 2))
        seconds = statistics.median(times[who])
        line = f"  {who:8s} {_psnr(image, sharp):6.2f} dB  cpu {seconds:6.2f} s"
        lines.append(line + (f"  around edges {halo:5.1f}" if name == "halo" else ""))
    ratio = statistics.median(times["enfuse"]) / statistics.median(times["sfumato"])
    return "\n".join([*lines, f"  enfuse takes {ratio:.1f} times the processor time"])


def _psnr(image, sharp):
    return -10 * np.log10(np.mean((image - sharp) ** 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--frames", type=int, default=7)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if shutil.which("enfuse") is None:
        sys.exit("enfuse is not installed: apt install enfuse")
    height = round((options.megapixels * 1e6 * 3 / 4) ** 0.5)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("steps", "halo"):
            size = (height, height * 4 // 3)
            report = compare(name, size, options.frames, options.runs, Path(folder))
            sys.stdout.write(report + "\n")


if __name__ == "__main__":
    main()
