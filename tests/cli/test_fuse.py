"""`sfumato fuse`: the operator and nothing else."""

from __future__ import annotations

import numpy as np

from sfumato.capture.fuse_exposures import FuseExposures
from sfumato.io.picture import read

BRACKET = ("b1.png", "b2.png", "b3.png")


def test_it_is_the_operator_with_its_settings(run, frames):
    result = run("fuse", *BRACKET, "-o", "out.png", "--levels", 4, "--border", "reflect",
                 "--saturation", 0.5, "--exact")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout == "out.png: 280 x 200 px, 8 bits\n"
    fuse = FuseExposures(levels=4, border="reflect", saturation=0.5, mode="exact")
    np.testing.assert_array_equal(read("out.png").image, fuse(read(*BRACKET)).image)


def test_a_setting_outside_its_bounds_is_refused(refused):
    assert "FuseExposures.contrast: -1.0" in refused(
        "fuse", *BRACKET, "-o", "out.png", "--contrast", -1
    )
