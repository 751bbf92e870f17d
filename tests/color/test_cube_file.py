"""The .cube reader: what it understands, what it refuses, and the way back."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfumato.color.color_table import ColorTable
from sfumato.color.cube_file import read_cube, write_cube
from sfumato.errors import FileError

ROWS = "\n".join(f"{r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1))
GOOD = f"LUT_3D_SIZE 2\n{ROWS}\n"
finite = st.floats(-(2.0**99), 2.0**99, width=32)


@pytest.fixture
def cube(tmp_path):
    def write(text):
        path = tmp_path / "look.cube"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@given(hnp.arrays(np.float32, (3, 3, 3, 3), elements=finite), st.tuples(finite, finite, finite))
def test_a_table_comes_back_bit_for_bit(tmp_path_factory, values, low):
    path = tmp_path_factory.getbasetemp() / "back.cube"
    high = tuple(v + max(1.0, abs(v)) for v in low)
    table = ColorTable(values, domain_min=low, domain_max=high, title="Ω “x”\n#")
    assert read_cube(write_cube(path, table, overwrite=True)) == table


def test_shaper_and_table_come_back_bit_for_bit(tmp_path, rng):
    shaper = rng.random((7, 3)).astype(np.float32)
    table = ColorTable.identity(4).but(
        shaper=shaper, shaper_min=(-0.1,) * 3, shaper_max=(3.3,) * 3, domain_max=(2.0,) * 3
    )
    assert read_cube(write_cube(tmp_path / "a.cube", table)) == table


def test_red_runs_fastest(cube):
    assert read_cube(cube(GOOD)) == ColorTable.identity(2)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "\ufeff" + GOOD,
        'TITLE "a look"\n# remark\n\n' + GOOD.replace("1 1 0", "  1.0\t1e0  0 ") + "# end\n\n",
        GOOD.lower(),
        b'TITLE "\xe9t\xe9"\n' + GOOD.encode(),
        GOOD.replace("LUT", "DOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1\nLUT"),
        GOOD.replace("LUT", "LUT_3D_INPUT_RANGE 0.0 1.0\nLUT"),
    ],
)
def test_what_programs_write_is_understood(cube, text):
    assert read_cube(cube(text)) == ColorTable.identity(2)


def test_curves_alone_become_a_shaper(cube):
    path = cube("LUT_1D_SIZE 3\nDOMAIN_MAX 1 2 3\n0 0 0\n0.5 1 1.5\n1 1 9\n")
    colors = np.array([[[0.25, 0.5, 1.5], [1.0, 3.0, 2.25]]], np.float32)
    wanted = [[[0.25, 0.5, 1.5], [1.0, 1.0, 5.25]]]
    np.testing.assert_allclose(read_cube(path)(colors), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither LUT_3D_SIZE"),
        (ROWS, "neither LUT_3D_SIZE"),
        (GOOD.replace("1 1 1", ""), "promises 8 rows of numbers, the file has 7"),
        (GOOD + "0 0 0\n", "promises 8 rows of numbers, the file has 9"),
        (GOOD.replace("1 1 0", "1 1"), "line 5: expected three numbers, got '1 1'"),
        (GOOD.replace("1 1 0", "1 1 0 0"), "line 5: expected three numbers"),
        (GOOD.replace("1 1 0", "1 nan 0"), "line 5: a value is not finite"),
        (GOOD.replace("1 1 0", "1 1e99 0"), "line 5: a value is not finite"),
        (GOOD.replace("1 1 0", "1 x 0"), "line 5: expected three numbers"),
        (GOOD.replace("1 1 0", "1 0x1 0"), "line 5: expected three numbers"),
        (GOOD.replace("1 1 0", "1 1_0 0"), "line 5: expected three numbers"),
        (GOOD.replace("_SIZE 2", "_SIZE 130"), "from 2 to 129, got 130"),
        (GOOD.replace("_SIZE 2", "_SIZE 1e9"), "from 2 to 129"),
        (GOOD.replace("_SIZE 2", "_SIZE 2.5"), "from 2 to 129, got 2.5"),
        (GOOD.replace("_SIZE 2", "_SIZE two"), "line 1: LUT_3D_SIZE takes one number"),
        (GOOD.replace("_SIZE 2", "_SIZE nan"), "line 1: LUT_3D_SIZE takes one number"),
        ("LUT_3D_SIZE 2\n" + GOOD, "line 2: LUT_3D_SIZE stands there twice"),
        ("LUT_IN_VIDEO_RANGE\n" + GOOD, "line 1: 'LUT_IN_VIDEO_RANGE' is not understood"),
        ("DOMAIN_MIN 0 0\n" + GOOD, "line 1: DOMAIN_MIN takes 3 numbers"),
        ("DOMAIN_MAX 0 1 1\n" + GOOD, "ends at"),
        ("LUT_1D_INPUT_RANGE 0 1\n" + GOOD, "bounds a table that is not there"),
        ("LUT_3D_INPUT_RANGE 0 1\nDOMAIN_MAX 1 1 1\n" + GOOD, "both DOMAIN_"),
        (b"\x89PNG\0\0", "not a text file"),
        (b"\xff\xfe" + GOOD.encode("utf-16-le"), "not a text file"),
    ],
)
def test_what_is_not_exactly_a_table_is_refused(cube, text, message):
    with pytest.raises(FileError, match=message):
        read_cube(cube(text))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, junk):
    path = tmp_path_factory.getbasetemp() / "junk.cube"
    for data in (junk, b"LUT_3D_SIZE 2\n" + junk, GOOD.encode() + junk):
        path.write_bytes(data)
        with contextlib.suppress(FileError):
            read_cube(path)


def test_a_missing_file_a_folder_and_a_present_file_are_refused(tmp_path, cube):
    with pytest.raises(FileError, match="cannot be read"):
        read_cube(tmp_path / "none.cube")
    with pytest.raises(FileError, match="folder"):
        read_cube(tmp_path)
    with pytest.raises(FileError, match="exists already"):
        write_cube(cube(GOOD), ColorTable.identity(2))


def test_real_files_read_as_opencolorio_reads_them(shared_data, rng):
    ocio = pytest.importorskip("PyOpenColorIO")
    files = sorted(shared_data("lut/files").rglob("*.cube"))
    assert len(files) > 10
    colors = rng.uniform(-0.5, 2.0, (8, 20, 3)).astype(np.float32)
    compared = 0
    for path in files:
        transform = ocio.FileTransform(str(path), interpolation=ocio.INTERP_LINEAR)
        try:
            processor = ocio.Config.CreateRaw().getProcessor(transform)
        except ocio.Exception:
            continue  # titles in Resolve's form, which only we read
        theirs = colors.copy()
        processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).applyRGB(theirs)
        ours = read_cube(path)(colors, interpolation="trilinear")
        np.testing.assert_allclose(ours, theirs, atol=2e-6, rtol=2e-6, err_msg=path.name)
        compared += 1
    assert compared > 10
