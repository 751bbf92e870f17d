from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from sfumato.io.orientation import upright


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_eight_ways_agree_with_pillow(picture, orientation, channels):
    image = np.concatenate([picture, picture[..., :1]], axis=2)[..., :channels]
    peer = Pillow.fromarray(image[..., 0] if channels == 1 else image)
    peer.getexif()[274] = orientation
    wanted = np.array(ImageOps.exif_transpose(peer)).reshape(*upright(image, orientation).shape)
    np.testing.assert_array_equal(upright(image, orientation), wanted)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_pictures_turn_like_shallow_ones(picture, dtype):
    for orientation in range(1, 9):
        turned = upright(picture.astype(dtype), orientation)
        np.testing.assert_array_equal(turned, upright(picture, orientation))
        assert turned.dtype == dtype


@pytest.mark.parametrize("nonsense", [0, 9, -1, 65535])
def test_a_senseless_orientation_changes_nothing(picture, nonsense):
    assert upright(picture, nonsense) is picture
