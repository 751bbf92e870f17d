"""Compositions: boxes and points in and out, chances, streams, records, and what is refused."""

from __future__ import annotations

import json
import pickle

import albumentations as peer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sfumato as sf
import sfumato.augment as A
from sfumato.errors import DtypeError, FieldError, RangeError, ShapeError, SpecError

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)
BOXES = {
    "pascal_voc": [(10.0, 20.0, 30.0, 50.0), (50.0, 5.0, 100.0, 60.0)],
    "coco": [(10.0, 20.0, 20.0, 30.0), (50.0, 5.0, 50.0, 55.0)],
    "albumentations": [(0.1, 20 / 60, 0.3, 50 / 60), (0.5, 5 / 60, 1.0, 1.0)],
    "yolo": [(0.2, 35 / 60, 0.2, 0.5), (0.75, 32.5 / 60, 0.5, 55 / 60)],
}


class Boom(A.ImageOnlyTransform):
    def apply(self, img, **params):
        raise RuntimeError("boom")


class Count(A.ImageOnlyTransform):
    """Write a mark into the picture's first pixel."""

    def __init__(self, mark=1, p=1.0):
        super().__init__(p=p)
        self.mark = mark

    def apply(self, img, **params):
        img = img.copy()
        img[0, 0, 0] = (int(img[0, 0, 0]) * 10 + self.mark) % 251
        return img


@pytest.mark.parametrize("form", BOXES)
@pytest.mark.parametrize("kind", [list, np.array])
def test_boxes_of_every_format_are_flipped_as_in_albumentations(form, kind):
    rows = kind([list(row) for row in BOXES[form]])
    ours = A.Compose([A.HorizontalFlip(p=1)], bbox_params=A.BboxParams(form))
    theirs = peer.Compose([peer.HorizontalFlip(p=1)], bbox_params=peer.BboxParams(form))
    got = ours(image=PICTURE, bboxes=rows)["bboxes"]
    assert isinstance(got, type(rows))
    np.testing.assert_allclose(got, theirs(image=PICTURE, bboxes=rows)["bboxes"], atol=1e-4)


@pytest.mark.parametrize("form", BOXES)
def test_boxes_that_nothing_moves_come_back_as_they_were(form):
    out = A.Compose([A.NoOp(p=1)], bbox_params=A.BboxParams(form))(
        image=PICTURE, bboxes=BOXES[form]
    )
    np.testing.assert_allclose(out["bboxes"], BOXES[form], atol=1e-9)
    assert isinstance(out["bboxes"][0], tuple)


@pytest.mark.parametrize(
    ("form", "row"),
    [("xy", (10, 20)), ("yx", (20, 10)), ("xya", (10, 20, 30)), ("xys", (10, 20, 7)),
     ("xyas", (10, 20, 30, 7)), ("xysa", (10, 20, 7, 30))],
)  # fmt: skip
def test_points_of_every_format_are_flipped_as_in_albumentations(form, row):
    ours = A.Compose([A.HorizontalFlip(p=1)], keypoint_params=A.KeypointParams(form))
    theirs = peer.Compose([peer.HorizontalFlip(p=1)], keypoint_params=peer.KeypointParams(form))
    got = ours(image=PICTURE, keypoints=[row])["keypoints"]
    np.testing.assert_allclose(got, theirs(image=PICTURE, keypoints=[row])["keypoints"], atol=1e-4)


def test_what_a_row_has_beyond_its_numbers_comes_back_with_it():
    flip = A.Compose(
        [A.HorizontalFlip(p=1)],
        bbox_params=A.BboxParams("coco"),
        keypoint_params=A.KeypointParams("xy"),
    )
    out = flip(image=PICTURE, bboxes=[(0, 0, 10, 10, "cat", 3)], keypoints=[[5, 5, "nose"]])
    assert out["bboxes"] == [(90.0, 0.0, 10.0, 10.0, "cat", 3)]
    assert out["keypoints"] == [[94.0, 5.0, "nose"]]


