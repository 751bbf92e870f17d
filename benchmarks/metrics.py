"""Time and memory of the metrics beside those of their peers.

    python benchmarks/metrics.py [--rounds 7] [--json out.json]

All contenders of a row run in turn, round by round, in one process on the same
arrays; what counts is processor time (user and system, all threads), the median
with its quartiles. Peers that cannot be imported are left out: scikit-image is
part of sfumato[dev]; for torchmetrics install torch and torchmetrics beside it.
Peak memory is VmHWM of a fresh process that makes the pair, calls once on a small
crop (compiling, loading), and then scores the whole pair: once without that call
and once with it, the difference is what the call needed above its inputs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.measure import MEFSSIM, MSSSIM, PSNR, SSIM, BoundaryF, DeltaE2000, EdgeF, MeanIoU

SEED = 20261121
SIZE = (2160, 3840)
CROP = 200
GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
Call = Callable[[], Any]


def picture_pair() -> tuple[np.ndarray, np.ndarray]:
    """Make a 4K picture with structure at many scales, and a noisy copy."""
    rng = np.random.default_rng(SEED)
    target = np.zeros((*SIZE, 3), np.float32)
    for cells in (6, 24, 96, 384):
        noise = rng.random((cells, cells * 16 // 9, 3), dtype=np.float32)
        target += cv2.resize(noise, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    target = np.clip(target / 4, 0, 1)
    noise = np.empty_like(target)
    cv2.setRNGSeed(SEED)
    cv2.randn(noise, (0.0,) * 3, (0.02,) * 3)
    return tuple(np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8) for x in (target + noise, target))


def label_maps(count: int) -> list[np.ndarray]:
    """Make 480 x 360 maps of 12 classes with curved outlines, each near the next."""
    rng = np.random.default_rng(SEED)
    seeds = rng.random((23, 31, 12), dtype=np.float32)
    maps = []
    for _ in range(count):
        seeds += rng.normal(0, 0.02, seeds.shape).astype(np.float32)
        planes = [
            cv2.resize(seeds[..., c], (480, 360), interpolation=cv2.INTER_CUBIC) for c in range(12)
        ]
        maps.append(np.argmax(planes, axis=0).astype(np.uint8))
    return maps


def contenders(a: np.ndarray, b: np.ndarray) -> dict[str, dict[str, Call]]:
    """List what is compared; the first of each row is ours."""
    rows: dict[str, dict[str, Call]] = {
        "PSNR": {"sfumato": lambda: PSNR()(a, b), "OpenCV": lambda: cv2.PSNR(a, b)},
        "SSIM": {"sfumato": lambda: SSIM()(a, b)},
        "SSIM padded": {"sfumato": lambda: SSIM(border="padded")(a, b)},
        "SSIM map": {"sfumato": lambda: SSIM().map(a, b).mean(dtype=np.float64)},
        "MS-SSIM": {"sfumato": lambda: MSSSIM()(a, b)},
        "Delta-E 2000": {"sfumato": lambda: DeltaE2000()(a, b)},
        "MEF-SSIM, 3 frames": {"sfumato": lambda: MEFSSIM()(a, np.stack([a, b, b // 2]))},
    }
    add_scikit_image(rows, a, b)
    add_torchmetrics(rows, a, b)
    rows["copy of both"] = {"NumPy": lambda: (a.copy(), b.copy()) and float("nan")}
    return rows


def add_scikit_image(rows: dict[str, dict[str, Call]], a: np.ndarray, b: np.ndarray) -> None:
    try:
        metrics = importlib.import_module("skimage.metrics")
        color = importlib.import_module("skimage.color")
    except ImportError:
        return
    name = "scikit-image"
    rows["PSNR"][name] = lambda: metrics.peak_signal_noise_ratio(a, b, data_range=255)
    rows["SSIM"][name] = lambda: metrics.structural_similarity(a, b, channel_axis=2, **GAUSSIAN)

    def mapped() -> float:
        whole = metrics.structural_similarity(a, b, channel_axis=2, full=True, **GAUSSIAN)[1]
        return float(whole.mean())

    rows["SSIM map"][name] = mapped
    rows["Delta-E 2000"][name] = lambda: color.deltaE_ciede2000(
        color.rgb2lab(b), color.rgb2lab(a)
    ).mean()


def add_torchmetrics(rows: dict[str, dict[str, Call]], a: np.ndarray, b: np.ndarray) -> None:
    try:
        torch = importlib.import_module("torch")
        functional = importlib.import_module("torchmetrics.functional.image")
    except ImportError:
        return
    # As a user of torch has them: float tensors, the conversion not counted.
    x, y = (torch.from_numpy(i).permute(2, 0, 1)[None].float() / 255 for i in (a, b))
    name = "torchmetrics"

    def quietly(function: Callable[..., Any]) -> Call:
        def call() -> float:
            with torch.no_grad():
                return float(function(x, y, data_range=1.0))

        return call

    rows["PSNR"][name] = quietly(functional.peak_signal_noise_ratio)
    rows["SSIM padded"][name] = quietly(functional.structural_similarity_index_measure)
    rows["SSIM"][name] = rows["SSIM padded"][name]
    ms_ssim = functional.multiscale_structural_similarity_index_measure
    rows["MS-SSIM"][name] = quietly(ms_ssim)


def time_row(calls: dict[str, Call], rounds: int) -> dict[str, Any]:
    """Run the contenders in turn; quartiles of processor time in ms, and their values."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    values = {}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            start = time.process_time()
            values[name] = float(call())
            if turn:
                times[name].append(1000 * (time.process_time() - start))
    return {
        name: {"cpu_ms": np.percentile(t, [25, 50, 75]).round(2).tolist(), "value": values[name]}
        for name, t in times.items()
    }


