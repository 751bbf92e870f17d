"""Mixes: every pixel, share and box comes from where it should."""

from __future__ import annotations

import inspect

import albumentations as peer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sfumato.augment as A
from sfumato.augment._vocabulary import positional_order
from sfumato.core import Sample
from sfumato.errors import DtypeError, FieldError, RangeError, ShapeError
from sfumato.testing import check_operator

MIXES = (A.Mosaic, A.MixUp, A.CutMix, A.CopyPaste)
DTYPES = (np.uint8, np.uint16, np.float32)
KEYS = {cls: cls().metadata_key for cls in MIXES}
DTYPE_CASES = [(cls, dtype, channels) for cls in MIXES for dtype in DTYPES for channels in (1, 3)]


def marked(value, size=(20, 30), dtype=np.uint8, channels=1, label="x"):
    """A picture of one value with a box and a point in it, that carry the value along."""
    image = np.full((*size, channels), value, dtype)
    mask = np.full(size, value, np.uint8)
    boxes = np.array([[1.5, 2.5, 7.5, 9.5, value]], np.float32)
    points = np.array([[4, 5, value]], np.float32)
    return Sample(image, mask=mask, boxes=boxes, keypoints=points, meta={"label": label})


def objects(rectangles, value, size=(20, 30)):
    """A picture with numbered objects, each a rectangle x0 y0 x1 y1 with an exact box."""
    mask = np.zeros(size, np.uint8)
    for k, (x0, y0, x1, y1) in enumerate(rectangles):
        mask[y0:y1, x0:x1] = k + 1
    boxes = np.array([[x0 - 0.5, y0 - 0.5, x1 - 0.5, y1 - 0.5, value + k]
                      for k, (x0, y0, x1, y1) in enumerate(rectangles)], np.float32)  # fmt: skip
    return Sample(np.full((*size, 1), value, np.uint8), mask=mask, boxes=boxes.reshape(-1, 5))


@pytest.mark.parametrize("cls", MIXES)
def test_a_mix_keeps_the_contract_of_operators(cls):
    check_operator(cls.example())


def test_settings_of_mosaic_are_those_of_albumentations():
    theirs = dict(inspect.signature(peer.Mosaic.__init__).parameters)
    del theirs["self"]
    assert list(positional_order(A.Mosaic)) == list(theirs)
    ours = A.Mosaic().config
    for name, parameter in theirs.items():
        default = A.Mosaic.shorthand.get(name, lambda v: v)(parameter.default)
        assert ours[name] == default, name


@pytest.mark.parametrize("cls", MIXES)
def test_with_p_zero_the_first_sample_comes_back(cls):
    a, b = marked(1), marked(2)
    out = cls(p=0.0)([a, b], 1)
    assert np.array_equal(out.image, a.image)
    assert out.meta == a.meta


# --- mosaic