def crop(**rules):
    class Left(A.SpatialTransform):
        """Keep the left half."""

        def motion(self, params, size):
            from sfumato.augment._cut import Cut

            return Cut(0, 0, (size[0], size[1] // 2))

    return A.Compose([Left(p=1)], bbox_params=A.BboxParams("pascal_voc", ["names"], **rules))


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({}, ["half", "in"]),
        ({"min_visibility": 0.5}, ["half", "in"]),
        ({"min_visibility": 0.51}, ["in"]),
        ({"min_area": 100}, ["half"]),
        ({"min_width": 10}, ["half"]),
        ({"min_width": 10, "min_height": 21}, []),
        ({"max_accept_ratio": 1.5}, ["in"]),
    ],
)
def test_boxes_that_leave_the_picture_go_with_their_labels(rules, kept):
    boxes = [(40, 10, 60, 30), (60, 0, 70, 10), (1, 1, 6, 6)]
    out = crop(**rules)(image=PICTURE, bboxes=boxes, names=["half", "out", "in"])
    assert out["names"] == kept
    assert len(out["bboxes"]) == len(kept)
    if "half" in kept:
        assert out["bboxes"][0] == (40.0, 10.0, 50.0, 30.0)


def test_labels_may_be_arrays():
    out = crop()(image=PICTURE, bboxes=[(60, 0, 70, 10), (1, 1, 6, 6)], names=np.array([4, 5]))
    np.testing.assert_array_equal(out["names"], [5])


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ((10, 20, 130, 40), "reaches beyond the picture of 100 x 60"),
        ((30, 20, 10, 40), "inverted"),
        ((10, 20, 10, 40), "empty"),
        ((10, 20, float("nan"), 40), "no number"),
    ],
)
def test_a_box_that_cannot_be_is_refused_with_its_values(box, fault):
    flip = A.Compose([A.HorizontalFlip()], bbox_params=A.BboxParams("pascal_voc"))
    with pytest.raises(RangeError, match=f"'bboxes': box 1 .*{fault}"):
        flip(image=PICTURE, bboxes=[(1, 1, 5, 5), box])


def test_boxes_may_be_cut_or_dropped_as_they_come_in():
    params = A.BboxParams("pascal_voc", clip=True)
    out = A.Compose([A.NoOp()], bbox_params=params)(image=PICTURE, bboxes=[(90, 0, 130, 40)])
    assert out["bboxes"] == [(90.0, 0.0, 100.0, 40.0)]
    params = A.BboxParams("pascal_voc", filter_invalid_bboxes=True)
    rows = [(90, 0, 130, 40), (1, 1, 5, 5)]
    out = A.Compose([A.NoOp()], bbox_params=params)(image=PICTURE, bboxes=rows)
    assert out["bboxes"] == [(90.0, 0.0, 100.0, 40.0), (1.0, 1.0, 5.0, 5.0)]
    out = A.Compose([A.NoOp()], bbox_params=params)(image=PICTURE, bboxes=[(9, 9, 3, 3)])
    assert out["bboxes"] == []


def test_points_outside_are_refused_or_kept():
    strict = A.Compose([A.HorizontalFlip(p=1)], keypoint_params=A.KeypointParams("xy"))
    with pytest.raises(RangeError, match="'keypoints': point 0 at x=100, y=9 is outside"):
        strict(image=PICTURE, keypoints=[(100, 9)])
    params = A.KeypointParams("xy", remove_invisible=False)
    loose = A.Compose([A.HorizontalFlip(p=1)], keypoint_params=params)
    assert loose(image=PICTURE, keypoints=[(100, 9)])["keypoints"] == [(-1.0, 9.0)]


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"mask": PICTURE[:30, :, 0]}, ShapeError, "'mask' is 100 x 30 px, the picture is 100 x"),
        ({"bboxes": [(1, 1, 5, 5)]}, SpecError, "in which format"),
        ({"keypoints": [(1, 1)]}, SpecError, "keypoint_params=KeypointParams"),
        ({"image": PICTURE / 255.0}, DtypeError, "float64"),
        ({"image": [1, 2]}, DtypeError, "'image' must be a NumPy array"),
        ({"image": None}, FieldError, "needs 'image='"),
        ({"mask": [[1]]}, ShapeError, "'mask' must be an array"),
        ({"image": PICTURE[None, None]}, ShapeError, r"\(h, w\) or \(h, w, c\)"),
    ],
)
def test_what_cannot_be_is_refused_by_name(fields, error, message):
    with pytest.raises(error, match=message):
        A.Compose([A.HorizontalFlip(p=1)])(**{"image": PICTURE, **fields})


def test_labels_of_another_length_are_refused():
    with pytest.raises(ShapeError, match="'names' has 1 entries, 'bboxes' has 2"):
        crop()(image=PICTURE, bboxes=[(1, 1, 5, 5), (1, 1, 6, 6)], names=["a"])
    with pytest.raises(SpecError, match="label_fields names 'names'"):
        crop()(image=PICTURE, bboxes=[(1, 1, 5, 5)])


