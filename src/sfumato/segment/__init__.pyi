from .label_counts import LabelCounts as LabelCounts
from .label_overlay import LabelOverlay as LabelOverlay
from .relabel import Relabel as Relabel
from .unet import UNet as UNet
