"""A data loader of torch that augments: images per second beside albumentations 2.0.8.

    python benchmarks/augment_loader.py [--pictures 128] [--size 256] [--rounds 7] [--workers 0,2]
    python benchmarks/augment_loader.py --soak [--epochs 100] [--pictures 64]

The pipeline is that of the article from which many have copied: RandomResizedCrop, Flip,
RandomRotate90, ShiftScaleRotate, HueSaturationValue, one of brightness, contrast and gamma, one
of three blurs, one of four noises and dropouts, Normalize, ToTensorV2. `Flip` is no longer in
2.0.8: there one of HorizontalFlip, VerticalFlip and both, which is what Flip does, stands in.

Both sides have the same pictures, batches and collation; epochs run in turn, in one process. What
counts is the processor time of the process and its workers, the median over the rounds; the wall
time of the same epochs is printed beside it. Every thread pool is kept to one thread a process.

With --soak only sfumato runs, in 4 workers that live for 100 epochs. The resident memory of the
whole process tree is read after every epoch: what the processes hold themselves, shared pages
counted once, and RSS added up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "NO_ALBUMENTATIONS_UPDATE"):
    os.environ.setdefault(name, "1")
warnings.simplefilter("ignore")

import albumentations as peer  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402
import torch  # noqa: E402
from albumentations.pytorch import ToTensorV2  # noqa: E402
from torch.utils.data import DataLoader, Dataset, Sampler  # noqa: E402

import sfumato.augment as A  # noqa: E402
from sfumato.core.opencv import cv2  # noqa: E402

SEED = 20261126
CROP = (224, 224)
MIB = 2**20
SOAK_WORKERS = 4
SETTLED, WINDOW = 10, 5
"""Memory is compared from this epoch on, each time as the median over so many epochs."""


def article(side: Any, flip: Any, to_tensor: Any) -> Any:
    """Build the pipeline as it is written, for either side."""
    return side.Compose([
        side.RandomResizedCrop(CROP),
        flip,
        side.RandomRotate90(),
        side.ShiftScaleRotate(),
        side.HueSaturationValue(),
        side.OneOf([side.RandomBrightnessContrast(), side.RandomGamma()]),
        side.OneOf([side.Blur(), side.GaussianBlur(), side.MotionBlur()]),
        side.OneOf([side.GaussNoise(), side.ISONoise(), side.GridDropout(), side.CoarseDropout()]),
        side.Normalize(),
        to_tensor,
    ])  # fmt: skip


def ours() -> Any:
    """Build sfumato's."""
    return article(A, A.Flip(), A.ToTensorV2())


def theirs() -> Any:
    """Build albumentations', with what comes nearest to the Flip that 2.0.8 has lost."""
    both = peer.Sequential([peer.HorizontalFlip(p=1), peer.VerticalFlip(p=1)], p=1)
    flip = peer.OneOf([peer.HorizontalFlip(p=1), peer.VerticalFlip(p=1), both], p=0.5)
    return article(peer, flip, ToTensorV2())


class Pictures(Dataset):  # type: ignore[type-arg]
    """Pictures in memory, augmented when they are asked for."""

    def __init__(self, pictures: list[Any], transform: Any, *, named_chance: bool) -> None:
        self.pictures, self.transform, self.named_chance = pictures, transform, named_chance

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key: tuple[int, int]) -> Any:
        epoch, index = key
        if self.named_chance:  # the same picture for any number of workers
            return self.transform(image=self.pictures[index], rng=(SEED, epoch, index))["image"]
        return self.transform(image=self.pictures[index])["image"]


class Numbered(Sampler):  # type: ignore[type-arg]
    """Give (epoch, index), so that workers that live on learn which epoch it is."""

    def __init__(self, count: int) -> None:
        self.count, self.epoch = count, 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[int, int]]:
        self.epoch += 1
        order = np.random.default_rng((SEED, self.epoch)).permutation(self.count)
        return iter([(self.epoch, int(index)) for index in order])


def pictures(count: int, size: int) -> list[np.ndarray]:
    """Make pictures with structure at many scales."""
    rng = np.random.default_rng(SEED)
    made = []
    for _ in range(count):
        planes = np.zeros((size, size, 3), np.float32)
        for cells in (4, 16, 64):
            noise = rng.random((cells, cells, 3), dtype=np.float32)
            planes += cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
        made.append(np.rint(np.clip(planes / 3, 0, 1) * 255).astype(np.uint8))
    return made


