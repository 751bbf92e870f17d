from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from sfumato.core.sample import Sample
from sfumato.errors import FileError
from sfumato.io.picture import probe, read, write


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("lossless", [False, True])
def test_it_agrees_with_pillow(save, picture, channels, lossless, opened):
    image = picture[..., [0, 1, 2, 0]][..., :channels]
    path = save("a.webp", image, "WEBP", lossless=lossless, exact=True)
    found = read(path).image
    peer = np.array(opened(path))
    assert found.shape == image.shape
    assert probe(path).channels == channels
    assert np.abs(found.astype(int) - peer).max() <= (0 if lossless else 4)


def test_exif_and_icc_survive(picture, camera_exif, icc_profile, tmp_path, opened):
    meta = {"exif": camera_exif, "icc_profile": icc_profile}
    for image in (picture, picture[..., [0, 1, 2, 0]]):
        for parts in (meta, {"exif": camera_exif}, {"icc_profile": icc_profile + b"\0"}, {}):
            out = write(tmp_path / "a.webp", Sample(image, meta=parts), overwrite=True)
            peer = opened(out)
            assert np.array(peer).shape == image.shape
            assert peer.info.get("icc_profile") == parts.get("icc_profile")
            found = read(out)
            assert found.meta.get("iso") == (400 if "exif" in parts else None)
            assert np.abs(np.array(peer).astype(int) - found.image).max() <= 4


def test_the_picture_is_near_and_grey_has_three_channels(tmp_path):
    ramp = np.tile(np.arange(0, 256, 2, dtype=np.uint8)[None, :, None], (64, 1, 1))
    found = read(write(tmp_path / "a.webp", ramp)).image
    assert found.shape == (64, 128, 3)
    assert np.abs(found.astype(int) - ramp).max() <= 6


def test_a_webp_cut_anywhere_is_an_error(save, picture):
    path = save("a.webp", picture, "WEBP")
    whole = path.read_bytes()
    for stop in [*range(1, 60), *range(60, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:stop])
        with pytest.raises(FileError, match=r"a\.webp"):
            read(path)


def test_an_animation_is_refused(save, picture):
    frames = [Pillow.fromarray(picture), Pillow.fromarray(255 - picture)]
    path = save("a.webp", frames[0], "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(FileError, match="an animated WebP"):
        read(path)


def test_a_side_beyond_what_webp_holds_is_refused(tmp_path):
    with pytest.raises(FileError, match="sides up to 16383 px, got 16384"):
        write(tmp_path / "a.webp", np.zeros((1, 16384, 3), np.uint8))
