"""The sensor: time and memory of its tools, and what they are worth on pictures.

    python benchmarks/sensor.py [--only speed demosaic denoise bracket] [--data FOLDER]

Times are processor time (user and system, all threads) of one call after a warm-up,
the median of five rounds; peers run in turn with ours in the same process. Memory is the
peak of a fresh process. Quality is measured on the Kodak pictures of the shared data
(SFUMATO_DATA or --data): the middle of each, linear light, noise by `NoiseModel`. Contenders
that have a strength get the one that is best over all pictures.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.capture import (
    Demosaic,
    DenoiseBurst,
    DenoiseRaw,
    Develop,
    DevelopRaw,
    GeneralizedAnscombe,
    KSigma,
    NoiseModel,
    RawCamera,
    calibrate_folder,
)
from sfumato.capture._even_denoise import denoise_nlm
from sfumato.capture.denoise_raw import packed, unpacked
from sfumato.color.transfer import srgb_to_linear
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.data import DuskRoom
from sfumato.io import mosaic_from_array, write, write_mosaic
from sfumato.measure import MEFSSIM, PSNR

SEED = 20261126
SIZE = (3000, 4000)
ROUNDS = 5
SENSOR = NoiseModel(gain=(2.0, 1.8, 1.8, 2.2), read_noise=(6.0,), black=(512.0,), white=(16383.0,),
                    row_noise=0.6, tail=0.1, step=1.0)  # fmt: skip
ISOS = {800: (1e-3, 1e-6), 3200: (4e-3, 1e-5), 12800: (1.6e-2, 1e-4)}
"""A small sensor: a and b of variance = a x + b on the unit range."""
LARGE_ISOS = {800: (3e-5, 2e-7), 3200: (1.2e-4, 1e-6), 12800: (5e-4, 1.2e-5)}
"""One like that of a camera with interchangeable lenses."""
Call = Callable[[], Any]


def seconds(call: Call) -> float:
    """Give the median processor time of a call."""
    call()
    took = []
    for _ in range(ROUNDS):
        before = time.process_time()
        call()
        took.append(time.process_time() - before)
    return statistics.median(took)


def line(name: str, value: float, bound: float | None = None, unit: str = "s") -> None:
    wanted = (
        ""
        if bound is None
        else f"   (bar {bound:g} {unit}: {'met' if value < bound else 'MISSED'})"
    )
    print(f"{name:<56} {value:8.2f} {unit}{wanted}", flush=True)


def speed() -> None:
    """The speed lines, at 12 MP."""
    rng = np.random.default_rng(SEED)
    light = rng.gamma(0.7, 2500.0, SIZE).astype(np.float32)
    print("12 MP mosaic, processor time")
    line("noise synthesis, everything of ELD", seconds(lambda: SENSOR.apply(light, 1)), 1.0)
    plain = SENSOR.but(row_noise=0.0, tail=None, step=0.0)
    line("noise synthesis, Poisson and normal", seconds(lambda: plain.apply(light, 1)), 1.0)
    gains = np.tile(np.reshape(SENSOR.gain, (2, 2)), (SIZE[0] // 2, SIZE[1] // 2))

    def by_numpy() -> Any:
        counts = rng.poisson(light / gains)
        return counts * gains + 6.0 * rng.standard_normal(SIZE)

    line("  the same by NumPy's generators", seconds(by_numpy))
    noisy = plain.apply(light, 1, clip=False)
    steady, even = GeneralizedAnscombe(model=plain), KSigma(model=plain)
    line("generalised Anscombe and exact inverse",
         seconds(lambda: steady.inverse(steady.forward(noisy))), 0.5)  # fmt: skip
    line("k-sigma and inverse", seconds(lambda: even.inverse(even.forward(noisy))))
    raw = mosaic_from_array(noisy / 15871, white=1.0)
    codes = np.clip(noisy, 0, 65535).astype(np.uint16)
    for method in ("directional", "malvar", "bilinear"):
        demosaic = Demosaic(method=method)
        line(f"demosaic {method}", seconds(partial(demosaic, raw)))
    line(
        "  OpenCV's bilinear, 16 bits",
        seconds(lambda: cv2.cvtColor(codes, cv2.COLOR_BayerRGGB2RGB)),
    )
    line("  OpenCV's edge-aware, 16 bits",
         seconds(lambda: cv2.cvtColor(codes, cv2.COLOR_BayerRGGB2RGB_EA)))  # fmt: skip
    line("develop to sRGB, directional", seconds(lambda: DevelopRaw()(raw)))
    unit = plain.rescaled()
    for method in ("nlm", "wavelet"):
        denoise = DenoiseRaw(noise=unit, method=method)
        line(f"denoise {method}", seconds(partial(denoise, raw)))
    calibration()


def calibration() -> None:
    """Twelve pairs of 12 MP flats in files, measured in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(SEED)
        for k, level in enumerate(np.geomspace(40, 12500, 12)):
            for letter in "ab":
                seen = SENSOR.apply(np.full(SIZE, level, np.float32), rng) + 512
                meta = {"iso": 400, "exposure_time_s": 1e-3 * 2**k}
                sample = Sample(np.rint(seen).astype(np.uint16)[..., None], meta=meta)
                write(Path(folder) / f"{k:02}{letter}.tif", sample)
        command = [sys.executable, __file__, "--calibrate", folder]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    line("calibration of 24 frames, the whole process", float(told[0]), 20.0)
    line("  its peak memory", float(told[1]), 2.0, "GB")


