"""`sfumato segment`: labels as the network gives them, and pictures to look at."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sfumato.core.batch import Batch  # noqa: E402
from sfumato.io.picture import read, write  # noqa: E402
from sfumato.measure.label_file import read_labels  # noqa: E402
from sfumato.segment.unet import UNet  # noqa: E402


@pytest.fixture
def weights(frames):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        unet = UNet(classes=3, width=4, levels=2).eval()
    unet.save(frames / "unet")
    return unet


def test_labels_are_those_of_the_network(run, frames, weights):
    result = run("segment", "b1.png", "b2.png", "--weights", "unet", "-o", "labels")
    assert result.exit_code == 0, result.output
    for name in ("b1", "b2"):
        with torch.inference_mode():
            wanted = weights.predict(Batch.of([read(f"{name}.png")])).mask[0].numpy()
        np.testing.assert_array_equal(read_labels(frames / "labels" / f"{name}.png"), wanted)
        assert read(frames / "labels" / f"{name}-overlay.jpg").size == wanted.shape
    first = result.stdout.splitlines()[0]
    assert first.startswith("labels/b1.png: class ")


def test_nothing_but_labels_where_no_overlay_is_wanted(run, frames, weights):
    result = run("segment", "b1.png", "--weights", "unet", "-o", "labels", "--no-overlay", "-q")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert [path.name for path in (frames / "labels").iterdir()] == ["b1.png"]


def test_what_cannot_be_done_is_said_before_the_work(run, refused, frames, weights):
    call = ("segment", "b1.png", "--weights", "unet", "-o", "labels")
    assert run(*call).exit_code == 0
    assert "exists already" in refused(*call)
    assert run(*call, "--overwrite").exit_code == 0
    (frames / "again").mkdir()
    (frames / "b1.png").rename(frames / "again" / "b2.png")
    said = refused("segment", "b2.png", "again/b2.png", "--weights", "unet", "-o", "more")
    assert "two pictures are called 'b2'" in said
    assert "is one of the frames" in refused(
        "segment", "b2.png", "--weights", "unet", "-o", ".", "--overwrite"
    )
    assert "no weights 'nothing'" in refused(
        "segment", "b2.png", "--weights", "nothing", "-o", "more"
    )
    assert "opacity" in refused(
        "segment", "b2.png", "--weights", "unet", "-o", "more", "--opacity", "2"
    )
    assert "device" in refused(
        "segment", "b2.png", "--weights", "unet", "-o", "more", "--device", "nonsense"
    )
    assert not (frames / "more").exists()


def test_pictures_of_other_channels_are_refused_in_one_line(refused, frames, weights):
    write("grey.png", read("b1.png").image[..., :1])
    said = refused("segment", "grey.png", "--weights", "unet", "-o", "labels")
    assert "expected pictures of 3 channels" in said