def time_labels() -> dict[str, Any]:
    """Score 1000 pairs of label maps, and 100 pairs of edge maps."""
    maps, out = label_maps(101), {}
    for metric in (BoundaryF(radii_px=(1.0,)), BoundaryF(radii_px=(1.0, 3.0, 5.0)), MeanIoU()):
        metric(maps[0], maps[1])
        start = time.process_time()
        for _ in range(10):
            for prediction, target in zip(maps[1:], maps, strict=False):
                metric.update(prediction, target)
        out[f"1000 maps, {metric!r}"] = time.process_time() - start
    edges = [(np.diff(m.astype(int), axis=1, append=m[:, -1:]) != 0) for m in maps]
    metric = EdgeF()
    metric(edges[0], edges[1])
    start = time.process_time()
    for prediction, target in zip(edges[1:], edges, strict=False):
        metric.update(prediction, target)
    out["100 edge maps, EdgeF()"] = time.process_time() - start
    return out


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def child(row: str, name: str, whole: bool) -> None:
    """Print the high-water mark of this process."""
    a, b = picture_pair()
    small = contenders(a[:CROP, :CROP].copy(), b[:CROP, :CROP].copy())
    small[row][name]()
    call = contenders(a, b)[row][name]
    # Making the pair needed more room than it takes: only what comes now shall count.
    Path("/proc/self/clear_refs").write_text("5")
    if whole:
        call()
    print(peak_mb())


def memory(row: str, name: str) -> dict[str, float]:
    """Give the peak of a process that scores the pair, and that above its inputs."""
    peaks = []
    for whole in ("", "whole"):
        command = [sys.executable, __file__, "--child", row, name, whole]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(float(done.stdout))
    return {"peak_mb": round(peaks[1], 1), "above_inputs_mb": round(peaks[1] - peaks[0], 1)}


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "cpus": str(os.cpu_count())}
    for name in (
        "numpy",
        "numba",
        "opencv-python-headless",
        "scikit-image",
        "torch",
        "torchmetrics",
    ):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], options.child[1], bool(options.child[2]))
        return
    a, b = picture_pair()
    result: dict[str, Any] = {"versions": versions(), "size": SIZE, "rows": {}}
    print(json.dumps(result["versions"]))
    print(f"{SIZE[1]} x {SIZE[0]} RGB uint8, median of {options.rounds} interleaved rounds")
    print(f"{'':34}{'cpu ms':>10}  {'quartiles':>18}{'ratio':>8}{'peak MB':>9}{'above':>8}  value")
    for row, calls in contenders(a, b).items():
        timed = time_row(calls, options.rounds)
        ours = timed[next(iter(timed))]["cpu_ms"][1]
        for name, entry in timed.items():
            entry.update(memory(row, name))
            low, middle, high = entry["cpu_ms"]
            spread = f"{low:.1f} .. {high:.1f}"
            print(
                f"{row:20}{name:14}{middle:10.1f}  {spread:>18}{middle / ours:8.2f}"
                f"{entry['peak_mb']:9.0f}{entry['above_inputs_mb']:8.0f}  {entry['value']:.9f}",
                flush=True,
            )
        result["rows"][row] = timed
    result["sets_cpu_s"] = time_labels()
    for name, seconds in result["sets_cpu_s"].items():
        print(f"{name}: {seconds:.2f} s of cpu")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
