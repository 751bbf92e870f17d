"""Edge points as files: tables, drawings, and plans for machines."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.files import atomic_path, write_atomically
from sfumato.core.opencv import cv2
from sfumato.core.shapes import check_image, full_range
from sfumato.errors import FileError, MissingExtraError, RangeError, SfumatoError, ShapeError
from sfumato.features.edge_points import COLUMNS, EdgePoints

__all__ = ["read_edges", "write_edges"]

FORMAT = "sfumato edges 1"


def write_edges(
    edges: EdgePoints,
    path: str | Path,
    *,
    picture: NDArray[Any] | None = None,
    px_size: float = 1.0,
) -> None:
    """Write edge points in the format that the ending of the name says.

    - ``.csv``: a row for each point; ``contour`` and ``closed`` tell the contours, and
      a comment line before the header the size of the picture. Unknown values are empty.
    - ``.json``: the same as columns; unknown values are null.
    - ``.svg``: the contours as lines, over the picture where it is given.
    - ``.dxf``: the contours as polylines, y up, one drawing unit for each ``1 / px_size``
      pixels (needs ezdxf: ``pip install "sfumato[dxf]"``).

    CSV and JSON hold every digit: `read_edges` gives the same numbers back.

    Args:
        edges: the points.
        path: where to.
        picture: shown below the contours in SVG.
        px_size: length of a pixel in units of the DXF drawing, as millimetres.

    Shape:
        picture (h, w), (h, w, 1) or (h, w, 3), the size of the edges.

    Raises:
        FileError: an unknown ending, or the file cannot be written.
        ShapeError: the picture is of another size.
        RangeError: the pixel has no length.
        MissingExtraError: ezdxf is not installed.

    Example:
        >>> import tempfile
        >>> edges = EdgePoints.none((4, 4))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_edges(edges, Path(folder) / "edges.json")
        ...     len(read_edges(Path(folder) / "edges.json"))
        0
    """
    path = Path(path)
    ending = path.suffix.lower()
    if picture is not None and np.shape(picture)[:2] != edges.size:
        raise ShapeError(
            f"write_edges: the picture is {np.shape(picture)[:2]}, the edges are of {edges.size}"
        )
    if ending == ".csv":
        write_atomically(path, _csv(edges).encode())
    elif ending == ".json":
        write_atomically(path, _json(edges).encode())
    elif ending == ".svg":
        write_atomically(path, _svg(edges, picture).encode())
    elif ending == ".dxf":
        _write_dxf(edges, path, px_size)
    else:
        raise FileError(
            f"{path}: edges are not written as '{ending}'", hint="use .csv, .json, .svg or .dxf"
        )


def read_edges(path: str | Path) -> EdgePoints:
    """Read edge points that `write_edges` wrote as CSV or JSON.

    Raises:
        FileError: the file is missing, or is no such file.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not a text file") from error
    try:
        if path.suffix.lower() == ".json":
            return _from_json(text)
        if path.suffix.lower() == ".csv":
            return _from_csv(text)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
        reason = error.message if isinstance(error, SfumatoError) else str(error)
        raise FileError(f"{path}: not a file of edges: {reason}") from error
    raise FileError(f"{path}: edges are read from .csv and .json")


def _known(values: Any) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]


def _json(edges: EdgePoints) -> str:
    table: dict[str, Any] = {"format": FORMAT, "size": list(edges.size)}
    table |= {name: _known(getattr(edges, name)) for name in COLUMNS}
    table |= {"starts": edges.starts.tolist(), "closed": edges.closed.tolist()}
    return json.dumps(table, allow_nan=False) + "\n"


def _from_json(text: str) -> EdgePoints:
    table = json.loads(text)
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise ValueError(f"the format is not '{FORMAT}'")
    columns = {name: np.array(table[name], np.float64) for name in COLUMNS}
    height, width = (int(side) for side in table["size"])
    starts, closed = np.array(table["starts"], np.int64), np.array(table["closed"], bool)
    return EdgePoints(**columns, starts=starts, closed=closed, size=(height, width))


