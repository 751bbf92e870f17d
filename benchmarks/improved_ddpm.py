"""Learned variance against fixed, on handwritten digits: bits a value, and few sampling steps.

    python benchmarks/improved_ddpm.py OUT DIGITS --seconds 60
    python benchmarks/improved_ddpm.py OUT DIGITS --side 8 --length 100 --train-steps 1200

DIGITS is a folder with the MNIST files t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz.
8,500 of the 10,000 pictures are learned from, 28 px padded to 32, or that made smaller. Each
variant is trained for so many seconds, or for so many steps, from each seed. Measured are, on
pictures that were held apart and with the average of the weights:

- bits a value, over all steps of the bound; models that learned no variance are given both
  that of the posterior (small) and that of the noise (large);
- the Fréchet distance of samples to the 1,500 held-out pictures in the features of a small
  classifier that is trained in the run, at few of its steps; beside it that of as many
  real pictures, which is the floor. It is no FID: the features are not Inception's. Models that
  learned a variance are sampled with the fixed ones too.

A run that was interrupted goes on where it stopped: what OUT/improved_ddpm.json holds is kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from painter import trained
from torch import nn
from torch.nn import functional

import sfumato
from sfumato.core.batch import Batch
from sfumato.core.sample import Sample
from sfumato.generate.improved_ddpm import ImprovedDDPM
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.schedule import CosineSchedule, LinearSchedule
from sfumato.generate.unet import UNet
from sfumato.io.picture import write
from sfumato.measure.frechet_distance import frechet_distance

HELD_OUT = 1500
VARIANTS = {
    "simple, cosine": {"objective": "simple", "variance": "small"},
    "hybrid, cosine": {"objective": "hybrid", "variance": "learned"},
    "vlb, cosine": {"objective": "vlb", "variance": "learned", "times": "importance"},
    "simple, linear": {"objective": "simple", "variance": "small", "schedule": "linear"},
}


def digits(folder: Path, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Read pictures (n, 1, side, side) in 0..1, 8 bits, and their labels."""
    images = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    pictures = torch.frombuffer(bytearray(images), dtype=torch.uint8).reshape(-1, 1, 28, 28)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(pictures)))
    padded = functional.pad(pictures, (2, 2, 2, 2)).float()
    padded = functional.avg_pool2d(padded, 32 // side).round() / 255
    known = torch.frombuffer(bytearray(labels), dtype=torch.uint8).long()
    return padded[order], known[order]


class Classifier(nn.Module):
    """A small convolutional net; its last hidden layer gives the features."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
            nn.Linear(256, 64), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


def classifier(images, labels, device: str, steps: int) -> tuple[Classifier, float]:
    torch.manual_seed(1)
    net = Classifier().to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3)
    rng = torch.Generator().manual_seed(2)
    learn, known = images[:-HELD_OUT].to(device), labels[:-HELD_OUT].to(device)
    for _ in range(steps):
        part = torch.randint(len(learn), (256,), generator=rng).to(device)
        optimiser.zero_grad()
        functional.cross_entropy(net(learn[part]), known[part]).backward()
        optimiser.step()
    net.eval()
    with torch.no_grad():
        right = net(images[-HELD_OUT:].to(device)).argmax(1).cpu() == labels[-HELD_OUT:]
    return net, float(right.float().mean())


def moments(net: Classifier, images: torch.Tensor, device: str):
    with torch.no_grad():
        parts = [net.body(images[k : k + 500].to(device)) for k in range(0, len(images), 500)]
    features = torch.cat(parts).double().cpu().numpy()
    return features.mean(axis=0), np.cov(features, rowvar=False)


def sampled(method, count: int, side: int, steps: int, variance: str, seed: int, device: str):
    """Make digits with the ancestral sampler."""
    rng = torch.Generator().manual_seed(11 + seed)
    options = {} if variance == "learned" else {"variance": variance}
    made = []
    for k in range(0, count, 500):
        blank = torch.zeros(min(500, count - k), 1, side, side, device=device)
        found = method.predict(Batch(blank), rng=rng, steps=steps, **options)
        made.append((found.image.cpu() * 255).round() / 255)
    return torch.cat(made)


def bits(method: ImprovedDDPM, images: torch.Tensor, device: str) -> dict[str, float]:
    """Give the bits a value with each variance; the network is asked once for all of them."""
    own, asked_once, answers = method.variance, method.answer, []

    def answered(*asked, **options):
        answers.append(asked_once(*asked, **options))
        return answers[-1]

    found = {}
    for variance in variances(method):
        method.variance = variance
        method.answer = partial(_next, iter(answers)) if answers else answered
        cost = method.bits(Batch(images.to(device)), torch.Generator().manual_seed(5))
        found[variance] = round(float(cost.total.mean()), 4)
    method.variance = own
    del method.answer
    return found


def _next(kept, *_asked, **_options):
    return next(kept)


def variances(method: ImprovedDDPM) -> tuple[str, ...]:
    return ("learned",) if method.variance == "learned" else ("small", "large")


def make(settings: dict, length: int, side: int) -> ImprovedDDPM:
    settings = dict(settings)
    linear = settings.pop("schedule", "cosine") == "linear"
    schedule = LinearSchedule(steps=length) if linear else CosineSchedule(steps=length)
    shape: dict = {"channels": 64, "multipliers": (1, 2, 2), "blocks": 2, "attention_at": (2, 4)}
    if side < 32:
        shape = {"channels": 24, "multipliers": (1, 2), "blocks": 1, "attention_at": (2,)}
    out = 2 if settings["variance"] == "learned" else 1
    shape |= {"dropout": 0.1 if side == 32 else 0.0, "groups": shape["channels"] // 4}
    network = UNet(channels_in=1, channels_out=out, **shape)
    return ImprovedDDPM(network=network, process=DiffusionProcess(schedule=schedule), **settings)


def one(name: str, seed: int, given: argparse.Namespace, images, distance, device: str):
    """Train one variant from one seed and measure it; give the figures and some pictures."""
    learn = images[:-HELD_OUT]
    whole = len(learn) // given.batch * given.batch
    batches = [Batch(part) for part in learn[:whole].split(given.batch)]
    folder = given.out / f"run-{name.replace(', ', '-')}-{seed}"
    precision = "bf16" if device == "cuda" else "fp32"
    about = trained(
        lambda: make(VARIANTS[name], given.length, given.side),
        batches, given.seconds, folder,
        {"device": device, "precision": precision, "seed": seed, "lr": given.lr,
         "weight_decay": 0.0, "ema": 0.999},
        steps=given.train_steps,
    )  # fmt: skip
    method = sfumato.core.load(folder / "last").to(device)
    started = time.perf_counter()
    about["bits"] = bits(method, images[-given.held_out :], device)
    about["distance"], shown = {}, None
    for variance in dict.fromkeys((*variances(method), "small", "large")):
        found = about["distance"][variance] = {}
        for steps in given.steps:
            made = sampled(method, given.samples, given.side, steps, variance, seed, device)
            found[str(steps)] = round(distance(made), 3)
        # The sheet shows the variance that the method is meant for, in its most steps.
        shown = made if shown is None else shown
    about["measuring_s"] = round(time.perf_counter() - started, 1)
    return about, torch.cat(list(shown[:20, 0]), dim=1)


def summary(variants: dict) -> dict:
    """Give mean and standard deviation over the seeds of each figure."""

    def told(values: list[float]) -> str:
        spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
        return f"{np.mean(values):.3f}{spread}"

    rows = {}
    for name, seeds in variants.items():
        runs = list(seeds.values())
        for variance in runs[0]["distance"]:
            row = {"seeds": len(runs)}
            if variance in runs[0]["bits"]:
                row["bits"] = told([r["bits"][variance] for r in runs])
            for steps in runs[0]["distance"][variance]:
                row[f"{steps} steps"] = told([r["distance"][variance][steps] for r in runs])
            rows[f"{name}, {variance} variance"] = row
    return rows


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("digits", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each training")
    parser.add_argument("--train-steps", type=int, help="for each training, instead of seconds")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--samples", type=int, default=HELD_OUT)
    parser.add_argument("--held-out", type=int, default=256, help="pictures for the bits")
    parser.add_argument("--steps", type=int, nargs="*", default=[10, 25, 50, 250])
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS))
    parser.add_argument("--once", nargs="*", default=[], help="variants for the first seed only")
    parser.add_argument("--side", type=int, default=32, choices=(8, 16, 32), help="8 for a CPU")
    parser.add_argument("--length", type=int, default=1000, help="steps of the diffusion")
    parser.add_argument("--classifier-steps", type=int, default=1500)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    given.out.mkdir(parents=True, exist_ok=True)
    images, labels = digits(given.digits, given.side)
    net, accuracy = classifier(images, labels, device, given.classifier_steps)
    held_out = moments(net, images[-HELD_OUT:], device)

    def distance(pictures: torch.Tensor) -> float:
        return frechet_distance(*moments(net, pictures, device), *held_out)

    report = given.out / "improved_ddpm.json"
    facts: dict = json.loads(report.read_text()) if report.exists() else {"variants": {}}
    facts["device"] = device
    facts["settings"] = {k: v for k, v in vars(given).items() if not isinstance(v, Path)}
    facts["classifier accuracy"] = round(accuracy, 4)
    facts["distance of real to real"] = round(distance(images[: given.samples]), 3)
    plan = [(name, seed) for seed in given.seed for name in given.variants]
    plan += [(name, given.seed[0]) for name in given.once]
    for name, seed in plan:
        seeds = facts["variants"].setdefault(name, {})
        if str(seed) in seeds:
            continue
        seeds[str(seed)], row = one(name, seed, given, images, distance, device)
        facts["summary"] = summary(facts["variants"])
        report.write_text(json.dumps(facts, indent=1) + "\n")
        picture = (row * 255).round().to(torch.uint8).numpy()[..., None]
        write(given.out / f"{name.replace(', ', '-')}-{seed}.png", Sample(picture), overwrite=True)
        print(name, seed, json.dumps(seeds[str(seed)]), flush=True)
    print(json.dumps(facts["summary"], indent=1))


if __name__ == "__main__":
    main()