def calibrate(folder: str) -> None:
    calibrate_folder(folder, black=512.0, white=16383.0)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20)


def pictures(data: Path) -> list[np.ndarray]:
    paths = sorted((data / "restore" / "kodak24").glob("*.png"))
    return [np.ascontiguousarray(cv2.imread(str(path))[..., ::-1]) for path in paths]


def mosaic_of(picture: np.ndarray) -> np.ndarray:
    plane = picture[..., 1].copy()
    plane[0::2, 0::2], plane[1::2, 1::2] = picture[0::2, 0::2, 0], picture[1::2, 1::2, 2]
    return plane


def db(truth: np.ndarray, seen: np.ndarray) -> float:
    inner = np.s_[10:-10, 10:-10]
    return float(-10 * np.log10(np.mean((truth[inner] - np.clip(seen[inner], 0, 1)) ** 2)))


def demosaicing(data: Path) -> None:
    """Color PSNR of demosaiced Kodak pictures, sRGB values as they are; LibRaw's beside."""
    print("\nDemosaicing, mean color PSNR over the Kodak pictures")
    contenders: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        method: lambda plane, m=method: (
            Demosaic(method=m)(mosaic_from_array(plane, white=1.0)).image
        )
        for method in ("directional", "malvar", "bilinear")
    }
    contenders["OpenCV edge-aware"] = lambda plane: (
        cv2.cvtColor(np.rint(plane * 65535).astype(np.uint16), cv2.COLOR_BayerRGGB2RGB_EA) / 65535
    )
    for name in ("AHD", "PPG", "VNG", "DCB", "DHT"):
        contenders[f"LibRaw {name}"] = lambda plane, n=name: by_libraw(plane, n)
    for name, call in contenders.items():
        try:
            scores = [
                db(p / 255, call(mosaic_of(p).astype(np.float32) / 255)) for p in pictures(data)
            ]
        except ImportError:
            continue
        line(name, statistics.fmean(scores), unit="dB")


def by_libraw(plane: np.ndarray, name: str) -> np.ndarray:
    import rawpy

    with tempfile.TemporaryDirectory() as folder:
        sample = mosaic_from_array(plane * 60000, white=60000)
        path = write_mosaic(Path(folder) / "a.dng", sample)
        with rawpy.imread(str(path)) as raw:
            out = raw.postprocess(
                demosaic_algorithm=getattr(rawpy.DemosaicAlgorithm, name),
                output_color=rawpy.ColorSpace.raw, output_bps=16, gamma=(1, 1), user_flip=0,
                no_auto_bright=True, adjust_maximum_thr=0.0, user_wb=[1, 1, 1, 1],
            )  # fmt: skip
    return out / 65535


