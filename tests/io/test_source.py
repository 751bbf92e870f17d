from __future__ import annotations

import os

import pytest

from sfumato.errors import FileError, RangeError
from sfumato.io.source import open_source


def refused(path, match):
    with pytest.raises(FileError, match=match) as caught, open_source(path):
        pass
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_missing_folder_empty_and_pipe_are_each_said(tmp_path):
    refused(tmp_path / "no.jpg", "there is no such file")
    refused(tmp_path, "this is a folder")
    (tmp_path / "empty.jpg").touch()
    refused(tmp_path / "empty.jpg", r"empty \(0 bytes\)")
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "not an ordinary file")
    refused("/dev/zero", "not an ordinary file")


def test_a_link_in_a_circle_and_a_zero_byte_are_errors(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for name in (tmp_path / "a", "a\0.jpg", "x" * 5000):
        with pytest.raises(FileError), open_source(name):
            pass


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")

    def forbidden(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", forbidden)
    refused(path, "you are not allowed to read this file")


def test_errors_of_the_reader_pass_through_unchanged(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    with pytest.raises(RangeError, match="NaN"), open_source(path):
        raise RangeError("NaN")
    said = r"a\.jpg: cannot be read: Input/output error"
    with pytest.raises(FileError, match=said), open_source(path):
        raise OSError(5, "Input/output error")


def test_reads_stay_inside_the_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"0123456789")
    with open_source(path) as source:
        for _ in range(2):
            assert source.at(2, 3) == b"234"
            assert source.at(8, 100) == b"89"
            assert source.at(10, 1) == source.at(-1, 5) == source.at(3, -2) == b""
            assert source.data == b"0123456789"  # the second round reads from memory
