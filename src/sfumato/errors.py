"""What sfumato raises, and nothing else.

Every error is also the builtin that callers already catch::

    SfumatoError
    ├─ ShapeError         ValueError     sizes, dimensions, channels, counts
    ├─ DtypeError         TypeError      an array or setting of the wrong type
    ├─ RangeError         ValueError     a value outside its bounds, NaN
    ├─ FieldError         LookupError    a sample lacks what an operator reads
    ├─ SpecError          ValueError     a recipe or setting that cannot be understood
    ├─ FileError          OSError        a file that cannot be read or written
    ├─ AlignmentError     ValueError     frames that do not fit on each other
    ├─ OutOfMemoryError   MemoryError    a device whose memory does not suffice
    └─ MissingExtraError  ImportError    an optional package that is not installed

The first line of a message says who, what was wanted and what came. The hint
says what to do.
"""

from __future__ import annotations

__all__ = [
    "AlignmentError",
    "DtypeError",
    "FieldError",
    "FileError",
    "MissingExtraError",
    "OutOfMemoryError",
    "RangeError",
    "SfumatoError",
    "ShapeError",
    "SpecError",
]


class SfumatoError(Exception):
    """Root of all errors that sfumato raises on purpose.

    Args:
        message: one sentence: who, what was wanted, what came.
        hint: what to do about it.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


class ShapeError(SfumatoError, ValueError):
    """An array, or a set of arrays, has the wrong shape or count."""


class DtypeError(SfumatoError, TypeError):
    """A value or an array is of a type that is not accepted here."""


class RangeError(SfumatoError, ValueError):
    """A value lies outside its bounds or is not finite."""


class FieldError(SfumatoError, LookupError):
    """A sample lacks a field that an operator reads."""


class SpecError(SfumatoError, ValueError):
    """A recipe, name or setting cannot be understood."""


class FileError(SfumatoError, OSError):
    """A file cannot be read or written."""


class AlignmentError(SfumatoError, ValueError):
    """Frames cannot be brought onto each other."""


class MissingExtraError(SfumatoError, ImportError):
    """An optional package is needed and not installed."""


class OutOfMemoryError(SfumatoError, MemoryError):
    """The memory of a device does not suffice."""