def _csv(edges: EdgePoints) -> str:
    out = io.StringIO()
    out.write(f"# {FORMAT}; size {edges.size[0]} {edges.size[1]}\n")
    table = csv.writer(out, lineterminator="\n")
    table.writerow([*COLUMNS, "contour", "closed"])
    contour = edges.contour
    ring = edges.closed[contour].astype(int) if len(edges) else contour
    columns = [_known(getattr(edges, name)) for name in COLUMNS]
    table.writerows(zip(*columns, contour.tolist(), ring.tolist(), strict=True))
    return out.getvalue()


def _from_csv(text: str) -> EdgePoints:
    lines = text.splitlines()
    if not lines or not lines[0].startswith(f"# {FORMAT}; size "):
        raise ValueError(f"the first line is not '# {FORMAT}; size ...'")
    height, width = (int(word) for word in lines[0].split()[-2:])
    rows = list(csv.DictReader(lines[1:]))
    columns = {name: np.array([float(r[name] or "nan") for r in rows]) for name in COLUMNS}
    contour = np.array([int(r["contour"]) for r in rows], np.int64)
    first = np.flatnonzero(np.diff(contour, prepend=-1))
    closed = np.array([bool(int(rows[k]["closed"])) for k in first], bool)
    starts = np.append(first, len(rows))
    return EdgePoints(**columns, starts=starts, closed=closed, size=(height, width))


def _svg(edges: EdgePoints, picture: NDArray[Any] | None) -> str:
    height, width = edges.size
    # The first pixel reaches from -0.5 to 0.5.
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-0.5 -0.5 {width} {height}" '
        f'width="{width}" height="{height}">'
    ]
    if picture is not None:
        parts.append(
            f'<image x="-0.5" y="-0.5" width="{width}" height="{height}" '
            f'style="image-rendering:pixelated" href="{_data_address(picture)}"/>'
        )
    parts.append(
        '<g fill="none" stroke="#e0218a" stroke-width="1" vector-effect="non-scaling-stroke" '
        'stroke-linejoin="round">'
    )
    for line, ring in _lines(edges):
        places = " ".join(f"{x:.3f},{y:.3f}" for x, y in line)
        parts.append(f'<{"polygon" if ring else "polyline"} points="{places}"/>')
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _data_address(picture: NDArray[Any]) -> str:
    flat = picture[..., None] if picture.ndim == 2 else picture
    image = check_image(flat, "write_edges")
    white = full_range(image.dtype)
    small = np.rint(np.clip(image / white, 0.0, 1.0) * 255.0).astype(np.uint8)
    if small.shape[2] == 3:
        small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    good, data = cv2.imencode(".png", small)
    if not good:
        raise ShapeError(f"write_edges: a picture of {image.shape[2]} channels cannot be shown")
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


def _lines(edges: EdgePoints) -> Iterator[tuple[NDArray[np.float64], bool]]:
    points = edges.points
    for k, ring in enumerate(edges.closed.tolist()):
        yield points[edges.starts[k] : edges.starts[k + 1]], ring


def _write_dxf(edges: EdgePoints, path: Path, px_size: float) -> None:
    if not (px_size > 0.0 and math.isfinite(px_size)):
        raise RangeError(f"write_edges: a pixel cannot be {px_size} long")
    try:
        ezdxf = import_module("ezdxf")
    except ImportError as error:
        raise MissingExtraError(
            "write_edges: DXF needs ezdxf", hint='pip install "sfumato[dxf]"'
        ) from error
    drawing = ezdxf.new("R2010")
    space = drawing.modelspace()
    for line, ring in _lines(edges):
        places = line * (px_size, -px_size)
        space.add_lwpolyline(places.tolist(), close=ring, dxfattribs={"layer": "EDGES"})
    with atomic_path(path) as temporary:
        drawing.saveas(temporary)