def test_every_cell_of_a_mosaic_shows_its_own_picture():
    pieces = [marked(v) for v in (10, 20, 30, 40)]
    op = A.Mosaic((2, 2), (40, 60), (20, 30), (0.5, 0.5), p=1)
    out = op(pieces, 3)
    cells = [out.image[y : y + 20, x : x + 30] for y in (0, 20) for x in (0, 30)]
    assert all(len(np.unique(cell)) == 1 for cell in cells)
    assert sorted(int(cell[0, 0, 0]) for cell in cells) == [10, 20, 30, 40]
    assert np.array_equal(out.mask, out.image[..., 0])
    assert len(out.boxes) == len(out.keypoints) == 4
    for x0, y0, x1, y1, value in out.boxes:
        column, row = int(x0 // 30), int(y0 // 20)
        assert (x0 - 30 * column, y0 - 20 * row) == (1.5, 2.5)
        assert (x1 - x0, y1 - y0) == (6.0, 7.0)
        assert out.image[int(y0 + 1), int(x0 + 1), 0] == value
    for x, y, value in out.keypoints:
        assert out.image[int(y), int(x), 0] == value
        assert (x % 30, y % 20) == (4, 5)


def test_the_picture_of_the_call_gets_the_cell_of_which_most_is_seen():
    pieces = [marked(v) for v in (10, 20, 30, 40)]
    op = A.Mosaic((2, 2), (20, 30), (20, 30), p=1)
    for seed in range(10):
        values, counts = np.unique(op(pieces, seed).image, return_counts=True)
        assert counts[values == 10] == counts.max()


def test_boxes_are_cut_where_their_cell_ends():
    whole = np.array([[-0.5, -0.5, 29.5, 19.5]], np.float32)
    pieces = [marked(v).but(boxes=whole) for v in (1, 2, 3, 4)]
    out = A.Mosaic((2, 2), (20, 30), (20, 30), (0.4, 0.4), p=1)(pieces, 0)
    for x0, y0, x1, y1 in out.boxes:
        part = out.image[int(y0 + 0.5) : int(y1 + 0.5), int(x0 + 0.5) : int(x1 + 0.5)]
        assert (part == part[0, 0]).all()
        assert part.size == (out.image == part[0, 0]).sum()
    assert len(out.boxes) == 4


def test_missing_partners_are_replaced_by_the_picture():
    out = A.Mosaic((2, 2), (40, 60), (20, 30), (0.5, 0.5), p=1)([marked(10), marked(20)], 3)
    values, counts = np.unique(out.image, return_counts=True)
    assert values.tolist() == [10, 20]
    assert counts.tolist() == [1800, 600]
    assert sorted(out.boxes[:, 4]) == [10, 10, 10, 20]


def test_contain_shows_all_of_a_picture_and_fills_the_rest():
    op = A.Mosaic((1, 1), (40, 40), (40, 40), (0.5, 0.5), "contain", fill=7, fill_mask=9, p=1)
    out = op([marked(50, (20, 40))], 0)
    assert (out.image[10:30] == 50).all()
    assert (out.image[:10] == 7).all()
    assert (out.image[30:] == 7).all()
    assert (out.mask[:10] == 9).all()
    assert out.boxes[0].tolist() == [1.5, 12.5, 7.5, 19.5, 50]


def test_cover_fills_the_cell_and_cuts_the_middle_out():
    x = np.tile(np.arange(40, dtype=np.uint8), (20, 1))[..., None]
    op = A.Mosaic((1, 1), (20, 20), (20, 20), (0.5, 0.5), p=1)
    out = op([Sample(x)], 0)
    assert np.array_equal(out.image, x[:, 10:30])


def test_compose_reads_partners_in_its_format_with_their_labels():
    op = A.Mosaic((2, 2), (40, 60), (20, 30), (0.5, 0.5), p=1)
    flow = A.Compose([op, A.HorizontalFlip(p=1)], seed=1,
                     bbox_params=A.BboxParams("coco", label_fields=["names"]),
                     keypoint_params=A.KeypointParams("xy"))  # fmt: skip
    partners = [
        {"image": np.full((20, 30), v, np.uint8), "bboxes": [(2, 3, 6, 7)], "names": [str(v)],
         "keypoints": [(4, 5)]}
        for v in (20, 30, 40)
    ]  # fmt: skip
    out = flow(image=np.full((20, 30), 10, np.uint8), bboxes=[(2, 3, 6, 7)], names=["10"],
               keypoints=[(4, 5)], mosaic_metadata=partners)  # fmt: skip
    assert sorted(out["names"]) == ["10", "20", "30", "40"]
    assert len(out["keypoints"]) == 4
    for (x, y, width, height), name in zip(out["bboxes"], out["names"], strict=True):
        assert (width, height) == (6, 7)
        part = out["image"][int(y) : int(y + height), int(x) : int(x + width)]
        assert (part == int(name)).all()
        assert x % 30 == 30 - 8
    assert [p["names"] for p in partners] == [["20"], ["30"], ["40"]]


def test_labels_stay_with_their_boxes_when_some_are_lost():
    op = A.Mosaic((2, 2), (20, 30), (20, 30), p=1)
    params = A.BboxParams("pascal_voc", label_fields=["ids"], min_visibility=0.9)
    flow = A.Compose([op], bbox_params=params)
    rng = np.random.default_rng(0)

    def piece(v):
        low = rng.integers(0, 10, (6, 2))
        return {"image": np.full((20, 30, 1), v, np.uint8),
                "bboxes": np.hstack([low, low + 8]).astype(float),
                "ids": np.full(6, v)}  # fmt: skip

    kept = []
    for seed in range(20):
        others = [piece(v) for v in (2, 3, 4)]
        out = flow(**piece(1), mosaic_metadata=others, rng=seed)
        kept.append(len(out["ids"]))
        for (x0, y0, x1, y1), label in zip(out["bboxes"].astype(int), out["ids"], strict=True):
            assert (out["image"][y0:y1, x0:x1] == label).all()
            assert (x1 - x0) * (y1 - y0) >= 0.9 * 64
    assert 0 < sum(kept) < 20 * 24


# --- mixup


@pytest.mark.parametrize("dtype", DTYPES)
def test_mixup_weighs_by_the_share_that_it_tells(dtype):
    top = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    rng = np.random.default_rng(0)
    a, b = (Sample((rng.random((9, 11, 3)) * top).astype(dtype)) for _ in range(2))
    for seed in range(5):
        out = A.MixUp(alpha=1, p=1)([a, b], seed)
        share, rest = out.meta["mixup"]["shares"]
        exact = share * a.image.astype(float) + rest * b.image.astype(float)
        assert share + rest == 1
        error = np.abs(out.image - exact).max()
        assert error < (1e-6 if dtype is np.float32 else 0.5 + 1e-2)


def test_mixup_keeps_the_boxes_of_both_and_tells_both_labels():
    a, b = marked(10, label="cat"), marked(200, (40, 60), label="dog")
    out = A.MixUp(alpha=1, p=1)([a, b], 2)
    assert out.boxes[0].tolist() == [1.5, 2.5, 7.5, 9.5, 10]
    assert out.boxes[1].tolist() == [0.5, 1.0, 3.5, 4.5, 200]  # edges (2, 3, 8, 10) halved
    assert out.keypoints.tolist() == [[4, 5, 10], [1.75, 2.25, 200]]
    assert out.meta["mixup"]["labels"] == ("cat", "dog")
    larger = 10 if out.meta["mixup"]["shares"][0] >= 0.5 else 200
    assert (out.mask == larger).all()
    assert "mixup_metadata" not in out.meta


def test_the_share_follows_the_beta_distribution():
    op, pair = A.MixUp(alpha=0.4, p=1), [Sample(np.zeros((1, 1, 1), np.uint8))] * 2
    shares = np.array([op(pair, seed).meta["mixup"]["shares"][0] for seed in range(1500)])
    assert abs(shares.mean() - 0.5) < 0.04
    assert abs(shares.var() - 1 / (4 * (2 * 0.4 + 1))) < 0.01


# --- cutmix


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), alpha=st.floats(0.1, 5))
def test_cutmix_tells_the_exact_shares_and_cuts_boxes_to_what_is_seen(seed, alpha):
    low = -0.5
    a = marked(0).but(boxes=np.array([[low, low, 29.5, 19.5, 0]], np.float32))
    b = marked(1).but(boxes=np.array([[low, low, 29.5, 19.5, 1]], np.float32))
    out = A.CutMix(alpha=alpha, min_visibility=0, p=1)([a, b], seed)
    seen = out.image[..., 0] == 1
    assert out.meta["cutmix"]["shares"] == pytest.approx((1 - seen.mean(), seen.mean()), abs=1e-12)
    assert np.array_equal(out.mask, out.image[..., 0])
    for value in (0, 1):
        rows = out.boxes[out.boxes[:, 4] == value]
        there = (out.image[..., 0] == value).nonzero()
        if len(there[0]) == 0:
            assert len(rows) == 0
            continue
        (y, x) = there
        bound = [x.min() - 0.5, y.min() - 0.5, x.max() + 0.5, y.max() + 0.5]
        assert rows[0, :4].tolist() == bound
    for x, y, value in out.keypoints:
        assert out.image[int(y), int(x), 0] == value


