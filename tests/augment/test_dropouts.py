"""Dropouts cut what they say, and masks, boxes and key points answer to it."""

from __future__ import annotations

import albumentations as peer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sfumato.augment as A
from sfumato.augment._dropout import drop_boxes, drop_points, fill_holes
from sfumato.errors import RangeError, ShapeError

SIZE = (60, 80)
LEFT_THIRD = [[0, 0, 30, 60]]


def gray(dtype=np.uint8, channels=3):
    value = {"uint8": 100, "uint16": 25700, "float32": 0.5}[np.dtype(dtype).name]
    return np.full((*SIZE, channels), value, dtype)


class Cut(A.CoarseDropout):
    """Cuts the left part out, whatever is drawn."""

    def draw(self, rng, targets):
        return {"holes": LEFT_THIRD, "seed": 0}


BOXES = [(10, 10, 50, 50), (0, 0, 20, 20), (40, 30, 70, 50), (25, 20, 45, 60)]


def composed(cut, boxes=BOXES, **rules):
    points = rules.pop("remove_invisible", True)
    chain = A.Compose(
        [cut],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["label"], **rules),
        keypoint_params=A.KeypointParams("xy", remove_invisible=points),
    )
    label = list(range(len(boxes)))
    points = [(10, 10), (29, 3), (30, 3), (50, 50)]
    return chain(
        image=gray(), mask=np.ones(SIZE, np.uint8), bboxes=boxes, label=label, keypoints=points
    )


def test_boxes_shrink_to_what_is_seen_and_go_where_nothing_is():
    out = composed(Cut(p=1))
    assert out["label"] == [0, 2, 3]
    assert np.allclose(out["bboxes"], [(30, 10, 50, 50), (40, 30, 70, 50), (30, 20, 45, 60)])


def test_a_box_of_which_too_little_is_seen_goes():
    assert composed(Cut(p=1), min_visibility=0.6)["label"] == [2, 3]
    assert composed(Cut(p=1), min_area=700)["label"] == [0]


def test_key_points_under_holes_go_unless_hidden_ones_are_wanted():
    assert np.allclose(composed(Cut(p=1))["keypoints"], [(30, 3), (50, 50)])
    assert len(composed(Cut(p=1), remove_invisible=False)["keypoints"]) == 4


def test_masks_are_cut_only_when_asked_to():
    assert composed(Cut(p=1))["mask"].all()
    assert composed(Cut(p=1, fill_mask=0))["mask"].mean() == 50 / 80


@given(
    st.tuples(*(st.floats(-0.5, 59.5) for _ in range(4))),
    st.lists(st.tuples(*(st.integers(0, 60) for _ in range(4))), max_size=4),
)
def test_a_shrunken_box_is_the_bound_of_its_pixels_that_are_seen(corners, rectangles):
    xs, ys = sorted(corners[:2]), sorted(corners[2:])
    hidden = np.zeros((60, 60), bool)
    for a, b, c, d in rectangles:
        hidden[min(a, b) : max(a, b), min(c, d) : max(c, d)] = True
    box = np.array([[xs[0], ys[0], xs[1], ys[1], 0.0]])
    out = drop_boxes(box, hidden)
    rows, columns = np.nonzero(~hidden)
    touched = (
        (columns + 0.5 > xs[0]) & (columns - 0.5 < xs[1])
        & (rows + 0.5 > ys[0]) & (rows - 0.5 < ys[1])
    )  # fmt: skip
    if xs[0] == xs[1] or ys[0] == ys[1]:
        return  # no area, no pixels
    if not touched.any():
        assert len(out) == 0
        return
    bound = (
        max(xs[0], columns[touched].min() - 0.5), max(ys[0], rows[touched].min() - 0.5),
        min(xs[1], columns[touched].max() + 0.5), min(ys[1], rows[touched].max() + 0.5),
    )  # fmt: skip
    np.testing.assert_allclose(out[0, :4], bound)


def test_points_outside_the_picture_are_left_to_others():
    points = np.array([[-5.0, 2, 0, 0, 0], [3, 3, 0, 0, 1], [99, 99, 0, 0, 2]])
    kept = drop_points(points, np.ones((10, 10), bool))
    assert kept[:, 4].tolist() == [0, 2]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("fill", [7.0, (1.0, 2.0, 3.0), "random", "random_uniform"])
