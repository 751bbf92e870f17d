"""A file as untrusted bytes: opened with plain errors, read in bounds."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sfumato.errors import FileError, SfumatoError

__all__ = ["MAX_FILE_BYTES", "Source", "damaged", "open_source"]

MAX_FILE_BYTES = 4 * 2**30
"""No JPEG, PNG or WebP that can be decoded is larger."""

COPY_AGAIN = "copy it again from the card or the backup; nothing was decoded from it"


def damaged(path: object, what: str, hint: str = COPY_AGAIN) -> FileError:
    """Make the error for a file that is not whole."""
    return FileError(f"{path}: {what}", hint=hint)


class Source:
    """An open picture file.

    Args:
        path: the name as the caller gave it, for messages.
        file: the open file.
        size: its length in bytes.
    """

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self.path = path
        self.file = file
        self.size = size
        self._data: bytes | None = None

    def at(self, offset: int, count: int) -> bytes:
        """Read ``count`` bytes from ``offset``; fewer where the file ends."""
        if not 0 <= offset < self.size or count <= 0:
            return b""
        count = min(count, self.size - offset)
        if self._data is not None:
            return self._data[offset : offset + count]
        self.file.seek(offset)
        return self.file.read(count)

    @property
    def data(self) -> bytes:
        """The whole file, read once.

        Raises:
            FileError: larger than 4 GiB.
        """
        if self._data is None:
            if self.size > MAX_FILE_BYTES:
                raise FileError(f"{self.path}: larger than {MAX_FILE_BYTES // 2**30} GiB")
            self.file.seek(0)
            self._data = self.file.read()
        return self._data


@contextlib.contextmanager
def open_source(path: str | Path) -> Iterator[Source]:
    """Open a picture file for reading.

    Raises:
        FileError: it is missing, a folder, a device, empty, or not readable.
    """
    path = Path(path)
    with _opened(path) as file:
        try:
            yield Source(path, file, os.fstat(file.fileno()).st_size)
        except SfumatoError:
            raise
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error


def _opened(path: Path) -> BinaryIO:
    try:
        about = path.stat()  # before the open, which would wait for a pipe
        if stat.S_ISDIR(about.st_mode):
            raise FileError(f"{path}: this is a folder, not a picture", hint=_folder_hint(path))
        if not stat.S_ISREG(about.st_mode):
            raise FileError(f"{path}: not an ordinary file", hint="save it to a file first")
        if about.st_size == 0:
            raise damaged(path, "the file is empty (0 bytes)")
        return path.open("rb")
    except FileNotFoundError as error:
        raise FileError(f"{path}: there is no such file", hint="check the name") from error
    except PermissionError as error:
        raise FileError(
            f"{path}: you are not allowed to read this file", hint="check its permissions"
        ) from error
    except SfumatoError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a zero byte in the name
        raise FileError(f"{str(path)!r}: not a file name") from error


def _folder_hint(path: Path) -> str:
    return f"name the pictures in it, for example {path / '*.jpg'}"