def test_cutmix_drops_boxes_of_which_too_little_is_seen():
    a, b = marked(0), marked(1)
    for seed in range(40):
        out = A.CutMix(min_visibility=0.5, p=1)([a, b], seed)
        seen = out.image[3:10, 2:8, 0] == 1
        kept = out.boxes[:, 4].tolist()
        assert (1 in kept) == (seen.mean() >= 0.5)
        assert (0 in kept) == (1 - seen.mean() >= 0.5)


# --- copy and paste


def test_pasted_objects_cover_what_lies_below_and_boxes_are_found_anew():
    a = objects([(0, 0, 10, 10), (15, 5, 25, 15), (2, 15, 6, 19)], 50)
    b = objects([(5, 0, 20, 10), (26, 0, 29, 3)], 90)
    out = A.CopyPaste(portion=1, p=1)([a, b], 0)
    pasted = b.mask > 0
    assert (out.image[pasted] == 90).all()
    assert (out.image[~pasted] == 50).all()
    assert np.unique(out.mask).tolist() == [0, 1, 2, 3, 4, 5]
    assert (out.mask[b.mask == 1] == 4).all()
    assert out.boxes.tolist() == [
        [-0.5, -0.5, 4.5, 9.5, 50],  # its right half is covered
        [14.5, 4.5, 24.5, 14.5, 51],  # its corner is covered: the bound stays
        [1.5, 14.5, 5.5, 18.5, 52],
        [4.5, -0.5, 19.5, 9.5, 90],
        [25.5, -0.5, 28.5, 2.5, 91],
    ]


