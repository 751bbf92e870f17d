from __future__ import annotations

import numpy as np
import pytest

from sfumato.errors import FileError
from sfumato.io.formats import format_of_name
from sfumato.io.picture import probe, read


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.txt", "noending"])
def test_the_content_decides_and_not_the_name(save, picture, form, name):
    sample = read(save(name, picture, form))
    assert sample.meta["format"] == form.lower()
    assert sample.image.shape == picture.shape


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"GIF89a", "this is GIF, which is not read"),
        (b"BM\0\0", "this is BMP, which is not read"),
        (b"%PDF-1.7", "this is PDF, which is not read"),
        (b"\0\0\0\x1cftypavif", "this is AVIF, which is not read"),
        (b"\0\0\0\x1cftypheic", "this is HEIF or video, which is not read"),
        (b"\x76\x2f\x31\x01", "this is OpenEXR, which is not read"),
        (b"Dear diary, today", "this is text"),
        ("Liebes Tagebuch, heute schöne Fotos für Ängstliche".encode(), "this is text"),
        (b"<?xml version='1.0'?>\n<svg>", "this is text"),
        (bytes(range(7, 60)), "not a picture"),
        (b"\x89PNG", "not a picture"),
        (b"\0" * 100, "not a picture"),
    ],
)
def test_what_is_no_picture_is_named_if_it_can_be(tmp_path, start, said):
    path = tmp_path / "a.jpg"
    path.write_bytes(start)
    for use in (read, probe):
        with pytest.raises(FileError, match=rf"a\.jpg: {said}"):
            use(path)


def test_names_of_outputs_are_understood_in_any_case():
    assert [format_of_name(n) for n in ("a.JPG", "a.jpeg", "b.c.tiff", "d.WebP", "e.png")] == [
        "jpeg", "jpeg", "tiff", "webp", "png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"), [("a.gif", "'.gif' is no ending"), ("a", "has no ending")]
)
def test_other_endings_are_refused_with_the_list(name, said):
    with pytest.raises(FileError, match=said) as caught:
        format_of_name(name)
    assert ".jpg, .jpeg, .png, .tif, .tiff, .webp" in caught.value.hint


def test_a_picture_of_random_bytes_is_not_believed(tmp_path, rng):
    path = tmp_path / "a.png"
    for _ in range(200):
        path.write_bytes(rng.integers(0, 256, 400, dtype=np.uint8).tobytes())
        with pytest.raises(FileError):
            read(path)
