from __future__ import annotations

import numpy as np
import pytest

from sfumato.data.demo import write_demo_frames
from sfumato.errors import FileError
from sfumato.io.picture import read


def test_the_written_frames_are_those_of_the_truth_and_tell_their_exposure(tmp_path):
    demo = write_demo_frames(tmp_path, size=(80, 128))
    bracket = read(*demo.bracket_paths)
    assert bracket.stack.shape == (3, 80, 128, 3)
    difference = np.abs(bracket.stack.astype(int) - demo.bracket.stack)
    assert difference.mean() < 4
    times = [frame["exposure_time_s"] for frame in bracket.meta["frames"]]
    assert times == pytest.approx([0.01, 0.04, 0.16], rel=1e-3)
    assert demo.bracket.moved_mask.any()
    focus = read(*demo.focus_paths)
    assert focus.stack.shape == (5, 80, 128, 3)
    assert len({frame["exposure_time_s"] for frame in focus.meta["frames"]}) == 1


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileError, match="missing"):
        write_demo_frames(tmp_path / "missing", size=(16, 24))