def test_an_object_that_is_hardly_seen_loses_its_box_and_its_label():
    a = objects([(0, 0, 10, 10), (15, 12, 25, 15)], 50)
    b = objects([(0, 0, 9, 12)], 90)
    gone = A.CopyPaste(portion=1, min_visibility=0.2, p=1)([a, b], 0)
    assert gone.boxes[:, 4].tolist() == [51, 90]
    assert not (gone.mask == 1).any()
    kept = A.CopyPaste(portion=1, min_visibility=0.05, p=1)([a, b], 0)
    assert kept.boxes[:, 4].tolist() == [50, 51, 90]
    assert kept.boxes[0, :4].tolist() == [8.5, -0.5, 9.5, 9.5]


def test_only_chosen_objects_are_pasted_and_half_of_them_on_average():
    a = objects([], 50)
    b = objects([(4 * k, 2, 4 * k + 3, 5) for k in range(7)], 90)
    counts = []
    for seed in range(200):
        out = A.CopyPaste(p=1)([a, b], seed)
        assert np.array_equal(out.mask > 0, out.image[..., 0] == 90)
        assert (out.image == 90).sum() == 9 * len(out.boxes)
        counts.append(len(out.boxes))
    assert abs(np.mean(counts) - 3.5) < 0.4


def test_classes_are_kept_where_labels_are_classes():
    a, b = objects([(0, 0, 10, 10)], 50), objects([(0, 0, 3, 3), (20, 3, 25, 9)], 90)
    out = A.CopyPaste(portion=1, labels="keep", p=1)([a.but(boxes=None), b.but(boxes=None)], 0)
    assert np.array_equal(out.mask, np.where(b.mask > 0, b.mask, a.mask))
    with pytest.raises(FieldError, match="classes"):
        A.CopyPaste(portion=1, labels="keep", p=1)([a, b], 0)


def test_a_soft_edge_blends_and_leaves_masks_sharp():
    a, b = objects([], 0), objects([(10, 5, 20, 15)], 200)
    out = A.CopyPaste(portion=1, soft_edge=1.0, p=1)([a, b], 0)
    assert out.image[10, 15, 0] == 200
    assert 0 < out.image[10, 9, 0] < 100 < out.image[10, 10, 0] < 200
    assert out.image[10, 9, 0] + int(out.image[10, 10, 0]) == pytest.approx(200, abs=1)
    assert np.array_equal(out.mask > 0, b.mask > 0)


def test_boxes_and_labels_of_different_number_are_refused():
    a, b = objects([(0, 0, 10, 10)], 50), objects([(0, 0, 3, 3), (20, 3, 25, 9)], 90)
    with pytest.raises(ShapeError, match="1 boxes and 2 labels"):
        A.CopyPaste(portion=1, p=1)([a, b.but(boxes=b.boxes[:1])], 0)


# --- all


