"""Frames come to lie on each other within fractions of a pixel, or it is said why not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.capture._common_area import common_area
from sfumato.capture.align_frames import AlignFrames
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.errors import AlignmentError, FieldError, RangeError, ShapeError
from sfumato.features.homography import map_points

SIZE = (330, 440)
FINE = 2
"""Scenes are made so much finer than the frames: a frame is their average, not a resampling."""


def world(rng, size=SIZE):
    """Linear light with detail at all scales and hard edges, in FINE pixels per pixel."""
    height, width = size[0] * FINE, size[1] * FINE
    light = np.zeros((height, width), np.float32)
    for level in range(2, 9):
        cells = rng.standard_normal((2**level, 2**level), np.float32)
        light += 0.7**level * cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(120):
        x, y, radius = int(rng.integers(width)), int(rng.integers(height)), int(rng.integers(5, 40))
        patch = np.zeros_like(light)
        cv2.circle(patch, (x, y), radius, float(rng.normal(0, 0.4)), -1)
        light += patch
    light = 1.4 * (light - light.mean()) / light.std()
    tint = rng.normal(0, 0.3, (4, 5, 3)).astype(np.float32)
    return 0.2 * np.exp2(light[..., None] + cv2.resize(tint, (width, height)))


def shake(rng, size=SIZE, px=4.0):
    height, width = size
    middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1.0]])
    angle = rng.normal(0, 0.008)
    tilt = rng.normal(0, 1e-5, 2)
    turn = np.array(
        [
            [np.cos(angle), -np.sin(angle), rng.normal(0, px)],
            [np.sin(angle), np.cos(angle), rng.normal(0, px)],
            [*tilt, 1.0],
        ]
    )
    return middle @ turn @ np.linalg.inv(middle)


def seen(light, matrix, size=SIZE):
    """Look at the world through a frame that the matrix carries onto the reference."""
    half = (FINE - 1) / 2
    fine = np.array([[FINE, 0, half], [0, FINE, half], [0, 0, 1.0]])
    big = cv2.warpPerspective(
        light,
        fine @ matrix @ np.linalg.inv(fine),
        (size[1] * FINE, size[0] * FINE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    return cv2.resize(big, size[::-1], interpolation=cv2.INTER_AREA)


def exposed(light, ev, rng, dtype=np.uint8):
    value = light * 2.0**ev
    value = value + rng.standard_normal(value.shape) * np.sqrt(value / 4000 + 2e-6)
    value = np.clip(value, 0, 1) ** (1 / 2.2)
    if dtype == np.float32:
        return value.astype(np.float32)
    white = np.iinfo(dtype).max
    return np.rint(value * white).astype(dtype)


def bracket(rng, evs, *, shaken=True, subject=True, dtype=np.uint8, size=SIZE):
    """Give frames and true maps; frame 1 is the reference; a textured subject moves."""
    light = world(rng, size)
    maps = [shake(rng, size) if shaken and k != 1 else np.eye(3) for k in range(len(evs))]
    thing = cv2.GaussianBlur(rng.random((size[0] // 4, size[1] // 6, 3), np.float32), (0, 0), 1.5)
    frames = []
    for k, (matrix, ev) in enumerate(zip(maps, evs, strict=True)):
        view = seen(light, matrix, size)
        if subject:
            left, top = size[1] // 4 + k * size[1] // 8, size[0] // 3
            view[top : top + thing.shape[0], left : left + thing.shape[1]] = 0.5 * thing
        frames.append(exposed(view, ev, rng, dtype))
    return np.stack(frames), maps


def corner_error(found, true, size=SIZE):
    right, bottom = size[1] - 1, size[0] - 1
    corners = np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], float)
    away = map_points(found, corners) - map_points(true, corners)
    return float(np.sqrt((away**2).sum(axis=1).mean()))


def align(stack, meta=None, **settings):
    return AlignFrames(**settings)(Sample(stack[0], stack=stack, meta=meta or {}))


@pytest.mark.parametrize(
    ("evs", "dtype"),
    [
        ((-2.0, 0.0, 2.0), np.uint8),
        ((-2.0, 2.0, -2.0), np.uint8),
        ((-4.0, 0.0, -4.0), np.uint8),
        ((0.0, -1.0, 3.0), np.uint16),
        ((0.0, 0.0, 0.0), np.float32),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_shaken_frames_are_found_within_a_fraction_of_a_pixel(seed, evs, dtype):
    stack, maps = bracket(np.random.default_rng(seed), evs, dtype=dtype)
    records = align(stack, reference=1).meta["alignment"]
    for record, true in zip(records, maps, strict=True):
        assert corner_error(record.homography, true) < 0.2
    assert [record.method for record in records] == ["sift", "reference", "sift"]


def test_grey_frames_are_aligned_too(rng):
    stack, maps = bracket(rng, (-1.0, 0.0, 1.0))
    out = align(np.ascontiguousarray(stack[..., 1:2]), reference=1)
    assert out.stack.shape[3] == 1
    for record, true in zip(out.meta["alignment"], maps, strict=True):
        assert corner_error(record.homography, true) < 0.2


@pytest.mark.parametrize("evs", [(0.0, 0.0, 0.0), (-3.0, 0.0, 3.0)])
def test_a_static_bracket_stays_bit_for_bit_though_something_moves_in_it(rng, evs):
    stack, _ = bracket(rng, evs, shaken=False)
    out = align(stack)
    np.testing.assert_array_equal(out.stack, stack)
    assert {record.method for record in out.meta["alignment"]} == {"identity", "reference"}
    assert out.meta["crop"] == (0, 0, *SIZE)


def test_copies_of_one_frame_are_left_alone(rng):
    stack, _ = bracket(rng, (0.0, 0.0), shaken=False)
    twice = np.stack([stack[0], stack[0]])
    np.testing.assert_array_equal(align(twice).stack, twice)


def test_aligned_frames_show_the_reference(rng):
    stack, _ = bracket(rng, (0.0, 0.0, 0.0), subject=False)
    out = align(stack, reference=1)
    top, left, height, width = out.meta["crop"]
    own = stack[1, top : top + height, left : left + width].astype(float)
    np.testing.assert_array_equal(out.stack[1], own)
    np.testing.assert_array_equal(out.image, own)

    def difference(a, b):
        return np.sqrt(((a.astype(float) - b) ** 2).mean())

    for k in (0, 2):
        assert difference(out.stack[k], own) < 0.4 * difference(stack[k], stack[1])


def test_no_pixel_of_the_common_area_comes_from_beyond_the_border(rng):
    stack, _ = bracket(rng, (0.0, 0.0, 0.0), dtype=np.float32, subject=False)
    out = align(stack, reference=1)
    top, left, height, width = out.meta["crop"]
    for record in out.meta["alignment"]:
        inside = np.pad(np.ones((SIZE[0] - 2, SIZE[1] - 2), np.float32), 1)
        covered = cv2.warpPerspective(inside, record.homography, SIZE[::-1])
        assert covered[top : top + height, left : left + width].min() > 0.0
    assert height * width > 0.8 * SIZE[0] * SIZE[1]


def test_without_cropping_the_size_stays(rng):
    stack, _ = bracket(rng, (0.0, 0.0))
    out = align(stack, reference=1, crop=False)
    assert out.stack.shape == stack.shape
    np.testing.assert_array_equal(out.stack[1], stack[1])
    assert out.meta["crop"][2] < SIZE[0]


def test_what_lies_on_the_reference_is_cut_along(rng):
    stack, _ = bracket(rng, (0.0, 0.0))
    mask = np.arange(SIZE[0] * SIZE[1]).reshape(SIZE)
    points = np.array([[50.0, 60.0]], np.float32)
    sample = Sample(stack[1], stack=stack, mask=mask, keypoints=points)
    out = AlignFrames(reference=1)(sample)
    top, left, height, width = out.meta["crop"]
    np.testing.assert_array_equal(out.mask, mask[top : top + height, left : left + width])
    np.testing.assert_array_equal(out.keypoints, points - [left, top])


def test_neighbours_are_chained_where_the_ends_show_different_things():
    rng = np.random.default_rng(5)
    light = world(rng, (330, 1320))
    step = 150.0
    maps = [np.array([[1, 0, k * step + 0.3 * k], [0, 1, 0.7 * k], [0, 0, 1]]) for k in range(4)]
    stack = np.stack([exposed(seen(light, matrix), 0.0, rng) for matrix in maps])
    out = align(stack, reference=0, chain="neighbors", on_failure="drop", crop=False)
    kept = [record for record in out.meta["alignment"] if record.method != "dropped"]
    # Through the others the map of frame 3 is found as well, but it shows nothing of frame 0.
    assert [record.frame for record in kept] == [0, 1, 2]
    assert "share" in out.meta["alignment"][3].reason
    for record in kept:
        assert corner_error(record.homography, maps[record.frame]) < 0.5


def test_points_of_the_record_belong_to_each_other(rng):
    stack, maps = bracket(rng, (-2.0, 0.0))
    record = align(stack, reference=1).meta["alignment"][0]
    assert len(record.points_frame) == record.inliers > 50
    away = map_points(maps[0], record.points_frame) - record.points_reference
    assert np.median(np.hypot(*away.T)) < 1.0
    assert 0.0 < record.residual_px < 0.5


@pytest.fixture
def with_a_stranger(rng):
    stack, _ = bracket(rng, (0.0, 0.0, 0.0))
    other = exposed(seen(world(np.random.default_rng(99)), np.eye(3)), 0.0, rng)
    frames = tuple({"file_name": f"IMG_{k}.jpg"} for k in (7, 8, 9))
    return np.stack([stack[0], stack[1], other]), {"frames": frames}


def test_a_frame_of_something_else_is_an_error_that_names_it(with_a_stranger):
    stack, meta = with_a_stranger
    with pytest.raises(AlignmentError, match=r"frame 3 \(IMG_9\.jpg\)") as refusal:
        align(stack, meta)
    assert "--no-align" in refusal.value.hint
    assert "--drop-unaligned" in refusal.value.hint


def test_a_frame_of_something_else_can_be_dropped(with_a_stranger):
    stack, meta = with_a_stranger
    out = align(stack, meta, on_failure="drop", reference=1)
    assert len(out.stack) == 2
    assert [frame["file_name"] for frame in out.meta["frames"]] == ["IMG_7.jpg", "IMG_8.jpg"]
    assert [record.method for record in out.meta["alignment"]] == ["sift", "reference", "dropped"]
    assert out.meta["reference"] == 1
    assert out.meta["alignment"][2].reason


def test_a_frame_of_something_else_can_be_kept(with_a_stranger):
    stack, meta = with_a_stranger
    out = align(stack, meta, on_failure="keep", reference=1, crop=False)
    np.testing.assert_array_equal(out.stack[2], stack[2])
    assert out.meta["alignment"][2].method == "unaligned"


def test_dropping_everything_is_an_error(with_a_stranger):
    stack, _ = with_a_stranger
    with pytest.raises(AlignmentError, match="no frame"):
        align(stack[1:], on_failure="drop", reference=0)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_frame_cannot_be_aligned(rng, value):
    stack, _ = bracket(rng, (0.0, 0.0))
    blank = np.stack([stack[0], np.full_like(stack[0], value)])
    with pytest.raises(AlignmentError, match="frame 2"):
        align(blank, reference=0)


def test_smooth_frames_are_aligned_by_correlation():
    rng = np.random.default_rng(2)
    light = cv2.GaussianBlur(world(rng), (0, 0), 14 * FINE)
    light = np.clip(0.5 + 0.2 * (light - light.mean()) / light.std(), 0.02, 0.98)
    true = np.array([[1, 0, 3.4], [0, 1, -2.2], [0, 0, 1.0]])
    frames = [exposed(seen(light, matrix), 0.0, rng, np.float32) for matrix in (np.eye(3), true)]
    stack = np.stack(frames)
    out = align(stack, reference=0, model="translation", min_inliers=10_000)
    record = out.meta["alignment"][1]
    assert record.method == "ecc"
    assert corner_error(record.homography, true) < 0.3
    with pytest.raises(AlignmentError):
        align(stack, reference=0, min_inliers=10_000, ecc_fallback=False)


def test_the_reference_is_the_best_exposed_frame_of_a_bracket_else_the_middle_one(rng):
    stack, _ = bracket(rng, (-3.0, 0.0, 3.0), shaken=False)
    assert align(stack[[1, 0, 2]]).meta["reference"] == 0
    even, _ = bracket(rng, (0.0, 0.0, 0.0), shaken=False)
    assert align(even).meta["reference"] == 1
    assert align(even, {"reference": 2}).meta["reference"] == 2


def test_one_frame_is_aligned_with_itself(rng):
    stack, _ = bracket(rng, (0.0,), shaken=False)
    np.testing.assert_array_equal(align(stack).stack, stack)


def test_the_same_frames_give_the_same_result_and_stay_untouched(rng):
    stack, _ = bracket(rng, (-2.0, 0.0, 2.0))
    before = stack.copy()
    first, second = align(stack), align(stack)
    np.testing.assert_array_equal(first.stack, second.stack)
    np.testing.assert_array_equal(stack, before)


def area_by_trying(masks):
    """Every pair of rows, the widest run of shared columns: slow and plain."""
    shared = np.logical_and.reduce(masks)
    best = 0
    for top in range(len(shared)):
        columns = np.ones(shared.shape[1], bool)
        for bottom in range(top, len(shared)):
            columns &= shared[bottom]
            run = longest = 0
            for free in columns:
                run = run + 1 if free else 0
                longest = max(longest, run)
            best = max(best, longest * (bottom - top + 1))
    return best


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_common_area_is_the_largest_rectangle(seed):
    rng = np.random.default_rng(seed)
    size = (23, 31)
    maps = []
    masks = []
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    for _ in range(2):
        matrix = shake(rng, size, px=2.0)
        matrix[:2, :2] += rng.normal(0, 0.03, (2, 2))
        maps.append(matrix)
        source = map_points(np.linalg.inv(matrix), points)
        inside = (source >= 1 - 1e-7) & (source <= np.array([size[1], size[0]]) - 2 + 1e-7)
        masks.append(inside.all(axis=1).reshape(size))
    top, left, height, width = common_area(maps, size)
    assert np.logical_and.reduce(masks)[top : top + height, left : left + width].all()
    assert height * width == area_by_trying(masks)


def test_frames_that_share_nothing_have_no_common_area():
    away = np.array([[1, 0, 500.0], [0, 1, 0], [0, 0, 1]])
    assert common_area([away], (20, 30))[2] == 0


@pytest.mark.parametrize("name", ["building", "buildingRoad"])
def test_real_handheld_pairs_five_stops_apart_agree_better_afterwards(shared_data, name):
    folder = shared_data("brackets/pairs_handheld")
    stack = np.stack([cv2.imread(str(folder / f"{name}_{side}.jpg"))[..., ::-1] for side in "AB"])
    out = align(stack)

    def agreement(a, b):
        evened = [cv2.equalizeHist(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)) for f in (a, b)]
        return np.corrcoef(evened[0].ravel(), evened[1].ravel())[0, 1]

    assert agreement(*out.stack) > agreement(*stack) + 0.01
    moved = next(r for r in out.meta["alignment"] if r.method != "reference")
    assert 2.0 < corner_error(moved.homography, np.eye(3), stack.shape[1:3]) < 6.0


def test_refusals_say_what_came(rng):
    stack, _ = bracket(rng, (0.0, 0.0), shaken=False)
    with pytest.raises(RangeError, match="reference 5 is not one of 2"):
        align(stack, reference=5)
    with pytest.raises(FieldError, match="reads 'stack'"):
        AlignFrames()(Sample(stack[0]))
    with pytest.raises(ShapeError, match="got 5"):
        align(np.zeros((2, 8, 8, 5), np.uint8))
    broken = stack.astype(np.float32) / 255
    broken[1, 4, 4] = np.nan
    with pytest.raises(RangeError, match="frame 2.*NaN"):
        align(broken)


@pytest.mark.parametrize("shift_px", [0.3, 0.6])
def test_a_shift_of_a_part_of_a_pixel_is_found_and_undone(shift_px):
    grain = np.random.default_rng(5).random((300, 400)).astype(np.float32)
    scene = cv2.GaussianBlur(grain, (0, 0), 2.0)
    scene = ((scene - scene.min()) / np.ptp(scene))[..., None]
    # A shift by the phase of the spectrum is exact, whatever its size.
    phase = np.exp(2j * np.pi * np.fft.fftfreq(400) * shift_px)
    moved = np.fft.ifft(np.fft.fft(scene[..., 0], axis=1) * phase, axis=1).real
    pair = np.clip(np.stack([scene, moved[..., None].astype(np.float32)]), 0, 1)
    out = AlignFrames(reference=0)(Sample(pair[0], stack=pair))
    found = out.meta["alignment"][1].homography
    np.testing.assert_allclose(found[:2, 2], [shift_px, 0.0], atol=0.08)
