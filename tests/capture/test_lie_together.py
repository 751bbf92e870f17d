from __future__ import annotations

import cv2
import numpy as np

import sfumato as sf
from sfumato.capture._frame_views import look_at
from sfumato.capture._lie_together import offset_of_blurred


def texture(seed, size=(300, 400)):
    grain = np.random.default_rng(seed).random(size).astype(np.float32)
    coarse = cv2.GaussianBlur(grain, (0, 0), 14)
    fine = cv2.GaussianBlur(grain, (0, 0), 1.5)
    coarse, fine = ((p - p.mean()) / p.std() for p in (coarse, fine))
    return np.clip(0.5 + 0.15 * coarse + 0.03 * fine, 0, 1)[..., None]


def offset(a, b):
    return offset_of_blurred(look_at(a, "a"), look_at(b, "b"))


def test_a_frame_and_its_defocused_self_lie_together():
    sharp = texture(0)
    soft = cv2.GaussianBlur(sharp, (0, 0), 8)[..., None]
    found = offset(sharp, soft)
    assert found is not None
    assert found < 0.5


def test_what_moved_or_is_another_picture_or_exposure_does_not():
    sharp = texture(0)
    assert offset(sharp[:, :-20].copy(), sharp[:, 20:].copy()) is None
    assert offset(sharp, texture(1)) is None
    assert offset(sharp, sharp * np.float32(0.25)) is None
    flat = np.full_like(sharp, 0.5)
    assert offset(flat, flat) is None


def test_a_pair_without_a_shared_sharp_detail_is_stacked_as_it_lies(shared_data):
    folder = shared_data("focus/mffw")
    pair = sf.read(folder / "mffw_07_A.jpg", folder / "mffw_07_B.jpg")
    aligned = sf.capture.AlignFrames(chain="neighbors")(pair)
    np.testing.assert_array_equal(aligned.stack, pair.stack)
    assert aligned.meta["alignment"][1].method == "identity"
