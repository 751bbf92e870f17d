from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from small_methods import Denoiser, HalvingSegmenter, Trunk

from sfumato.core.network import load
from sfumato.io.picture import read, write
from sfumato.segment.unet import UNet

TRUST = ("--trust", "small_methods")
SUPPORT = Path(__file__).parents[1] / "support"
CONFIG = """
method:
  small_methods:Denoiser:
    trunk: {small_methods:Trunk: {width: 3}}
data:
  data.Loader:
    source: {data.PicturePairs: {images: in, targets: out}}
    batch_size: 2
validation:
  data.Loader:
    source: {data.PicturePairs: {images: in, targets: out}}
recipe: {train.Recipe: {steps: 6, lr: 1.0e-3, device: cpu, log_every: 2, save_every: 2}}
metrics: [measure.PSNR]
out: run
"""


@pytest.fixture
def place(frames):
    rng = np.random.default_rng(0)
    for role in ("in", "out"):
        (frames / role).mkdir()
    for k in range(3):
        picture = rng.integers(20, 236, (12, 15, 3)).astype(np.uint8)
        noise = rng.integers(-20, 20, picture.shape)
        write(frames / "out" / f"{k}.png", picture)
        write(frames / "in" / f"{k}.png", (picture + noise).astype(np.uint8))
    (frames / "c.yaml").write_text(CONFIG)
    return frames


def test_a_method_is_trained_evaluated_and_used(place, run):
    result = run("train", "c.yaml", *TRUST)
    assert result.exit_code == 0
    assert "6 steps in" in result.stdout
    assert "run: checkpoints, log.csv, last, best" in result.stdout
    assert "step 6" in result.stderr
    told = json.loads(run("evaluate", "run", *TRUST, "--json", "--metric", "measure.MAE").stdout)
    assert set(told["scores"]) == {"MAE", "validation/main/l1"}
    assert set(told["untouched"]) == {"MAE"}
    plain = run("evaluate", "run", *TRUST, "--device", "cpu").stdout
    assert "PSNR" in plain
    assert "as it came" in plain
    answer = run("predict", "in/0.png", "in/1.png", "--weights", "run", "-o", "clean")
    assert answer.stdout.count("15 x 12 px") == 2
    assert read(place / "clean/0.png").image.shape == (12, 15, 3)


def test_training_goes_on_where_it_ended(place, run, refused):
    run("train", "c.yaml", *TRUST, "-q", "--set", "out=whole")
    run("train", "c.yaml", *TRUST, "-q", "--set", "recipe.max_seconds=0.0")
    assert "holds a training of 1 steps already" in refused("train", "c.yaml", *TRUST)
    changed = ("train", "c.yaml", *TRUST, "--resume", "--set", "recipe.lr=0.5")
    assert "lr 0.001, now it is 0.5" in refused(*changed)
    result = run("train", "c.yaml", *TRUST, "--resume")
    assert result.exit_code == 0
    for name in ("method", "optimizers"):
        paths = [f"{out}/checkpoints/step-00000006/{name}.safetensors" for out in ("whole", "run")]
        one, other = ((place / path).read_bytes() for path in paths)
        assert one == other
    assert run(*changed, "--changed", "-q", "--set", "recipe.steps=8").exit_code == 0


def test_a_check_leaves_nothing_behind(place, run):
    before = sorted(path.name for path in place.iterdir())
    assert "went well" in run("train", "c.yaml", *TRUST, "--check").stdout
    assert sorted(path.name for path in place.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none.yaml",), "none.yaml: cannot be read"),
        (("c.yaml",), "foreign code is not trusted here"),
        (("c.yaml", *TRUST, "--set", "recipe.stepps=3"), "did you mean 'steps'?"),
        (("c.yaml", *TRUST, "--set", "recipe.steps"), "write it as recipe.steps=500"),
        (("c.yaml", *TRUST, "--changed"), "--changed goes with --resume only"),
        (("c.yaml", *TRUST, "--set", "data.source.images=nowhere"), "there is no folder nowhere"),
        (("c.yaml", *TRUST, "--set", "method.trunk.channels=1"), "channels"),
        (("c.yaml", *TRUST, "--set", "recipe.device=nowhere"), "device 'nowhere'"),
        (("c.yaml", *TRUST, "--set", "metrics=[measure.PSNRR]"), "did you mean measure.PSNR?"),
        (("b1.png",), "not a text file"),
    ],
)
def test_wrong_configs_are_one_line(place, refused, words, said):
    assert said in refused("train", *words)


def test_unpaired_names_and_wrong_labels_are_one_line(place, refused):
    (place / "out" / "1.png").unlink()
    said = refused("train", "c.yaml", *TRUST, "--set", "out=new/run")
    assert "'1' is in in and not in out" in said


