"""`sfumato list`: what the menus offer."""

from __future__ import annotations

import sfumato as sf


def test_operators_of_all_rooms_are_listed_with_their_first_line(run):
    lines = run("list").stdout.splitlines()
    assert lines == sorted(lines)
    for operator in (sf.capture.Develop, sf.raster.Resize, sf.color.Tone):
        first = operator.__doc__.splitlines()[0]
        assert any(line.endswith(first) and operator.__name__ in line for line in lines)
    assert not any("ImageOperator" in line for line in lines)


def test_one_room_can_be_listed(run):
    lines = run("list", "raster").stdout.splitlines()
    assert lines
    assert all(line.startswith("raster.") for line in lines)


def test_methods_are_listed_and_explained(run):
    assert "segment.UNet" in run("list", "segment").stdout
    assert "classes: int within [1, 4096] = 2" in run("list", "segment.UNet").stdout


def test_one_operator_is_explained(run):
    text = run("list", "raster.Resize").stdout
    assert "long_side_px: int within [1, 100000]" in text
    assert "Args:" in text


def test_what_is_not_there_is_refused(refused):
    assert "there is no room 'attic'; hint: rooms: " in refused("list", "attic")
    assert "did you mean raster.Resize?" in refused("list", "raster.Resise")
