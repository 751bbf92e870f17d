from . import augment as augment
from . import capture as capture
from . import color as color
from . import core as core
from . import data as data
from . import errors as errors
from . import features as features
from . import generate as generate
from . import io as io
from . import measure as measure
from . import nn as nn
from . import raster as raster
from . import segment as segment
from . import testing as testing
from . import train as train
from .core.batch import Batch as Batch
from .core.method import Method as Method
from .core.network import load as load
from .core.operator import Operator as Operator
from .core.pipeline import Pipeline as Pipeline
from .core.sample import Sample as Sample
from .io.picture import read as read
from .io.picture import write as write
from .train.recipe import Recipe as Recipe
from .train.trainer import Trainer as Trainer

__version__: str
