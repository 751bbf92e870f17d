from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from sfumato.errors import FileError
from sfumato.io.picture import read, write


@pytest.mark.parametrize("progressive", [False, True])
def test_grey_and_colour_agree_with_pillow(save, picture, progressive, opened):
    for image in (picture, picture[..., :1]):
        path = save("a.jpg", image, "JPEG", quality=90, progressive=progressive)
        peer = np.array(opened(path)).reshape(image.shape)
        found = read(path).image
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - peer).max() <= 2  # two builds of libjpeg-turbo


def test_a_jpeg_cut_anywhere_is_an_error_and_never_grey(save, picture):
    path = save("a.jpg", np.tile(picture, (4, 4, 1)), "JPEG", quality=95)
    whole = path.read_bytes()
    for stop in [*range(1, 700, 7), *range(700, len(whole) - 1, 997), len(whole) - 1]:
        path.write_bytes(whole[:stop])
        with pytest.raises(FileError, match=r"a\.jpg: .*(cut off|corrupt)"):
            read(path)


def test_a_thumbnail_in_the_exif_does_not_hide_the_missing_end(save, picture, camera_exif):
    memory = io.BytesIO()
    Pillow.fromarray(picture).save(memory, "JPEG")
    exif = camera_exif + memory.getvalue()  # has an end marker of its own
    path = save("a.jpg", np.tile(picture, (4, 4, 1)), "JPEG", exif=b"Exif\0\0" + exif)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(FileError, match="cut off before its end"):
        read(path)


def test_inks_without_a_profile_become_the_plain_formula(save):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8, :, 0], inks[8:, :, 3] = 255, 128
    path = save("cmyk.jpg", Pillow.fromarray(inks, "CMYK"), "JPEG", quality=100)
    sample = read(path)
    assert sample.image.shape == (16, 16, 3)
    np.testing.assert_allclose(sample.image[2, 2], [0, 255, 255], atol=6)
    np.testing.assert_allclose(sample.image[13, 13], [127, 127, 127], atol=6)
    assert "icc_profile" not in sample.meta


def test_a_cmyk_picture_with_a_profile_of_no_inks_is_refused(save, icc_profile):
    inks = Pillow.fromarray(np.zeros((8, 8, 4), np.uint8), "CMYK")
    path = save("cmyk.jpg", inks, "JPEG", icc_profile=icc_profile)
    with pytest.raises(FileError, match=r"cmyk\.jpg: the CMYK colour profile in it cannot be used"):
        read(path)


def test_exif_and_icc_of_a_camera_jpeg_survive_into_a_jpeg(
    save, picture, camera_exif, icc_profile, tmp_path, opened
):
    profile = icc_profile + bytes(150_000)  # three segments
    path = save("a.jpg", picture, "JPEG", exif=b"Exif\0\0" + camera_exif, icc_profile=profile)
    sample = read(path)
    assert sample.meta["icc_profile"] == profile
    assert sample.size == (83, 61)  # the camera was turned
    out = write(tmp_path / "b.jpg", sample)
    peer = opened(out)
    assert peer.info["icc_profile"] == profile
    assert peer.getexif()[274] == 1
    assert peer.getexif().get_ifd(34665)[37500] == bytes(range(200))
    keep = ("exposure_time_s", "f_number", "iso", "datetime", "camera")
    assert {k: read(out).meta[k] for k in keep} == {k: sample.meta[k] for k in keep}


@pytest.mark.parametrize(("quality", "factors"), [(95, (1, 1)), (90, (1, 1)), (80, (2, 2))])
def test_colour_keeps_its_resolution_from_quality_90_on(
    picture, tmp_path, quality, factors, opened
):
    peer = opened(write(tmp_path / "a.jpg", picture, quality=quality))
    assert peer.layer[0][1:3] == factors


def test_an_exif_block_too_large_for_a_jpeg_is_refused_with_the_name(picture, tmp_path):
    from sfumato.core.sample import Sample

    big = Sample(picture, meta={"exif": b"II*\0\x08\0\0\0" + bytes(70_000)})
    with pytest.raises(FileError, match="a JPEG holds 65527"):
        write(tmp_path / "a.jpg", big)
    assert list(tmp_path.iterdir()) == []


def test_the_profile_helper_is_real(icc_profile):
    assert ImageCms.ImageCmsProfile(io.BytesIO(icc_profile)).profile.xcolor_space == "RGB "
