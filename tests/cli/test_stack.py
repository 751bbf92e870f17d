"""`sfumato stack`: the sharp picture and where things lie."""

from __future__ import annotations

import numpy as np

from sfumato.capture.focus_stack import FocusStack
from sfumato.io.picture import read

SERIES = ("f1.png", "f2.png")


def test_it_is_the_operator(run, frames):
    assert run("stack", *SERIES, "-o", "out.png", "--method", "depth_map").exit_code == 0
    wanted = FocusStack(method="depth_map")(read(*SERIES))
    np.testing.assert_array_equal(read("out.png").image, wanted.image)


def test_the_depth_map_is_written_as_grey_or_as_frame_numbers(run, frames):
    wanted = FocusStack()(read(*SERIES)).depth
    assert run("stack", *SERIES, "-o", "out.png", "--depth-map", "depth.png").exit_code == 0
    assert run("stack", *SERIES, "-o", "out2.png", "--depth-map", "depth.tif").exit_code == 0
    grey = read("depth.png").image
    assert grey.dtype == np.uint16
    np.testing.assert_allclose(grey[..., 0] / 65535, np.clip(wanted, 0, 1), atol=1e-5)
    np.testing.assert_array_equal(read("depth.tif").image[..., 0], wanted)


def test_a_depth_map_in_the_way_is_refused_before_the_work(refused):
    line = refused("stack", *SERIES, "-o", "out.png", "--depth-map", "b1.png")
    assert "b1.png: exists already" in line
