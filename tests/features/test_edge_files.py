"""Edge points as files: every digit comes back, pictures lie under the lines."""

from __future__ import annotations

import importlib.util
import json
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sfumato.data import DiscChart
from sfumato.errors import FileError, MissingExtraError, RangeError, ShapeError
from sfumato.features import DevernayEdges, EdgePoints, read_edges, write_edges
from sfumato.features.edge_points import COLUMNS

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def edges():
    chart = DiscChart(size=(40, 50), radius_px=9.0)
    found = DevernayEdges().detect(chart.picture())
    unknown = np.where(np.arange(len(found)) % 3, found.blur, np.nan)
    columns = {name: getattr(found, name) for name in COLUMNS} | {"blur": unknown}
    return EdgePoints(**columns, starts=found.starts, closed=found.closed, size=found.size)


@pytest.mark.parametrize("ending", [".csv", ".json", ".CSV"])
def test_every_digit_comes_back(ending, edges, tmp_path):
    path = tmp_path / f"edges{ending}"
    write_edges(edges, path)
    back = read_edges(path)
    for name in (*COLUMNS, "starts", "closed"):
        np.testing.assert_array_equal(getattr(back, name), getattr(edges, name))
    assert back.size == edges.size


@pytest.mark.parametrize("ending", [".csv", ".json", ".svg"])
def test_no_edges_are_written_too(ending, tmp_path):
    path = tmp_path / f"none{ending}"
    write_edges(EdgePoints.none((3, 4)), path)
    if ending != ".svg":
        assert len(read_edges(path)) == 0
        assert read_edges(path).size == (3, 4)


def test_json_is_strict(edges, tmp_path):
    write_edges(edges, tmp_path / "e.json")
    text = (tmp_path / "e.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["blur"][0] is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_svg_shows_the_lines_over_the_picture(dtype, edges, tmp_path):
    picture = np.zeros((40, 50, 3), dtype)
    write_edges(edges, tmp_path / "e.svg", picture=picture)
    root = ET.parse(tmp_path / "e.svg").getroot()
    assert root.get("viewBox") == "-0.5 -0.5 50 40"
    assert root.find(f"{SVG}image").get("href").startswith("data:image/png;base64,")
    lines = root.findall(f".//{SVG}polygon")
    assert len(lines) == 1
    first = [float(v) for v in lines[0].get("points").split()[0].split(",")]
    assert first == pytest.approx([edges.x[0], edges.y[0]], abs=1e-3)


def test_dxf_holds_closed_lines_with_y_up(edges, tmp_path):
    ezdxf = pytest.importorskip("ezdxf")
    write_edges(edges, tmp_path / "e.dxf", px_size=0.1)
    lines = list(ezdxf.readfile(tmp_path / "e.dxf").modelspace())
    assert len(lines) == 1
    assert lines[0].closed
    place = lines[0].get_points("xy")[0]
    assert place == pytest.approx((0.1 * edges.x[0], -0.1 * edges.y[0]))


def test_without_ezdxf_it_says_what_to_install(edges, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ezdxf", None)
    with pytest.raises(MissingExtraError, match="dxf"):
        write_edges(edges, tmp_path / "e.dxf")
    assert not list(tmp_path.iterdir())
    assert importlib.util.find_spec("sfumato") is not None


def test_what_cannot_be_written_is_refused(edges, tmp_path):
    with pytest.raises(FileError, match=r"\.txt"):
        write_edges(edges, tmp_path / "e.txt")
    with pytest.raises(ShapeError, match="the picture is"):
        write_edges(edges, tmp_path / "e.svg", picture=np.zeros((3, 3), np.uint8))
    with pytest.raises(RangeError, match="long"):
        write_edges(edges, tmp_path / "e.dxf", px_size=0.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("e.json", "{"),
        ("e.json", '{"format": "other"}'),
        ("e.json", "[" * 100000),
        ("e.json", '{"format": "sfumato edges 1", "size": [2, 2]}'),
        ("e.csv", "x,y\n1,2\n"),
        ("e.csv", ""),
        ("e.csv", "# sfumato edges 1; size 4 4\nx,y\n1,2\n"),
        ("e.csv", "# sfumato edges 1; size a b\n"),
        ("e.txt", ""),
    ],
)
def test_a_file_of_something_else_is_refused(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(FileError, match=name):
        read_edges(tmp_path / name)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        read_edges(tmp_path / "none.csv")
    (tmp_path / "e.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(FileError, match="not a text file"):
        read_edges(tmp_path / "e.csv")


def test_many_points_come_back(tmp_path):
    columns = np.random.default_rng(0).random((8, 60_000))
    many = EdgePoints(*columns, np.array([0, 60_000]), np.array([False]), (9, 9))
    for name in ("e.csv", "e.json"):
        write_edges(many, tmp_path / name)
        np.testing.assert_array_equal(read_edges(tmp_path / name).curvature, columns[7])
