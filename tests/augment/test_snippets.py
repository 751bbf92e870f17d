"""Code written for albumentations runs unchanged."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import albumentations as peer
import numpy as np
import pytest

import sfumato.augment as A
from sfumato.core.opencv import cv2

TEXT = Path(__file__).with_name("snippets.md").read_text()
BLOCKS = re.findall(r"^## (.*?)\n\n```python\n(.*?)```", TEXT, flags=re.MULTILINE | re.DOTALL)


def run(code, side, folder):
    rng = np.random.default_rng(20261126)
    image = cv2.resize(rng.integers(0, 256, (20, 30, 3), np.uint8), (150, 110))
    mask = np.zeros((110, 150), np.uint8)
    mask[30:70, 40:100], mask[20:40, 90:130] = 1, 2
    names = {
        "A": side, "np": np, "cv2": cv2, "folder": folder, "image": image, "mask": mask,
        "gray": image[..., 0].copy(), "unit": image.astype(np.float32) / 255,
        "spectral": np.concatenate([image, image[..., :2]], axis=2).astype(np.float32) / 255,
        "__name__": f"snippet_of_{side.__name__.replace('.', '_')}",
    }  # fmt: skip
    before = image.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old words; that they warn is tested elsewhere
        exec(compile(code, "snippet", "exec"), names)
    np.testing.assert_array_equal(image, before)
    return names["result"]


def parts(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def test_tensors_are_found_where_albumentations_has_them():
    from sfumato.augment.pytorch import ToTensorV2

    assert ToTensorV2 is A.ToTensorV2


def test_there_are_enough_of_them():
    assert len(BLOCKS) >= 60
    kinds = {heading.split()[1].rstrip(":") for heading, _ in BLOCKS}
    assert kinds >= {
        "classification", "detection", "segmentation", "keypoints", "serialization", "replay",
        "custom",
    }  # fmt: skip


@pytest.mark.parametrize(("heading", "code"), BLOCKS, ids=[heading for heading, _ in BLOCKS])
def test_a_snippet_runs_as_it_is(heading, code, tmp_path):
    missing = {n for n in re.findall(r"\bA\.([A-Za-z_]\w+)", code) if n not in A.__all__}
    if missing:
        pytest.skip(f"not on the menu: {', '.join(sorted(missing))}")
    ours = parts(run(code, A, tmp_path))
    if not heading.startswith("2.0"):
        return
    theirs = parts(run(code, peer, tmp_path))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(b, np.ndarray):
            assert sorted(a.shape) == sorted(b.shape)  # a quarter turn swaps the sides
            assert a.dtype == b.dtype or a.dtype.kind != "u"
        else:
            assert a == b
        if " exact" in heading:
            kind = np.asarray(b).dtype.kind
            if kind in "fiub":
                # Coordinates of albumentations pass through float32.
                np.testing.assert_allclose(a, b, atol=0.011 if kind == "f" else 0)
            else:
                np.testing.assert_array_equal(a, b)
