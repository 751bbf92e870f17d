"""Pairs by name: what belongs together, what is alone, what cannot be known."""

from __future__ import annotations

import pytest

from sfumato.errors import FileError
from sfumato.measure.pairing import pair_pictures


@pytest.fixture
def folders(tmp_path):
    def make(first, second):
        for folder, names in (("a", first), ("b", second)):
            (tmp_path / folder).mkdir(exist_ok=True)
            for name in names:
                (tmp_path / folder / name).touch()
        return tmp_path / "a", tmp_path / "b"

    return make


def test_two_files_are_a_pair_whatever_their_names(folders):
    a, b = folders(["dusk.jpg"], ["noon.png"])
    found = pair_pictures(a / "dusk.jpg", b / "noon.png")
    assert [(p.name, p.first.name, p.second.name) for p in found.pairs] == [
        ("dusk", "dusk.jpg", "noon.png")
    ]
    assert found.alone == ()


def test_pictures_of_folders_are_paired_by_stem(folders):
    a, b = folders(
        ["2.jpg", "1.JPG", "3.tif", ".1.png", "notes.txt", "5.dng"], ["1.png", "2.jpg", "4.webp"]
    )
    (a / "6.png").mkdir()
    found = pair_pictures(a, b)
    assert [(p.name, p.first.name, p.second.name) for p in found.pairs] == [
        ("1", "1.JPG", "1.png"),
        ("2", "2.jpg", "2.jpg"),
    ]
    assert [str(path.relative_to(a.parent)) for path in found.alone] == [
        "a/3.tif", "b/4.webp", "a/5.dng",
    ]  # fmt: skip


def test_what_cannot_be_paired_is_refused(folders):
    a, b = folders(["1.jpg", "1.png"], ["1.png"])
    with pytest.raises(FileError, match=r"1\.jpg and .*1\.png: two pictures of one name"):
        pair_pictures(a, b)
    with pytest.raises(FileError, match="is a folder and .* is a file"):
        pair_pictures(a, b / "1.png")
    with pytest.raises(FileError, match="no such file or folder"):
        pair_pictures(a, b / "2.png")
    (a / "1.jpg").unlink()
    (a / "1.png").rename(a / "2.png")
    with pytest.raises(FileError, match=r"share no name of a picture \(1 pictures there, 1 here"):
        pair_pictures(a, b)
