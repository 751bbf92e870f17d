"""Say what each pixel shows: networks that label pictures, and pictures of their labels."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