def test_ctrl_c_saves_and_says_how_to_go_on(place):
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1));from sfumato.cli.main import main; main()"
    )
    words = ["train", "c.yaml", *TRUST, "--set", "recipe.steps=1000000"]
    work = subprocess.Popen(
        [sys.executable, "-c", code, str(SUPPORT), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (place / "run/checkpoints/step-00000004").exists():
        assert work.poll() is None
        time.sleep(0.02)
    work.send_signal(signal.SIGINT)
    told, complained = work.communicate()
    assert work.returncode == 130, complained
    assert "interrupted" in told
    assert "--resume" in told
    assert "Traceback" not in complained


def test_labels_are_written_as_grey_pictures(place, run):
    HalvingSegmenter().save(place / "labels-net")
    run("predict", "in/0.png", "--weights", "labels-net", "-o", "labels")
    labels = read(place / "labels/0.png").image
    assert labels.shape == (12, 15, 1)
    assert labels.max() < 3


OWN = """
from sfumato.core.method import Method
import torch

class Darker(Method):
    '''Take a third of the light.'''

    def __init__(self) -> None:
        super().__init__()
        self.share = torch.nn.Parameter(torch.tensor(2 / 3))

    def predict(self, batch, *, rng=None):
        return batch.but(image=self.share * batch.image)

    def loss(self, batch, part, rng):
        return {"l1": (self.predict(batch).image - batch.need("target")).abs().mean()}
"""


def test_a_method_in_the_current_folder_is_found_where_it_is_trusted(place):
    (place / "own_method_here.py").write_text(OWN)
    text = (place / "c.yaml").read_text()
    start, end = text.index("method:"), text.index("data:")
    (place / "c.yaml").write_text(
        text[:start] + "method: {own_method_here:Darker: {}}\n" + text[end:]
    )
    # As the installed command: Python itself does not search the current folder then.
    code = "from sfumato.cli.main import main; main()"

    def sfumato(*words):
        command = [sys.executable, "-P", "-c", code, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    trust = ("--trust", "own_method_here")
    done = sfumato("train", "c.yaml", "-q", *trust)
    assert done.returncode == 0, done.stderr
    used = sfumato("predict", "in/0.png", "--weights", "run", "-o", "dark", *trust)
    assert used.returncode == 0, used.stderr
    assert read(place / "dark/0.png").image.mean() < read(place / "in/0.png").image.mean()
    wrong = sfumato("predict", "in/1.png", "--weights", "run", "-o", "dark", "--trust", "nowhere")
    assert wrong.returncode == 2
    assert "nowhere cannot be imported" in wrong.stderr


def test_predictions_are_refused_before_the_work(place, refused):
    Denoiser(trunk=Trunk()).save(place / "net")
    (place / "old").mkdir()
    (place / "old" / "0.png").write_bytes(b"")
    assert "exists already" in refused("predict", "in/0.png", "--weights", "net", "-o", "old")
    assert "this is one of the frames" in refused(
        "predict", "in/0.png", "--weights", "net", "-o", "in", "--overwrite"
    )
    assert "two pictures are called '0'" in refused(
        "predict", "in/0.png", "out/0.png", "--weights", "net", "-o", "new"
    )
    assert "there are no weights 'nett'" in refused(
        "predict", "in/0.png", "--weights", "nett", "-o", "new"
    )
    write(place / "gray.png", np.zeros((9, 9, 1), np.uint8))
    assert "channels" in refused("predict", "gray.png", "--weights", "net", "-o", "new")


def test_published_weights_become_a_folder(place, run, refused):
    torch.manual_seed(0)
    unet = UNet(classes=2, width=4, levels=2)
    torch.save(unet.state_dict(), place / "unet.pth")
    torch.save({"state_dict": unet.state_dict(), "epoch": 3}, place / "whole.pth")
    settings = ("--set", "classes=2", "--set", "width=4", "--set", "levels=2")
    text = run("convert", "segment.UNet", "unet.pth", "-o", "u", *settings).stdout
    assert f"{unet.parameter_count:,} parameters" in text
    twin = load(place / "u")
    assert all(torch.equal(t, twin.state_dict()[n]) for n, t in unet.state_dict().items())
    assert "not tensors by name" in refused(
        "convert", "segment.UNet", "whole.pth", "-o", "v", *settings
    )
    run(
        "convert",
        "segment.UNet",
        "whole.pth",
        "-o",
        "v",
        *settings,
        "--entry",
        "state_dict",
        "--half",
    )
    assert load(place / "v").config["width"] == 4
    wrong = refused("convert", "segment.UNet", "unet.pth", "-o", "w", "--set", "width=8")
    assert "other shapes" in wrong or "lacks" in wrong
    assert "exists already" in refused("convert", "segment.UNet", "unet.pth", "-o", "u", *settings)
    assert "holds no weights" in refused("convert", "raster.Resize", "unet.pth", "-o", "w")
    assert "no entry 'parms'" in refused(
        "convert", "segment.UNet", "whole.pth", "-o", "w", *settings, "--entry", "parms"
    )
    assert "--set classes: expected NAME=VALUE" in refused(
        "convert", "segment.UNet", "unet.pth", "-o", "w", "--set", "classes"
    )


def test_a_diffusion_tells_the_bits_of_its_validation_pictures(place, run, refused):
    (place / "bits.yaml").write_text(
        """
method:
  generate.ImprovedDDPM:
    network:
      generate.UNet: {channels_out: 6, channels: 8, multipliers: [1], blocks: 1, groups: 4}
    process: {generate.DiffusionProcess: {schedule: {generate.CosineSchedule: {steps: 20}}}}
data:
  data.Loader: {source: {data.CaptionScenes: {size_px: 16}}, batch_size: 2}
validation:
  data.Loader: {source: {data.CaptionScenes: {size_px: 16, count: 3, seed: 9}}, batch_size: 2}
recipe: {train.Recipe: {steps: 1, device: cpu}}
out: digits
"""
    )
    run("train", "bits.yaml", "-q")
    told = json.loads(run("evaluate", "digits", "--bits", "--device", "cpu", "--json").stdout)
    assert told["scores"]["bits"] > told["scores"]["bits/standard_error"] > 0
    run("train", "c.yaml", *TRUST, "-q")
    assert "run/best holds Denoiser, no diffusion" in refused("evaluate", "run", *TRUST, "--bits")