def loader(data: Dataset[Any], count: int, workers: int) -> DataLoader[Any]:
    """Make a loader whose workers live on from epoch to epoch."""
    return DataLoader(
        data, batch_size=16, sampler=Numbered(count), num_workers=workers,
        persistent_workers=workers > 0, worker_init_fn=one_thread,
    )  # fmt: skip


def one_thread(_worker: int = 0) -> None:
    """Keep to one thread."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def tree() -> list[psutil.Process]:
    """List this process and its workers."""
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def cpu_seconds() -> float:
    """Add up the processor time of this process and, in hundredths of a second, its workers."""
    return time.process_time() + sum(sum(worker.cpu_times()[:2]) for worker in tree()[1:])


def epoch(load: DataLoader[Any], count: int) -> tuple[float, float]:
    """Run one epoch; give images per second of processor time and of wall time."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    seen = sum(len(batch) for batch in load)
    cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    assert seen == count
    return count / cpu, count / wall


def compare(options: argparse.Namespace) -> None:
    """Run both in turn and print a line for each number of workers."""
    images = pictures(options.pictures, options.size)
    print(f"{options.pictures} pictures of {options.size} px, {options.rounds} rounds, "
          f"{torch.get_num_threads()} thread a process")  # fmt: skip
    print(f"{'workers':>7} {'':14}{'images/s of cpu':>16}{'images/s of wall':>18}")
    for workers in map(int, options.workers.split(",")):
        sides = {
            "sfumato": loader(Pictures(images, ours(), named_chance=True), len(images), workers),
            "albumentations": loader(
                Pictures(images, theirs(), named_chance=False), len(images), workers
            ),
        }
        for load in sides.values():  # compile, fork and warm up
            epoch(load, len(images))
        speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, load in sides.items():
                speeds[name].append(epoch(load, len(images)))
        rows = {name: [statistics.median(column) for column in zip(*runs, strict=True)]
                for name, runs in speeds.items()}  # fmt: skip
        for name, (cpu, wall) in rows.items():
            print(f"{workers:7d} {name:14}{cpu:16.0f}{wall:18.0f}")
        ratios = [a / b for a, b in zip(rows["sfumato"], rows["albumentations"], strict=True)]
        print(f"{workers:7d} {'ratio':14}{ratios[0]:16.2f}{ratios[1]:18.2f}")


def memory() -> tuple[float, float]:
    """Give the memory of the process tree in MiB: what it holds itself, and RSS added up."""
    own = rss = 0.0
    for process in tree():
        own += held(process)
        rss += process.memory_info().rss
    return own / MIB, rss / MIB


def held(process: psutil.Process) -> float:
    """Give the bytes a process holds beside mapped files, its part of what forks share.

    Mapped libraries are left out: their share falls and rises as other programs that map
    them come and go.
    """
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return float(process.memory_full_info().uss)
    sizes = dict(line.split(":") for line in text.splitlines()[1:])
    return 1024.0 * sum(int(sizes[name].split()[0]) for name in ("Pss_Anon", "Pss_Shmem"))


def soak(options: argparse.Namespace) -> None:
    """Run many epochs and print how memory grew."""
    images = pictures(options.pictures, options.size)
    load = loader(Pictures(images, ours(), named_chance=True), len(images), SOAK_WORKERS)
    seen = []
    for number in range(1, options.epochs + 1):
        epoch(load, len(images))
        seen.append(memory())
        if number % 10 == 0 or number == 1:
            own, rss = seen[-1]
            print(f"epoch {number:4d}: {own:8.1f} MiB held, {rss:8.1f} MiB RSS", flush=True)
    if len(seen) < SETTLED + WINDOW:
        return
    table = np.array(seen)
    early = np.median(table[SETTLED - WINDOW : SETTLED], axis=0)
    late = np.median(table[-WINDOW:], axis=0)
    slope = np.polyfit(np.arange(SETTLED, len(seen)), table[SETTLED:], 1)[0]
    for k, what in enumerate(("held", "RSS")):
        print(f"{what}: {early[k]:.1f} MiB up to epoch {SETTLED}, {late[k]:.1f} at {len(seen)}: "
              f"growth {late[k] - early[k]:+.1f} MiB ({100 * (late[k] / early[k] - 1):+.2f} %), "
              f"slope {1024 * slope[k]:+.1f} KiB an epoch")  # fmt: skip


def main() -> None:
    """Run the comparison or the soak."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=128)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--workers", default="0,2")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--epochs", type=int, default=100)
    options = parser.parse_args()
    one_thread()
    soak(options) if options.soak else compare(options)


if __name__ == "__main__":
    main()
