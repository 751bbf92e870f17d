"""Augmentation: pictures varied by chance, and all that lies on them moved along exactly."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
