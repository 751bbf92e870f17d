"""Compare color tables with OpenColorIO and Pillow, on one 4K frame and a table of 33^3.

Everything of one line runs interleaved, after a warm-up: the median of the runs stands with its
quartiles, processor time of all threads, on one thread. OpenColorIO and sfumato write into
arrays that are there already, Pillow makes a picture of its own kind from one. OpenColorIO gets
the table, the interpolation and the depth that we get, and its own choice of optimizations. Then
two threads against one by wall time, which says little on a busy machine. The frame is
synthesised with a fixed seed.

Run: python benchmarks/lut.py [--runs 9] [--size 2160 3840]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time

import numba
import numpy as np
import PIL
import PyOpenColorIO as ocio  # noqa: N813 (its usual name)
from PIL import Image, ImageFilter

from sfumato.color.color_table import ColorTable, lattice
from sfumato.core.opencv import cv2

SEED = 20261126
SIZE = 33
TARGETS = {
    ("uint8", "trilinear", "OpenColorIO"): 2.0,
    ("uint8", "trilinear", "Pillow"): 3.0,
    ("float32", "trilinear", "OpenColorIO"): 1.4,
    ("uint8", "tetrahedral", "OpenColorIO"): 0.9,
    ("float32", "tetrahedral", "OpenColorIO"): 0.9,
}
SCALING = 1.7
WAYS = {"trilinear": ocio.INTERP_LINEAR, "tetrahedral": ocio.INTERP_TETRAHEDRAL}
DEPTHS = {
    "uint8": ocio.BIT_DEPTH_UINT8, "uint16": ocio.BIT_DEPTH_UINT16, "float32": ocio.BIT_DEPTH_F32
}  # fmt: skip


def frame(size):
    """Make a picture of smooth and of textured parts that uses the whole cube."""
    rng = np.random.default_rng(SEED)
    smooth = cv2.resize(rng.random((size[0] // 32, size[1] // 32, 3), np.float32), size[::-1])
    return np.clip(smooth + 0.02 * rng.standard_normal((*size, 3), np.float32), 0, 1)


def look():
    """Make a table that bends and mixes the channels."""
    mix = np.array([[0.9, 0.1, 0.0], [0.0, 0.95, 0.05], [0.1, 0.0, 0.9]])
    return ColorTable((lattice(SIZE) ** 1.2 @ mix.T).astype(np.float32))


def opencolorio(table, image, way):
    """Give a function that does the same, its descriptions made once."""
    cube = ocio.Lut3DTransform(SIZE)
    cube.setInterpolation(WAYS[way])
    cube.setData(np.ascontiguousarray(table.values.transpose(2, 1, 0, 3)).ravel())
    depth = DEPTHS[image.dtype.name]
    processor = ocio.Config.CreateRaw().getProcessor(cube)
    cpu = processor.getOptimizedCPUProcessor(depth, depth, ocio.OPTIMIZATION_DEFAULT)
    out = np.empty_like(image)
    height, width = image.shape[:2]
    step = image.dtype.itemsize

    def described(array):
        return ocio.PackedImageDesc(
            array, width, height, 3, depth, step, 3 * step, 3 * step * width
        )  # fmt: skip

    source, target = described(image), described(out)

    def run():
        cpu.apply(source, target)
        return out

    return run


def pillow(table, image):
    picture = Image.fromarray(image)
    clipped = np.clip(table.values, 0, 1).reshape(-1).tolist()
    filtered = ImageFilter.Color3DLUT(SIZE, clipped)
    return lambda: picture.filter(filtered)


def interleaved(works, runs, clock):
    turns = []
    for _ in range(runs + 1):
        turn = []
        for work in works:
            start = clock()
            work()
            turn.append(clock() - start)
        turns.append(turn)
    return list(zip(*turns[1:], strict=True))


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def written(seconds):
    middle, low, high = (1000 * value for value in quartiles(seconds))
    return f"{middle:6.1f} ({low:.0f}-{high:.0f})"


def verdict(ratio, target):
    said = "" if target is None else f" {'met' if ratio >= target else 'SHORT'} (>= {target:g}x)"
    return f"{ratio:4.2f}x{said}"


def compare(table, image, way, runs):
    cv2.setNumThreads(1)
    peers = {"OpenColorIO": opencolorio(table, image, way)}
    if image.dtype == np.uint8 and way == "trilinear":
        peers["Pillow"] = pillow(table, image)
    out = np.empty_like(image)
    works = [lambda: table(image, interpolation=way, out=out), *peers.values()]
    ours, *theirs = interleaved(works, runs, time.process_time)
    parts = [f"{image.dtype.name:>8} {way:<11} {written(ours):>15}"]
    for name, times in zip(peers, theirs, strict=True):
        ratio = quartiles(times)[0] / quartiles(ours)[0]
        target = TARGETS.get((image.dtype.name, way, name))
        parts.append(f"{name} {written(times)} {verdict(ratio, target)}")
    result = table(image, interpolation=way).astype(np.float64)
    gap = np.abs(result - peers["OpenColorIO"]())
    unit = 1 if image.dtype == np.float32 else 0
    said = f"{gap.max():.1e}" if unit else f"{gap.max():.0f} level, {(gap > 0).mean():.3%} differ"
    print(" | ".join([*parts, f"largest gap {said}"]))


def scale(table, image, way, runs):
    out = np.empty_like(image)

    def on(threads):
        def work():
            cv2.setNumThreads(threads)
            table(image, interpolation=way, out=out)

        return work

    one, two = interleaved([on(1), on(2)], runs, time.perf_counter)
    ratio = min(one) / min(two)
    cpu = [quartiles(t)[0] for t in interleaved([on(1), on(2)], runs, time.process_time)]
    print(
        f"{image.dtype.name:>8} {way:<11} two threads, best walls: {verdict(ratio, SCALING)}; "
        f"processor time {cpu[1] / cpu[0]:.2f}x"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--size", type=int, nargs=2, default=[2160, 3840])
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, numba {numba.__version__}, "
        f"OpenColorIO {ocio.__version__}, Pillow {PIL.__version__}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    picture, table = frame(tuple(options.size)), look()
    images = {"uint8": np.rint(255 * picture).astype(np.uint8)}
    images |= {"uint16": np.rint(65535 * picture).astype(np.uint16), "float32": picture}
    print("\ncpu ms, median (quartiles), one thread; ratios are peer over sfumato")
    for image in images.values():
        for way in WAYS:
            compare(table, image, way, options.runs)
    print()
    for image in images.values():
        for way in WAYS:
            scale(table, image, way, options.runs)


if __name__ == "__main__":
    main()
