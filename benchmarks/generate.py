"""What the front costs beside a bare loop over the same networks of diffusers.

Both make one picture of one prompt with guidance, in DDIM steps, from the same noise with the same
networks (random weights, the layout of Stable Diffusion, small). They run interleaved, after a
warm-up; processor time of one thread, the median of the ratios with its quartiles. The pictures
are compared too.

Run: python benchmarks/generate.py [--runs 9] [--steps 10]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "generate"))
from tiny_checkpoint import pipeline

from sfumato.generate.noise import draw_noise, generators
from sfumato.generate.stable_diffusion import StableDiffusion

TARGET = 1.05
SIZE = (64, 64)


@torch.no_grad()
def bare(parts, noise: torch.Tensor, steps: int, guidance: float) -> torch.Tensor:
    """What a page of the library's documentation would write."""
    tokenizer, scheduler = parts.tokenizer, parts.scheduler
    asked = tokenizer(
        ["", "a red hat"], padding="max_length", max_length=16, truncation=True, return_tensors="pt"
    )
    context = parts.text_encoder(asked.input_ids)[0]
    scheduler.set_timesteps(steps)
    latents = noise
    for t in scheduler.timesteps:
        out = parts.unet(torch.cat([latents] * 2), t, context).sample
        without, with_it = out.chunk(2)
        out = without + guidance * (with_it - without)
        latents = scheduler.step(out, t, latents).prev_sample
    read = parts.vae.decode(latents / parts.vae.config.scaling_factor).sample
    return (read / 2 + 0.5).clamp(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    parts = pipeline(channels=(128, 256))
    with tempfile.TemporaryDirectory() as folder:
        parts.save_pretrained(folder, safe_serialization=True)
        front = StableDiffusion(checkpoint=folder)
    parameters = sum(p.numel() for p in parts.unet.parameters())
    like = torch.zeros(1, 4, SIZE[0] // 2, SIZE[1] // 2)
    noise = draw_noise(like.shape, generators(0, 1), like)

    def timed(make):
        before = time.process_time()
        made = make()
        return time.process_time() - before, made

    def theirs():
        return bare(parts, noise, given.steps, 7.5)

    def ours():
        return front.generate("a red hat", size=SIZE, steps=given.steps, guidance=7.5).image

    theirs(), ours()
    ratios, seconds = [], []
    for run in range(given.runs):
        order = (theirs, ours) if run % 2 == 0 else (ours, theirs)
        found = {make: timed(make) for make in order}
        ratios.append(found[ours][0] / found[theirs][0])
        seconds.append(found[theirs][0])
    gap = float((found[ours][1] - found[theirs][1]).abs().max())
    low, middle, high = statistics.quantiles(ratios, n=4)
    said = "met" if middle < TARGET else "missed"
    print(f"U-Net of {parameters:,} parameters, {SIZE[1]} x {SIZE[0]} px, {given.steps} steps")
    print(f"bare loop {statistics.median(seconds):.2f} cpu-s; largest difference {gap:.1e}")
    print(
        f"front / bare: {middle:.3f} (quartiles {low:.3f} to {high:.3f}), target < {TARGET}: {said}"
    )


if __name__ == "__main__":
    main()
