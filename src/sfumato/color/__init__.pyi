from .palette import ShowPalette as ShowPalette
from .palette import palette_of as palette_of
from .tone import Tone as Tone
from .transfer import linear_to_srgb as linear_to_srgb
from .transfer import srgb_to_linear as srgb_to_linear