def test_float_pictures_out_of_range_are_refused_where_values_change():
    wild = PICTURE.astype(np.float32)
    with pytest.raises(RangeError, match="'image' has values from 0 to 255"):
        A.Compose([A.InvertImg(p=1)])(image=wild)
    assert A.Compose([A.HorizontalFlip(p=1)])(image=wild)["image"].max() == wild.max()
    broken = np.zeros((4, 4, 3), np.float32)
    broken[2, 1, 0] = np.nan
    with pytest.raises(RangeError, match="no numbers"):
        A.Compose([A.InvertImg(p=1)])(image=broken)


def test_an_error_in_a_step_says_in_which():
    with pytest.raises(RuntimeError, match="boom") as caught:
        A.Compose([A.NoOp(), Boom(p=1)])(image=PICTURE)
    assert "in step 2 of 2" in caught.value.__notes__[0]


def test_a_class_instead_of_an_object_is_refused():
    with pytest.raises(SpecError, match="step 1 is no transform.*\n.*parentheses"):
        A.Compose([A.HorizontalFlip])


def test_further_targets_move_along():
    flip = A.Compose(
        [A.HorizontalFlip(p=1), A.InvertImg(p=1)],
        additional_targets={"right": "image", "labels": "mask", "more": "keypoints"},
        keypoint_params=A.KeypointParams("xy"),
    )
    out = flip(image=PICTURE, right=PICTURE, labels=PICTURE[..., 0], more=[(0, 0)], name="x")
    np.testing.assert_array_equal(out["right"], 255 - PICTURE[:, ::-1])
    np.testing.assert_array_equal(out["labels"], PICTURE[:, ::-1, 0])
    assert out["more"] == [(99.0, 0.0)]
    assert out["name"] == "x"
    with pytest.raises(SpecError, match="a target is one of"):
        A.Compose([], additional_targets={"x": "picture"})


def test_lists_of_pictures_and_masks_come_back_as_lists_or_arrays():
    flip = A.Compose([A.HorizontalFlip(p=1)])
    out = flip(images=[PICTURE, PICTURE], masks=[PICTURE[..., 0]])
    assert isinstance(out["images"], list)
    np.testing.assert_array_equal(out["masks"][0], PICTURE[:, ::-1, 0])
    out = flip(images=np.stack([PICTURE, PICTURE]), masks=[])
    assert out["images"].shape == (2, 60, 100, 3)
    assert out["masks"] == []


def test_one_of_runs_one_step_as_often_as_its_p_says():
    choice = A.Compose([A.OneOf([Count(1, p=0.2), Count(2, p=0.6)], p=1)], seed=1)
    black = np.zeros((2, 2, 3), np.uint8)
    marks = [int(choice(image=black)["image"][0, 0, 0]) for _ in range(2000)]
    assert set(marks) == {1, 2}
    assert abs(marks.count(2) / 2000 - 0.75) < 0.04


def test_some_of_keeps_the_order_and_random_order_does_not():
    steps = [Count(1), Count(2), Count(3)]
    black = np.zeros((2, 2, 3), np.uint8)
    some = A.Compose([A.SomeOf(steps, n=2)], seed=2)
    assert {int(some(image=black)["image"][0, 0, 0]) for _ in range(99)} == {12, 13, 23}
    mixed = A.Compose([A.RandomOrder(steps, n=2)], seed=2)
    seen = {int(mixed(image=black)["image"][0, 0, 0]) for _ in range(300)}
    assert seen == {12, 13, 21, 23, 31, 32}


def test_the_meaning_of_some_of_follows_the_version():
    steps = [Count(1, p=1.0), Count(2, p=0.0)]
    black = np.zeros((2, 2, 3), np.uint8)
    old = A.Compose([A.SomeOf(steps, n=1, compat="1.3")], seed=3)
    assert {int(old(image=black)["image"][0, 0, 0]) for _ in range(60)} == {1}
    new = A.Compose([A.SomeOf(steps, n=1)], seed=3)
    assert {int(new(image=black)["image"][0, 0, 0]) for _ in range(60)} == {0, 1}


