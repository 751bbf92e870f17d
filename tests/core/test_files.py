from __future__ import annotations

import os
import stat

import pytest

from sfumato.core.files import atomic_folder, atomic_path, read_text, write_atomically
from sfumato.errors import FileError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), atomic_path(path) as temporary:
            temporary.write_text("new")
            raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]  # noqa: PTH208


def test_a_written_file_is_an_ordinary_one(tmp_path):
    path = tmp_path / "a.bin"
    write_atomically(path, b"123")
    assert path.read_bytes() == b"123"
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_the_mark_that_editors_put_before_a_text_is_not_read(tmp_path):
    (tmp_path / "a.yaml").write_text("lr: 1\n", encoding="utf-8-sig")
    assert read_text(tmp_path / "a.yaml") == "lr: 1\n"


def test_a_text_that_is_too_large_is_refused_with_the_limit(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(2**20 + 1))
    with pytest.raises(FileError, match="larger than the 1 MiB"):
        read_text(tmp_path / "a.txt", most_mib=1)
    assert len(read_text(tmp_path / "a.txt", most_mib=2)) == 2**20 + 1


def test_what_cannot_be_written_or_read_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(FileError, match=r"x\.txt.*cannot be written"):
        write_atomically(tmp_path / "none" / "x.txt", b"")
    with pytest.raises(FileError, match=r"none\.txt"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(FileError, match="cannot be read"):
        read_text(tmp_path)
    binary = tmp_path / "b"
    binary.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(FileError, match="not a text file"):
        read_text(binary)


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    with atomic_folder(tmp_path / "a" / "b") as new:
        (new / "x").write_text("1")
        assert not (tmp_path / "a" / "b").exists()
    assert (tmp_path / "a/b/x").read_text() == "1"
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "a" / "b") as new:
        (new / "x").write_text("2")
        raise ZeroDivisionError
    assert (tmp_path / "a/b/x").read_text() == "1"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]


def test_a_folder_with_other_things_is_never_replaced(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "diary").write_text("mine")
    with pytest.raises(FileError, match="diary"), atomic_folder(tmp_path / "b") as new:
        (new / "x").write_text("1")
    assert (tmp_path / "b/diary").read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError), atomic_folder(tmp_path / "file") as new:
        (new / "x").write_text("1")