def test_holes_are_filled_as_asked_and_nothing_else_changes(dtype, fill):
    fill = fill if dtype != np.float32 or isinstance(fill, str) else 0.25
    image = gray(dtype)
    holes = [[3, 4, 10, 12], [20, 30, 33, 31]]
    out = fill_holes(image, holes, fill, seed=1)
    hidden = np.zeros(SIZE, bool)
    for x0, y0, x1, y1 in holes:
        hidden[y0:y1, x0:x1] = True
    assert out.dtype == dtype
    assert (out[~hidden] == image[~hidden]).all()
    if not isinstance(fill, str):
        assert (out[hidden] == np.asarray(fill, dtype)).all()
    elif fill == "random_uniform":
        assert len(np.unique(out[4:12, 3:10].reshape(-1, 3), axis=0)) == 1
    else:
        assert len(np.unique(out[4:12, 3:10])) > 50


@pytest.mark.parametrize("method", ["inpaint_telea", "inpaint_ns"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_inpainting_continues_the_surroundings(method, dtype):
    image = gray(dtype)
    out = fill_holes(image, [[20, 20, 30, 30]], method, seed=0)
    scale = float(image.max())
    assert np.abs(out.astype(float) - image).max() <= 0.02 * scale


def test_inpainting_five_channels_is_refused():
    with pytest.raises(ShapeError, match="needs 1 or 3 channels"):
        A.CoarseDropout(fill="inpaint_ns", p=1)(gray(channels=5), 1)


def holes_of(maker, name, settings, seeds=200):
    image = np.zeros((100, 140, 3), np.uint8)
    found = []
    for seed in range(seeds):
        if maker is A:
            out = A.ReplayCompose([getattr(A, name)(p=1, **settings)], seed=seed)(image=image)
            found += out["replay"]["transforms"][0]["params"]["holes"]
        else:
            chain = peer.Compose(
                [getattr(peer, name)(p=1, **settings)], seed=seed, save_applied_params=True
            )
            found += list(chain(image=image)["applied_transforms"][0][1]["holes"])
    return np.array(found, float)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("CoarseDropout", {}),
        ("CoarseDropout", {"num_holes_range": (2, 5), "hole_height_range": (5, 9),
                           "hole_width_range": (3, 20)}),
        ("GridDropout", {}),
        ("GridDropout", {"ratio": 0.3, "holes_number_xy": (5, 5), "random_offset": False,
                         "shift_xy": (3, 2)}),
    ],
)  # fmt: skip
def test_holes_are_spread_as_in_albumentations(name, settings):
    ours, theirs = (holes_of(maker, name, settings) for maker in (A, peer))
    assert abs(len(ours) / len(theirs) - 1) < 0.1
    facts = [np.column_stack([h, h[:, 2] - h[:, 0], h[:, 3] - h[:, 1]]) for h in (ours, theirs)]
    tolerance = 4 * facts[1].std(axis=0) / np.sqrt(len(theirs)) * np.sqrt(2) + 0.5
    assert (np.abs(facts[0].mean(axis=0) - facts[1].mean(axis=0)) <= tolerance).all()


def test_old_words_of_coarse_dropout_mean_what_they_meant():
    with pytest.warns(DeprecationWarning, match="max_holes") as seen:
        op = A.CoarseDropout(max_holes=5, max_height=10, max_width=12, min_holes=2, fill_value=3)
    assert len(seen) == 1
    assert op.num_holes_range == (2, 5)
    assert op.hole_height_range == (10, 10)
    assert op.hole_width_range == (12, 12)
    assert op.fill == 3


def test_old_words_of_grid_dropout_mean_what_they_meant():
    with pytest.warns(DeprecationWarning, match="unit_size_min"):
        op = A.GridDropout(unit_size_min=10, unit_size_max=20)
    assert op.unit_size_range == (10, 20)
    with pytest.warns(DeprecationWarning, match="holes_number_x"):
        assert A.GridDropout(holes_number_x=3, holes_number_y=4).holes_number_xy == (3, 4)


