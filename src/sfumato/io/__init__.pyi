from .depth import with_depth as with_depth
from .limits import pixel_limit as pixel_limit
from .output import check_output as check_output
from .picture import PictureInfo as PictureInfo
from .picture import probe as probe
from .picture import read as read
from .picture import write as write
