"""Small pictures for pages: whole, right way round, in the right colours."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from sfumato.core.opencv import cv2
from sfumato.raster._page_pictures import colored_map, data_uri, shrunk


def test_maps_run_from_their_first_to_their_last_colour():
    shown = colored_map(np.array([[-5.0, 0.0, 1.0, 9.0]]), 0.0, 1.0)
    np.testing.assert_array_equal(shown[0, 0], shown[0, 1])
    np.testing.assert_array_equal(shown[0, 2], shown[0, 3])
    assert shown[0, 3].sum() > 400 > 60 > shown[0, 0].sum()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_packed_picture_unpacks_to_itself(channels):
    y, x = np.mgrid[0:40, 0:60]
    codes = np.stack([2 * x + 60, 3 * y + 40, 200 - x - y], axis=-1)[..., :channels]
    codes = codes.astype(np.uint8)
    kind, _, text = data_uri(codes).partition(",")
    found = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
    assert kind == "data:image/jpeg;base64"
    np.testing.assert_allclose(found[..., ::-1], np.broadcast_to(codes, found.shape), atol=12)
    assert np.abs(found[..., ::-1] - codes.astype(float)).mean() < 2.5


def test_only_what_is_large_is_shrunk(picture):
    assert shrunk(picture, 83) is picture
    assert shrunk(picture, 40).shape == (29, 40, 3)
    np.testing.assert_allclose(shrunk(picture, 40).mean(), picture.mean(), atol=1.0)