def test_whole_numbers_are_pixels_and_others_are_shares_also_after_saving():
    pixels = A.CoarseDropout(hole_height_range=(1, 1), hole_width_range=(1, 1))
    shares = A.CoarseDropout(hole_height_range=(1.0, 1.0), hole_width_range=(1.0, 1.0))
    for op, area in ((pixels, 1), (shares, 60 * 80)):
        again = type(op).from_yaml(op.to_yaml())
        cut = again(image=gray(), force_apply=True)["image"] == 0
        assert cut[..., 0].sum() in (area, 2 * area)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: A.CoarseDropout(num_holes_range=(3, 1)),
        lambda: A.CoarseDropout(hole_height_range=(0.5, 1.5)),
        lambda: A.XYMasking(num_masks_x=1),
        lambda: A.Erasing(scale=(0.5, 0.1)),
        lambda: A.ConstrainedCoarseDropout(),
        lambda: A.GridDropout(ratio=2.0),
    ],
)
def test_what_cannot_be_is_refused_when_built(wrong):
    with pytest.raises(RangeError):
        wrong()


def test_stripes_longer_than_the_picture_are_refused():
    with pytest.raises(ShapeError, match="do not fit"):
        A.XYMasking(num_masks_x=1, mask_x_length=200, p=1)(gray(), 1)


def test_stripes_reach_from_rim_to_rim():
    out = A.XYMasking(num_masks_x=2, mask_x_length=3, p=1)(gray(), 1)[..., 0] == 0
    assert (out.all(axis=0) | ~out.any(axis=0)).all()
    out = A.FrequencyMasking(20, p=1)(gray(), 3)[..., 0] == 0
    assert (out.all(axis=1) | ~out.any(axis=1)).all()


def test_erased_areas_and_shapes_lie_in_their_ranges():
    op = A.Erasing(scale=(0.05, 0.2), ratio=(0.5, 2.0), p=1)
    for seed in range(40):
        rows, columns = np.nonzero(op(gray(), seed)[..., 0] == 0)
        tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 0.04 < tall * wide / 4800 < 0.22
        assert 0.45 < wide / tall < 2.2


def test_constrained_holes_lie_on_the_objects_of_the_mask():
    mask = np.zeros(SIZE, np.uint8)
    mask[10:30, 10:30], mask[40:55, 50:75], mask[2:6, 70:78] = 1, 2, 3
    op = A.ConstrainedCoarseDropout((2, 2), (0.2, 0.2), (0.2, 0.2), mask_indices=[1, 2], p=1)
    cut = op(image=gray(), mask=mask, rng=3)["image"][..., 0] == 0
    assert cut[8:32, 8:32].any()
    assert cut[38:57, 48:77].any()
    assert not cut[0:7, 66:].any()


def test_constrained_holes_lie_on_the_boxes_of_the_wanted_labels():
    op = A.ConstrainedCoarseDropout((3, 3), (0.3, 0.3), (0.3, 0.3), bbox_labels=["cat"], p=1)
    chain = A.Compose([op], bbox_params=A.BboxParams("pascal_voc", label_fields=["label"]), seed=1)
    out = chain(image=gray(), bboxes=[(5, 5, 25, 25), (50, 30, 70, 50)], label=["cat", "dog"])
    cut = out["image"][..., 0] == 0
    assert cut[:32, :32].any()
    assert not cut[:, 40:].any()


def test_whole_objects_go_with_their_mask():
    mask = np.zeros(SIZE, np.uint8)
    mask[10:30, 10:30], mask[40:55, 50:75] = 1, 2
    out = A.MaskDropout((1, 1), p=1)(image=gray(), mask=mask, rng=1)
    gone = out["image"][..., 0] == 0
    label = mask[gone][0]
    assert (gone == (mask == label)).all()
    assert set(np.unique(out["mask"])) == {0, 3 - label}


@pytest.mark.parametrize("per_channel", [False, True])
def test_single_pixels_go_with_their_chance(per_channel):
    image = np.full((200, 200, 3), 9, np.uint8)
    out = A.PixelDropout(0.1, per_channel, p=1)(image, 1) == 0
    assert abs(out.mean() - 0.1) < 0.01
    together = (out.all(axis=2) == out.any(axis=2)).all()
    assert together != per_channel


def test_a_random_color_is_one_for_the_call():
    image = np.full((50, 50, 3), 9, np.uint8)
    out = A.PixelDropout(0.5, drop_value=None, p=1)(image, 1)
    assert len(np.unique(out.reshape(-1, 3), axis=0)) == 2


def test_cutouts_of_old_are_as_many_and_as_large_as_asked():
    out = A.Cutout(num_holes=1, max_h_size=6, max_w_size=10, fill_value=1, p=1)
    areas = [int((out(gray(), seed) == 1)[..., 0].sum()) for seed in range(60)]
    assert max(areas) == 60
    assert min(areas) >= 15