@pytest.mark.parametrize(("cls", "dtype", "channels"), DTYPE_CASES)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), height=st.integers(1, 40), width=st.integers(1, 40))
def test_one_seed_gives_one_result_and_nothing_given_changes(
    cls, dtype, channels, seed, height, width
):
    rng = np.random.default_rng(seed)
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max

    def piece(size):
        image = (rng.random((*size, channels), np.float32) * top).astype(dtype)
        mask = rng.integers(0, 3, size, np.uint8)
        return Sample(image, mask=mask, keypoints=np.array([[0.0, 0.0]], np.float32))

    pieces = [piece((21, 33)), piece((height, width)), piece((21, 33))]
    before = [(p.image.copy(), p.mask.copy(), p.keypoints.copy()) for p in pieces]
    op = cls.example()
    first, again = op(pieces, seed), op(pieces, seed)
    for name in ("image", "mask", "keypoints"):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
        for piece_ in pieces:
            assert not np.may_share_memory(getattr(first, name), getattr(piece_, name)), name
    for p, kept in zip(pieces, before, strict=True):
        for name, value in zip(("image", "mask", "keypoints"), kept, strict=True):
            assert np.array_equal(getattr(p, name), value)
    assert first.image.dtype == dtype
    assert first.image.shape[2] == channels
    assert 0 <= first.image.min() <= first.image.max() <= top


@pytest.mark.parametrize("cls", MIXES)
def test_a_record_does_the_same_again(cls):
    sample = cls().practice_samples()[1]
    fields = {"image": sample.image, "mask": sample.mask, "bboxes": sample.boxes + 0.5,
              "ids": [1, 2], KEYS[cls]: [
                  {"image": s.image, "mask": s.mask, "bboxes": s.boxes + 0.5, "ids": [3, 4]}
                  for s in sample.meta[KEYS[cls]]]}  # fmt: skip
    params = A.BboxParams("pascal_voc", label_fields=["ids"])
    out = A.ReplayCompose([cls.example()], bbox_params=params)(**fields, rng=4)
    again = A.ReplayCompose.replay(out["replay"], **fields)
    assert np.array_equal(out["image"], again["image"])
    assert np.array_equal(out["bboxes"], again["bboxes"])
    assert out["ids"] == again["ids"]
    assert len(out["ids"]) == len(out["bboxes"])


@pytest.mark.parametrize("cls", MIXES)
def test_a_missing_list_of_partners_is_an_error_that_names_it(cls):
    with pytest.raises(FieldError, match=KEYS[cls]):
        cls.example()(image=np.zeros((8, 8), np.uint8), mask=np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize("cls", MIXES)
def test_what_partners_lack_or_have_too_much_is_named(cls):
    op, a, b = cls.example(), *cls().practice_samples()[:2]
    a, b = a.but(meta={}), b.but(meta={})
    a3, gray = b, a
    with pytest.raises(ShapeError, match="partner 1"):
        op([a3, gray], 0)
    with pytest.raises(FieldError, match="partner 1 has no 'boxes'"):
        op([gray, gray.but(boxes=None)], 0)
    with pytest.raises(FieldError, match="partner 1 has 'boxes', which the call does not have"):
        op([gray.but(boxes=None), gray], 0)
    with pytest.raises(DtypeError, match="partner 1: 'image' is uint16"):
        op([gray, gray.but(image=gray.image.astype(np.uint16))], 0)
    with pytest.raises(DtypeError, match="must be a Sample or a dict"):
        op([gray, "a.png"], 0)
    with pytest.raises(ShapeError, match="is a list"):
        op(images=[gray.image], masks=[gray.mask], **{KEYS[cls]: [gray]}, mask=gray.mask, rng=0)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(RangeError, match="center_range"):
        A.Mosaic(center_range=(0.7, 0.3))
    with pytest.raises(RangeError, match="2 fill values for 1 channels"):
        A.Mosaic(fill=(1, 2), p=1)([marked(1)], 0)
    full = objects([(0, 0, 10, 10)], 50)
    full = full.but(mask=np.where(full.mask > 0, 255, 0).astype(np.uint8))
    with pytest.raises(RangeError, match="object 256 does not fit"):
        A.CopyPaste(portion=1, p=1)([full, objects([(0, 0, 3, 3)], 90)], 0)
