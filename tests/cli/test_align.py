"""`sfumato align`: all frames into a folder, or none."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.capture.align_frames import AlignFrames
from sfumato.cli import align
from sfumato.io.picture import read

BRACKET = ("b1.png", "b2.png", "b3.png")


def test_the_aligned_frames_are_those_of_the_operator(run, frames):
    result = run("align", *BRACKET, "-o", "out", "--reference", 2)
    assert result.exit_code == 0, result.output
    wanted = AlignFrames(reference=1)(read(*BRACKET))
    written = [frames / "out" / name for name in BRACKET]
    np.testing.assert_array_equal(read(*written).stack, wanted.stack)
    assert "b2.png: reference" in result.stdout
    assert read(written[2]).meta["exposure_time_s"] == pytest.approx(0.01 * 2.2**2.2)
    assert len(list((frames / "out").iterdir())) == 3


def test_frames_of_equal_names_are_numbered(run, frames):
    (frames / "other").mkdir()
    (frames / "other" / "b1.png").write_bytes((frames / "b2.png").read_bytes())
    assert run("align", "b1.png", "other/b1.png", "-o", "out").exit_code == 0
    assert sorted(p.name for p in (frames / "out").iterdir()) == ["01_b1.png", "02_b1.png"]


def test_jpeg_frames_become_png_unless_asked_otherwise(run, frames):
    from sfumato.io.picture import write

    for k in (1, 2):
        write(f"j{k}.jpg", read(f"b{k}.png"))
    assert run("align", "j1.jpg", "j2.jpg", "-o", "out").exit_code == 0
    assert run("align", "j1.jpg", "j2.jpg", "-o", "out", "--format", "tif").exit_code == 0
    assert sorted(p.suffix for p in (frames / "out").iterdir()) == [".png", ".png", ".tif", ".tif"]


def test_what_lies_in_the_folder_is_kept(refused, frames):
    (frames / "out").mkdir()
    (frames / "out" / "b2.png").write_text("mine")
    assert "out/b2.png: exists already" in refused("align", *BRACKET, "-o", "out")


def test_the_frames_themselves_are_never_replaced(refused):
    line = refused("align", *BRACKET, "-o", ".", "--overwrite")
    assert "this is one of the frames" in line


def test_a_failure_while_writing_leaves_nothing(run, frames, monkeypatch):
    import sfumato.io.picture
    from sfumato.errors import FileError

    written = []

    def failing(path, *args, **options):
        if written:
            raise FileError(f"{path}: cannot be written: No space left on device")
        written.append(path)

    monkeypatch.setattr(sfumato.io.picture, "write", failing)
    result = run("align", *BRACKET, "-o", "out")
    assert result.exit_code == 2
    assert written
    assert len(list(frames.iterdir())) == 5


def test_a_reference_that_is_not_there_is_refused(refused):
    line = refused("align", *BRACKET, "-o", "out", "--reference", 4)
    assert "--reference: 4 is not one of the frames 1 to 3" in line


def test_names_of_outputs_follow_the_inputs():
    from pathlib import Path

    names = align._names_for(tuple(map(Path, ("a/x.JPG", "y.nef", "z.tiff"))), None)
    assert names == ("x.png", "y.tif", "z.tif")
