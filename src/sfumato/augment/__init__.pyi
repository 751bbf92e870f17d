from ._vocabulary import get_compat as get_compat
from ._vocabulary import set_compat as set_compat
from .horizontal_flip import HorizontalFlip as HorizontalFlip
from .invert_img import InvertImg as InvertImg
from .solarize import Solarize as Solarize
from .spatial import SpatialTransform as SpatialTransform
from .transform import PixelTransform as PixelTransform
from .transform import Transform as Transform
