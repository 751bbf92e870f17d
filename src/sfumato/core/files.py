"""Files as a whole: read with a plain error, written at once or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sfumato.errors import FileError

__all__ = ["atomic_folder", "atomic_path", "read_text", "write_atomically"]

MOST_MIB = 16
"""Recipes and settings are smaller by far."""


def read_text(path: str | Path, *, most_mib: int = MOST_MIB) -> str:
    """Read a UTF-8 text file, without the mark that some editors put before it.

    Args:
        path: the file.
        most_mib: a file of more MiB is refused.

    Raises:
        FileError: it is missing, unreadable, not text, or too large.
    """
    path = Path(path)
    try:
        if path.stat().st_size > most_mib * 2**20:
            raise FileError(f"{path}: larger than the {most_mib} MiB that are read of such a file")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not a text file") from error
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary name in the same folder, and rename it when all went well.

    The name keeps the ending of ``path``, which tells many writers the format.
    On any exception the temporary file is removed and ``path`` is as before.

    Raises:
        FileError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem[:40]}-", suffix=path.suffix
        )
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp gives 0600, a picture is an ordinary file
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, FileError):
            raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write bytes under a temporary name, then rename.

    Raises:
        FileError: the folder cannot be written to, or the disk is full.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path``, and rename it when all went well.

    Every file in it has reached the disk before it gets its name: a power cut
    leaves the whole folder or none. An earlier folder of that name is replaced
    if it holds nothing but what the new one holds too.

    Raises:
        FileError: the folder cannot be written, or holds something else already.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}-"))
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)  # mkdtemp gives 0700
        _sync_tree(temporary)
        _take_place(temporary, path)
        _sync(path.parent)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, FileError):
            raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise


def _take_place(new: Path, path: Path) -> None:
    if not path.exists():
        new.replace(path)
        return
    strangers = sorted({f.name for f in path.iterdir()} - {f.name for f in new.iterdir()})
    if strangers:
        raise FileError(
            f"{path}: holds other files already, such as {strangers[0]}",
            hint="name a new folder, or empty this one",
        )
    aside = new.with_name(f"{new.name}.old")
    path.replace(aside)
    new.replace(path)
    shutil.rmtree(aside, ignore_errors=True)


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # folders cannot be opened there
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
