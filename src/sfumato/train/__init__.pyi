from .callback import Callback as Callback
from .progress_bar import ProgressBar as ProgressBar
from .recipe import Recipe as Recipe
from .report import Report as Report
from .run import TrainingRun as TrainingRun
from .trainer import Trainer as Trainer
