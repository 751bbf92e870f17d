"""Compare FuseExposures with OpenCV's MergeMertens and with the enfuse command.

Everything of one line of the table runs interleaved, after a warm-up: the median of the
runs stands with its quartiles, wall time and processor time of all threads. All use
weights of 1 for contrast, saturation and exposure. OpenCV divides whatever it gets by
255, so it is given uint8 as it is and uint16 as float32 in 0..255, converted beforehand
and not timed; its result is float32, ours has the dtype of the frames. Memory is the
high-water mark (VmHWM) of a fresh process for each, less that of a process that holds
the inputs and the imports only. Frames are synthesised with a fixed seed.

Run: python benchmarks/fusion.py [--quick] [--size 2 12 24] [--frames 3 5] [--runs 5]
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
import numpy as np
import tifffile

from sfumato.capture import _fuse_fast
from sfumato.capture.fuse_exposures import FuseExposures
from sfumato.core.opencv import cv2

SEED = 20261121
SIZES = {2: (1224, 1632), 12: (3000, 4000), 24: (4000, 6000)}
TARGETS = {"cpu": 6.0, "wall": 5.0, "memory": 4.0, "enfuse cpu": 8.0}
SMALL_TARGET = 2.5
ENFUSE = "--exposure-weight=1 --saturation-weight=1 --contrast-weight=1 --contrast-window-size=3"


def bracket(size, count, dtype):
    """Make a smooth scene with texture, two stops apart, clipped at both ends."""
    height, width = size
    rng = np.random.default_rng(SEED)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 0.2 * np.exp(2 * np.sin(7 * x / width) + 1.5 * np.cos(5 * y / height))[..., None]
    coarse = cv2.resize(rng.random((height // 16, width // 16, 3), np.float32), (width, height))
    light = light * (0.4 + coarse + 0.2 * rng.random((height, width, 1), np.float32))
    white = np.iinfo(dtype).max
    stack = np.empty((count, height, width, 3), dtype)
    for k, frame in enumerate(stack):
        shown = np.clip(light * 2.0 ** (2 * (k - (count - 1) / 2)), 0, 1) ** (1 / 2.2)
        frame[...] = np.rint(white * shown)
    return stack


def frames_for_opencv(stack):
    if stack.dtype == np.uint8:
        return list(stack)
    return [frame.astype(np.float32) / 257 for frame in stack]


def opencv(frames):
    return cv2.createMergeMertens(1, 1, 1).process(frames)


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def interleaved(works, runs):
    """Run all in turn; give a list of (wall, cpu) for each, the first turn left out."""
    turns = [[timed(work) for work in works] for _ in range(runs + 1)]
    return list(zip(*turns[1:], strict=True))


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def written(seconds):
    middle, low, high = (1000 * value for value in quartiles(seconds))
    return f"{middle:6.0f} ({low:.0f}-{high:.0f})"


def verdict(ratio, target):
    return f"{ratio:5.1f}x {'met' if ratio >= target else 'SHORT'} (>= {target:g}x)"


def compare_times(megapixels, count, dtype, threads, runs):
    stack = bracket(SIZES[megapixels], count, dtype)
    theirs, fuse = frames_for_opencv(stack), FuseExposures()
    cv2.setNumThreads(threads)
    ours, peers = interleaved([lambda: fuse(stack), lambda: opencv(theirs)], runs)
    columns = []
    for index, name in enumerate(("wall", "cpu")):
        mine, other = [run[index] for run in ours], [run[index] for run in peers]
        ratio = quartiles(other)[0] / quartiles(mine)[0]
        target = SMALL_TARGET if megapixels < 12 else TARGETS[name]
        applies = name == "cpu" or threads > 1
        said = verdict(ratio, target) if applies else f"{ratio:5.1f}x"
        columns.append(f"{written(mine):>18} {written(other):>20} {said:<22}")
    name = np.dtype(dtype).name
    print(f"{megapixels:3} MP x {count} {name:>6} {threads} thr | {' | '.join(columns)}")


def compare_pictures(megapixels):
    """Say how far ours is from our exact mode, and from OpenCV with its own settings."""
    print("\nAgreement (8-bit levels, 3 frames; OpenCV has one level more and another border):")
    for dtype in (np.uint8, np.uint16):
        stack = bracket(SIZES[megapixels], 3, dtype)
        levels = int(np.log2(min(SIZES[megapixels]))) + 1
        unit = 255.0 / np.iinfo(dtype).max
        fast = FuseExposures()(stack) * unit
        exact = FuseExposures(mode="exact")(stack) * unit
        theirs = np.clip(opencv(frames_for_opencv(stack)), 0, 1) * 255
        alike = FuseExposures(levels=levels, border="reflect").unclipped(stack)
        near, far = np.abs(fast - exact), np.abs(np.clip(alike, 0, 1) * 255 - theirs)
        share = 100 * float((near <= 1).mean())
        said = "met" if share >= 99.9 else "SHORT"
        print(
            f"  {np.dtype(dtype).name:>6}: fast to exact at most {near.max():.4f}, "
            f"{share:.4f} % within 1: {said} (>= 99.9 %); "
            f"to OpenCV, levels={levels}, reflect: mean {far.mean():.4f}, most {far.max():.3f}"
        )


def child(kind, megapixels, count, dtype):
    """Do one thing in this process, and print its high-water mark in kB."""
    stack = bracket(SIZES[megapixels], count, dtype)
    Path("/proc/self/clear_refs").write_text("5")  # forget what making the frames took
    if kind == "ours":
        FuseExposures()(stack)
    elif kind == "opencv":
        opencv(frames_for_opencv(stack))
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def compare_memory(sizes, counts, dtypes):
    print("\nPeak memory of a whole process, MB (two threads, compiled code from the cache):")
    print("            inputs only   ours above   OpenCV above")
    for megapixels in sizes:
        for count in counts:
            for dtype in dtypes:
                name = np.dtype(dtype).name
                peaks = {}
                for kind in ("ours", "inputs", "ours", "opencv"):  # the first one compiles
                    arguments = ["--child", kind, str(megapixels), str(count), name]
                    command = [sys.executable, __file__, *arguments]
                    run = subprocess.run(command, capture_output=True, text=True, check=True)
                    peaks[kind] = int(run.stdout) / 1024
                ours, theirs = (peaks[kind] - peaks["inputs"] for kind in ("ours", "opencv"))
                said = verdict(theirs / ours, TARGETS["memory"]) if megapixels >= 12 else ""
                print(
                    f"{megapixels:3} MP x {count} {name:>6} {peaks['inputs']:6.0f} "
                    f"{ours:10.0f} {theirs:12.0f}   {said}"
                )


def command_time(command):
    """Run a command; give wall and cpu seconds of it and of what it started."""
    before, wall = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return time.perf_counter() - wall, cpu


def compare_with_enfuse(sizes, counts, runs):
    enfuse, sfumato = shutil.which("enfuse"), Path(sys.executable).with_name("sfumato")
    print("\nAgainst the enfuse command, uint8 TIFF without compression in and out, cpu ms:")
    if enfuse is None:
        print("  enfuse is not installed")
        return
    cv2.setNumThreads(2)
    for megapixels in sizes:
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                line = against_enfuse(Path(folder), megapixels, count, runs, enfuse, sfumato)
            print(f"{megapixels:3} MP x {count} | {line}")


def against_enfuse(folder, megapixels, count, runs, enfuse, sfumato):
    names = [folder / f"{k}.tif" for k in range(count)]
    for name, frame in zip(names, bracket(SIZES[megapixels], count, np.uint8), strict=True):
        tifffile.imwrite(name, frame)
    fuse = FuseExposures()

    def in_process():
        stack = np.empty((count, *SIZES[megapixels], 3), np.uint8)
        for name, frame in zip(names, stack, strict=True):
            tifffile.imread(name, out=frame)
        tifffile.imwrite(folder / "ours.tif", fuse(stack))

    theirs = [enfuse, *ENFUSE.split(), "--compression=none", "-o", folder / "enfuse.tif", *names]
    whole = [sfumato, "fuse", *names, "-o", folder / "whole.tif", "--overwrite", "--quiet"]
    works = [lambda: timed(in_process), lambda: command_time(theirs)]
    works += [lambda: command_time(whole)] if sfumato.exists() else []
    turns = [[work() for work in works] for _ in range(runs + 1)][1:]
    cpus = [[turn[k][1] for turn in turns] for k in range(len(works))]
    mine, peer = quartiles(cpus[0])[0], quartiles(cpus[1])[0]
    said = verdict(peer / mine, TARGETS["enfuse cpu"])
    text = f"read, fuse, write in process {written(cpus[0])}, enfuse {written(cpus[1])} {said}"
    if len(cpus) > 2:
        ratio = peer / quartiles(cpus[2])[0]
        text += f"; sfumato fuse as a command {written(cpus[2])} {ratio:.1f}x"
    return text


def profile(megapixels, count):
    """Say where the time of fast fusion goes, on one thread."""
    stack = bracket(SIZES[megapixels], count, np.uint8)
    cv2.setNumThreads(1)
    spent = {}

    def watched(name, work):
        def call(*arguments):
            start = time.thread_time()
            result = work(*arguments)
            spent[name] = spent.get(name, 0.0) + time.thread_time() - start
            return result

        return call

    names = {"reduce_tiles": "first walk", "finish_tiles": "second walk"}
    names |= {"reduce": "lower levels", "blend": "lower levels"}
    kept = {name: getattr(_fuse_fast, name) for name in (*names, "compile_once")}
    FuseExposures()(stack)
    try:
        for name, label in names.items():
            setattr(_fuse_fast, name, watched(label, kept[name]))
        _fuse_fast.compile_once = lambda *_: None
        total = timed(lambda: FuseExposures()(stack))[1]
    finally:
        for name, work in kept.items():
            setattr(_fuse_fast, name, work)
    parts = ", ".join(f"{name} {1000 * value:.0f}" for name, value in spent.items())
    print(f"\nWhere it goes, {megapixels} MP x {count}, cpu ms: {parts}, all {1000 * total:.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 MP, 3 frames, uint8 only")
    parser.add_argument("--size", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--frames", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, megapixels, count, name = options.child
        child(kind, int(megapixels), int(count), np.dtype(name))
        return
    sizes, counts = ([2], [3]) if options.quick else (options.size, options.frames)
    dtypes = [np.uint8] if options.quick else [np.uint8, np.uint16]
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, OpenCV {cv2.__version__}, "
        f"numba {numba.__version__}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    print("\nms, median (quartiles) | wall: sfumato, OpenCV, ratio | cpu: the same")
    for megapixels in sizes:
        for count in counts:
            for dtype in dtypes:
                for threads in (1, 2):
                    compare_times(megapixels, count, dtype, threads, options.runs)
    compare_memory(sizes, counts, dtypes)
    compare_with_enfuse(sizes, counts, max(2, options.runs // 2))
    profile(sizes[-1], counts[0])
    compare_pictures(sizes[0])


if __name__ == "__main__":
    main()
