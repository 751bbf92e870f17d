"""Keep moving things from appearing several times in a fused picture."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.ghosts import bitmap_ghosts, consistency_ghosts
from sfumato.capture.repair import Repair
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Stack, full_range
from sfumato.errors import RangeError

__all__ = ["Deghost"]
