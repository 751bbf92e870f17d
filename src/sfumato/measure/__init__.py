"""Numbers one can trust: how close a picture, a mask, an edge or a map comes to the truth."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
