"""Tables in other forms: HALD pictures, and what OpenColorIO reads and writes."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.color.color_table import ColorTable
from sfumato.color.hald import hald_image, table_from_hald
from sfumato.color.table_file import cached_table, read_table, write_table
from sfumato.color.table_of import table_of
from sfumato.color.tone import Tone
from sfumato.errors import FileError, RangeError, ShapeError


@pytest.fixture
def look():
    return table_of(Tone(contrast=0.6, gamma=1.3), size=16)


@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_hald_image_is_the_lattice_row_by_row(level):
    n = level * level
    image = hald_image(level, np.float32).reshape(-1, 3)
    for k in (0, 1, n, n * n, n**3 - 1):
        wanted = np.array([k % n, k // n % n, k // n // n]) / (n - 1)
        np.testing.assert_allclose(image[k], wanted, atol=1e-7)
    assert table_from_hald(hald_image(level, np.float32)) == ColorTable.identity(n)


def test_a_graded_hald_image_is_the_table_of_the_grade():
    tone = Tone(shadows=0.4, contrast=0.3)
    graded = table_from_hald(tone(hald_image(4, np.uint16)))
    gap = np.abs(graded.values - table_of(tone, size=16).values)
    assert gap.max() < 1 / 65535


@pytest.mark.parametrize("shape", [(64, 63, 3), (63, 63, 3), (64, 64, 1), (2, 2, 3)])
def test_what_is_no_hald_image_is_refused(shape):
    with pytest.raises(ShapeError, match="square"):
        table_from_hald(np.zeros(shape, np.uint8))
    with pytest.raises(RangeError, match="2 to 11"):
        hald_image(12)


@pytest.mark.parametrize(
    ("ending", "tolerance"),
    [
        (".cube", 0),
        (".png", 1e-5),
        (".tif", 1e-5),
        (".spi3d", 2e-6),
        (".csp", 2e-6),
        (".3dl", 3e-4),
    ],
)
def test_a_table_comes_back_from_every_form(tmp_path, look, ending, tolerance):
    if ending in (".spi3d", ".csp", ".3dl"):
        pytest.importorskip("PyOpenColorIO")
    back = read_table(write_table(tmp_path / f"look{ending}", look))
    assert back.size == 16
    assert np.abs(back.values - look.values).max() <= tolerance
    with pytest.raises(FileError, match="exists already"):
        write_table(tmp_path / f"look{ending}", look)


def test_a_hald_picture_has_at_least_as_many_entries(tmp_path, rng):
    table = table_of(Tone(gamma=1.2), size=33)
    back = read_table(write_table(tmp_path / "a.png", table))
    image = rng.random((30, 30, 3), np.float32)
    assert back.size == 36
    assert np.abs(back(image) - table(image)).mean() < 2e-4


def test_real_files_read_as_opencolorio_reads_them(shared_data, rng):
    ocio = pytest.importorskip("PyOpenColorIO")
    root = shared_data("lut/files")
    colors = rng.uniform(-0.3, 1.5, (8, 20, 3)).astype(np.float32)
    compared = []
    for path in sorted(p for kind in ("3dl", "csp", "spi3d") for p in root.rglob(f"*.{kind}")):
        try:
            table = read_table(path)
        except FileError:
            continue
        transform = ocio.FileTransform(str(path), interpolation=ocio.INTERP_TETRAHEDRAL)
        processor = ocio.Config.CreateRaw().getProcessor(transform)
        theirs = colors.copy()
        processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).applyRGB(theirs)
        np.testing.assert_allclose(table(colors), theirs, atol=3e-5, err_msg=path.name)
        compared.append(path.suffix)
    assert {".3dl", ".csp", ".spi3d"} <= set(compared)
    assert len(compared) > 10


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ocio/error_truncated_file.3dl", "cannot read it"),
        ("colour/cinespace/Demo.csp", "curves only"),
        ("colour/cinespace/Explicit_Domain.csp", "cannot read it"),
    ],
)
def test_broken_files_are_refused(shared_data, name, message):
    pytest.importorskip("PyOpenColorIO")
    with pytest.raises(FileError, match=message):
        read_table(shared_data("lut/files") / name)


def test_unknown_endings_and_missing_files_are_refused(tmp_path, look):
    with pytest.raises(FileError, match=r"'\.txt' is no form"):
        read_table(tmp_path / "a.txt")
    with pytest.raises(FileError, match="no such file"):
        read_table(tmp_path / "a.cube")
    with pytest.raises(FileError, match="cannot be read"):
        cached_table(tmp_path / "a.cube")
    with pytest.raises(FileError, match="is no form"):
        write_table(tmp_path / "a.lut", look)


def test_forms_that_cannot_hold_a_table_say_so(tmp_path, look):
    pytest.importorskip("PyOpenColorIO")
    with pytest.raises(FileError, match="tables over 0..1"):
        write_table(tmp_path / "a.csp", look.but(domain_max=(2.0, 2.0, 2.0)))


def test_a_changed_file_is_read_again(tmp_path, look):
    path = write_table(tmp_path / "a.cube", look)
    first = cached_table(path)
    assert cached_table(path) is first
    write_table(path, ColorTable.identity(5), overwrite=True)
    assert cached_table(path) == ColorTable.identity(5)
