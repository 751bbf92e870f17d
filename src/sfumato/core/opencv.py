"""The one door to OpenCV.

Several wheels provide ``cv2`` and overwrite each other's files, so sfumato
requires none by name: it takes the one that is there, and says how to get one
where there is none (docs/decisions/opencv-wheel.md).
"""

from __future__ import annotations

import importlib
from typing import Any

from sfumato.errors import MissingExtraError

try:
    # Typed as Any: the stubs differ from release to release, and refuse calls that work.
    cv2: Any = importlib.import_module("cv2")
except ImportError as error:
    raise MissingExtraError(
        f"OpenCV (cv2) cannot be imported: {error}",
        hint='pip install "sfumato[opencv]" (headless), or keep your own OpenCV wheel and mend it',
    ) from error

OLDEST = (4, 10)

if tuple(int(part) for part in cv2.__version__.split(".")[:2]) < OLDEST:
    raise MissingExtraError(
        f"OpenCV {'.'.join(map(str, OLDEST))} or newer is needed, {cv2.__version__} is installed",
        hint="upgrade the OpenCV wheel that you have: pip install --upgrade opencv-python",
    )

__all__ = ["cv2"]