def test_one_or_other_and_sequential():
    black = np.zeros((2, 2, 3), np.uint8)
    either = A.Compose([A.OneOrOther(Count(1, p=0.1), Count(2, p=0.1), p=0.5)], seed=4)
    assert {int(either(image=black)["image"][0, 0, 0]) for _ in range(60)} == {1, 2}
    both = A.Compose([A.Sequential([Count(1), Count(2)], p=0.5)], seed=4)
    assert {int(both(image=black)["image"][0, 0, 0]) for _ in range(60)} == {0, 12}


def test_selected_channels_change_and_the_others_do_not():
    pick = A.SelectiveChannelTransform([A.InvertImg(p=1)], channels=[1], p=1)
    out = A.Compose([pick])(image=PICTURE)["image"]
    np.testing.assert_array_equal(out[..., 1], 255 - PICTURE[..., 1])
    np.testing.assert_array_equal(out[..., ::2], PICTURE[..., ::2])
    with pytest.raises(ShapeError, match="channel 7 is wanted"):
        A.Compose([A.SelectiveChannelTransform([], channels=[7])])(image=PICTURE)


def drawn(compose, count=12, **options):
    return [int(compose(image=PICTURE, **options)["image"].sum()) for _ in range(count)]


def coins(seed=None):
    return A.Compose([A.HorizontalFlip(), A.InvertImg()], seed=seed)


def test_the_same_seed_gives_the_same_row_of_pictures():
    first, second = coins(seed=5), coins(seed=5)
    for _ in range(10):
        a, b = first(image=PICTURE)["image"], second(image=PICTURE)["image"]
        np.testing.assert_array_equal(a, b)
    first.set_random_seed(9)
    second.set_random_seed(9)
    assert drawn(first) == drawn(second)


def test_seed_epoch_and_index_fix_a_call_whatever_happened_before():
    one, other = coins(), coins()
    drawn(one)
    for index in range(8):
        a = one(image=PICTURE, rng=(3, 1, index))["image"]
        np.testing.assert_array_equal(a, other(image=PICTURE, rng=(3, 1, index))["image"])
    with pytest.raises(DtypeError, match="a tuple of whole numbers"):
        one(image=PICTURE, rng="seed")


def test_what_one_step_draws_does_not_depend_on_the_others():
    alone = A.Compose([Count(1, p=0.5)], seed=6)
    behind = A.Compose([Count(1, p=0.5), A.RandomOrder([A.InvertImg(p=0)] * 3, n=2)], seed=6)
    black = np.zeros((2, 2, 3), np.uint8)
    for _ in range(20):
        np.testing.assert_array_equal(alone(image=black)["image"], behind(image=black)["image"])


def test_pickled_for_a_worker_a_seeded_composition_goes_on_alike():
    first, second = coins(seed=5), pickle.loads(pickle.dumps(coins(seed=5)))
    assert drawn(first) == drawn(second)


def test_nothing_that_came_in_is_shared_or_changed():
    before = PICTURE.copy()
    out = A.Compose([A.NoOp(p=1)])(image=PICTURE, mask=PICTURE[..., 0])
    out["image"][:] = 0
    out["mask"][:] = 0
    np.testing.assert_array_equal(PICTURE, before)


def test_a_replay_does_the_same_to_other_targets():
    steps = [A.HorizontalFlip(), A.OneOf([A.Solarize(), A.InvertImg()], p=0.7)]
    compose = A.ReplayCompose(steps, bbox_params=A.BboxParams("coco"))
    other = PICTURE[::-1].copy()
    for _ in range(12):
        out = compose(image=PICTURE, bboxes=[(0, 0, 9, 9)])
        record = json.loads(json.dumps(out["replay"]))
        again = A.ReplayCompose.replay(record, image=PICTURE, bboxes=[(0, 0, 9, 9)])
        np.testing.assert_array_equal(again["image"], out["image"])
        assert again["bboxes"] == out["bboxes"]
        flipped = record["transforms"][0]["applied"]
        assert flipped == (out["bboxes"][0][0] == 91.0)
        A.ReplayCompose.replay(record, image=other)


def test_what_was_applied_is_given_on_request():
    compose = A.Compose([A.Solarize(p=1)], save_applied_params=True)
    name, params = compose(image=PICTURE)["applied_transforms"][0]
    assert (name, params) == ("Solarize", {"threshold": 0.5})