def denoising(data: Path) -> None:
    """Raw PSNR on Kodak mosaics in linear light."""
    print("\nRaw denoising on Kodak mosaics, mean PSNR in dB over the pictures")
    heads = ("noisy", "NLM", "VST+NLM", "gain", "VST+wavelet", "burst of 8")
    print("   ISO" + "".join(f"{head:>12}" for head in heads))
    clean = [mosaic_of(srgb_to_linear(p)) for p in pictures(data)]
    for iso, (a, b) in ISOS.items():
        model = NoiseModel(gain=(a,), read_noise=(b**0.5,), white=(1.0,))
        rows: dict[str, list[Any]] = {
            name: [] for name in ("noisy", "alone", "nlm", "wavelet", "burst")
        }
        for k, light in enumerate(clean):
            noisy = [model.apply(light, 100 * k + j, clip=False) for j in range(8)]
            raw = mosaic_from_array(noisy[0], white=1.0)
            burst = raw.but(stack=np.stack(noisy)[..., None])
            sigma = np.float32(np.sqrt(np.mean(model.variance(light))))
            even = packed(noisy[0]) / sigma
            rows["noisy"].append(db(light, noisy[0]))
            rows["alone"].append(
                [db(light, unpacked(denoise_nlm(even, s) * sigma, light.shape))
                 for s in (0.6, 0.7, 0.85, 1.0, 1.2, 1.4)]
            )  # fmt: skip
            for method in ("nlm", "wavelet"):
                out = DenoiseRaw(noise=model, method=method)(raw).image[..., 0]
                rows[method].append(db(light, out))
            rows["burst"].append(db(light, DenoiseBurst(noise=model)(burst).image[..., 0]))
        alone = float(np.max(np.mean(rows["alone"], axis=0)))
        noisy_db, nlm, wavelet, burst_db = (
            statistics.fmean(rows[name]) for name in ("noisy", "nlm", "wavelet", "burst")
        )
        values = (noisy_db, alone, nlm, nlm - alone, wavelet, burst_db)
        print(f"{iso:>6}" + "".join(f"{value:12.2f}" for value in values), flush=True)


def brackets() -> None:
    """A noisy raw bracket of the dusk room against its own JPEGs, both fused."""
    print("\nBracket of -2, 0, +2 EV fused; against the fusion without noise: PSNR in dB, MEF-SSIM")
    light = Sample(DuskRoom(size=(400, 600)).render().radiance, space="linear")
    steps: dict[str, Any] = {"align": None, "deghost": None, "kind": "bracket"}
    sensors = [("large", LARGE_ISOS), ("small", ISOS)]
    for size, iso, (a, b) in [(size, *row) for size, isos in sensors for row in isos.items()]:
        model = NoiseModel(gain=(a,), read_noise=(b**0.5,), white=(1.0,))
        camera = RawCamera(noise=model)
        raws = [camera.expose(light, rng=k, exposure_ev=ev) for k, ev in enumerate((-2, 0, 2))]
        clean = bracket_of([r.but(image=np.minimum(r.target, 1.0)) for r in raws])
        truth, frames = Develop(**steps)(clean).image, DevelopRaw()(clean).stack
        for name, raw in (
            ("plain", DevelopRaw()),
            ("denoised", DevelopRaw(before=(DenoiseRaw(),))),
        ):
            from_raw = Develop(raw=raw, **steps)(bracket_of(raws)).image
            jpegs = np.stack([as_jpeg(raw(r).image) for r in raws])
            fused = Develop(**steps)(Sample(jpegs[1], stack=jpegs)).image
            from_jpeg = fused.astype(np.float32) / 255
            scores = [(PSNR()(x, truth), MEFSSIM()(x, frames)) for x in (from_raw, from_jpeg)]
            print(f"{size} ISO {iso:>5} {name:<9} raw {scores[0][0]:6.2f} {scores[0][1]:.4f}   "
                  f"JPEG first {scores[1][0]:6.2f} {scores[1][1]:.4f}", flush=True)  # fmt: skip


def bracket_of(frames: list[Sample]) -> Sample:
    meta = {**frames[1].meta, "frames": tuple(frame.meta for frame in frames)}
    stack = np.stack([frame.image for frame in frames])
    return frames[1].but(stack=stack, meta=meta, target=None)


def as_jpeg(image: np.ndarray) -> np.ndarray:
    shown = np.rint(255 * image).astype(np.uint8)[..., ::-1]
    _, packed_bytes = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return np.ascontiguousarray(cv2.imdecode(packed_bytes, cv2.IMREAD_COLOR)[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("SFUMATO_DATA", Path(__file__).parents[2] / "shared" / "data")
    parts = ("speed", "demosaic", "denoise", "bracket")
    parser.add_argument("--only", nargs="*", choices=parts, default=parts)
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--calibrate", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.calibrate:
        calibrate(chosen.calibrate)
        return
    if "speed" in chosen.only:
        speed()
    if "demosaic" in chosen.only:
        demosaicing(chosen.data)
    if "denoise" in chosen.only:
        denoising(chosen.data)
    if "bracket" in chosen.only:
        brackets()


if __name__ == "__main__":
    main()