def whole():
    return A.Compose(
        [
            A.HorizontalFlip(p=0.3),
            A.OneOf([A.Solarize(threshold_range=(0.2, 0.4)), A.InvertImg()], p=0.4),
            A.SomeOf([A.NoOp(), Count(3)], n=1),
        ],
        bbox_params=A.BboxParams("yolo", ["names"], min_area=3),
        keypoint_params=A.KeypointParams("xya"),
        additional_targets={"image2": "image"},
        seed=7,
    )


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_composition_is_saved_and_loaded(tmp_path, form):
    path = tmp_path / "recipe"
    A.save(whole(), path, data_format=form)
    read = A.load(path, data_format=form)
    assert A.to_dict(read) == A.to_dict(whole())
    again = whole()
    for _ in range(5):
        a, b = again(image=PICTURE)["image"], read(image=PICTURE)["image"]
        np.testing.assert_array_equal(a, b)


def test_a_composition_is_a_recipe_of_the_house(tmp_path):
    compose = A.Compose([A.HorizontalFlip(p=1), sf.raster.Sharpen(amount=0.5)], seed=1)
    compose.save(tmp_path / "recipe.yaml")
    read = A.Compose.load(tmp_path / "recipe.yaml")
    assert read == compose
    np.testing.assert_array_equal(read(image=PICTURE)["image"], compose(image=PICTURE)["image"])
    pipeline = sf.Pipeline(steps=(compose,))
    assert pipeline(PICTURE, 3).shape == PICTURE.shape


def test_files_of_albumentations_are_read():
    steps = [peer.HorizontalFlip(p=1), peer.OneOf([peer.InvertImg(p=0.5)], p=0.5)]
    written = peer.to_dict(peer.Compose(steps, bbox_params=peer.BboxParams("coco", ["names"])))
    read = A.from_dict(written)
    assert read.transforms[0] == A.HorizontalFlip(p=1)
    assert read.bbox_params == A.BboxParams("coco", ["names"])


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "key 'transform'"),
        ({"transform": {"p": 1}}, "__class_fullname__"),
        ({"transform": {"__class_fullname__": "os.system"}}, "no transform 'os.system'"),
        ({"transform": {"__class_fullname__": "Lambda", "name": "x"}}, "hand it in"),
    ],
)
def test_data_that_is_no_transform_is_refused(written, message):
    with pytest.raises(SpecError, match=message):
        A.from_dict(written)


def test_functions_make_a_transform():
    def invert(image, **params):
        return 255 - image

    mine = A.Lambda(image=invert, name="mine", p=1)
    np.testing.assert_array_equal(A.Compose([mine])(image=PICTURE)["image"], 255 - PICTURE)
    read = A.from_dict(A.to_dict(A.Compose([mine])), nonserializable={"mine": mine})
    assert read.transforms == (mine,)
    with pytest.raises(SpecError, match="without a name"):
        A.to_dict(A.Lambda(image=invert))


def test_kinds_of_transforms_are_told_apart_as_in_albumentations():
    assert isinstance(A.HorizontalFlip(), A.DualTransform)
    assert isinstance(A.InvertImg(), A.ImageOnlyTransform)
    assert not isinstance(A.InvertImg(), A.DualTransform)
    assert isinstance(A.NoOp(), A.BasicTransform)
    assert issubclass(A.Compose, A.BaseCompose)


def test_compositions_are_sequences_of_steps():
    compose = A.Compose([A.HorizontalFlip(), A.InvertImg()])
    assert len(compose) == 2
    assert compose[1] == A.InvertImg()
    assert [*(compose + A.NoOp())][-1] == A.NoOp()
    assert ([A.NoOp()] + compose)[0] == A.NoOp()  # noqa: RUF005
    assert [*(compose - A.InvertImg)] == [A.HorizontalFlip()]


@given(
    x=st.floats(0, 90), y=st.floats(0, 50), w=st.floats(0.5, 9), h=st.floats(0.5, 9),
    form=st.sampled_from(["coco", "pascal_voc", "albumentations", "yolo"]),
)  # fmt: skip
def test_formats_are_read_and_written_without_loss(x, y, w, h, form):
    params = A.BboxParams(form)
    row = {
        "coco": (x, y, w, h),
        "pascal_voc": (x, y, x + w, y + h),
        "albumentations": (x / 100, y / 60, (x + w) / 100, (y + h) / 60),
        "yolo": ((x + w / 2) / 100, (y + h / 2) / 60, w / 100, h / 60),
    }[form]
    table = params.table([row], (60, 100), "test")
    np.testing.assert_allclose(table[0, :4] + 0.5, (x, y, x + w, y + h), atol=1e-9)
    np.testing.assert_allclose(params.rows([row], table, (60, 100))[0], row, atol=1e-9)
