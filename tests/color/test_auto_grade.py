"""Learned grading without torch: the same answers, frames without flicker, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import sfumato as sf
from sfumato.color._grade_model import grade_model
from sfumato.color.auto_grade import AutoGrade
from sfumato.color.grade_frames import GradeFrames, smoothed_weights
from sfumato.color.misrender import Misrender
from sfumato.errors import FieldError, FileError, MissingExtraError, RangeError, ShapeError

SETTINGS = [
    {"tables": 3, "size": 9},
    {"tables": 2, "size": 5, "training": "unpaired"},
    {"tables": 1, "size": 5, "adaptive": False},
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of methods with random tables, and the methods."""
    torch = pytest.importorskip("torch")
    from sfumato.color.adaptive_lut import AdaptiveLUT

    made = []
    for k, settings in enumerate(SETTINGS):
        torch.manual_seed(k)
        method = AdaptiveLUT(**settings).eval()
        with torch.no_grad():
            method.basis.add_(0.1 * torch.randn(method.basis.shape))
        folder = tmp_path_factory.mktemp("weights") / "lut"
        method.save(folder)
        made.append((folder, method))
    return made


@pytest.mark.parametrize("shape", [(61, 83), (256, 256), (300, 1), (1, 7), (700, 515)])
@pytest.mark.parametrize("k", range(3))
def test_numpy_answers_as_torch_does(saved, rng, k, shape):
    import torch

    from sfumato.core.batch import Batch

    folder, method = saved[k]
    image = rng.integers(0, 256, (*shape, 3), np.uint8)
    model = grade_model(str(folder))
    with torch.inference_mode():
        wanted = method.weights(Batch.of([sf.Sample(image)]).image)[0].numpy()
    np.testing.assert_allclose(model.weights(image), wanted, rtol=1e-4, atol=1e-5)
    mine, theirs = model.table(model.weights(image)), method.predict_lut(image)
    np.testing.assert_allclose(mine.values, theirs.values, atol=5e-4)


@pytest.mark.parametrize(("ending", "name"), [("", "weights"), ("_unpaired", "weights_unpaired")])
def test_numpy_meets_the_published_weights(shared_data, tmp_path, ending, name):
    pytest.importorskip("torch")
    from sfumato.color.published_lut import published_adaptive_lut

    folder = shared_data("lut/weights/sRGB")
    published_adaptive_lut(
        folder / f"LUTs{ending}.safetensors", folder / f"classifier{ending}.safetensors"
    ).save(tmp_path / "lut")
    image = sf.read(shared_data("retouch/inputs/a1629.jpg")).image
    with np.load(shared_data("lut/reference.npz"), allow_pickle=False) as stored:
        wanted = stored[name]
    found = grade_model(str(tmp_path / "lut")).weights(image)
    np.testing.assert_allclose(found, wanted, rtol=2e-5)


def test_an_image_is_graded_as_the_method_grades_it(saved, rng):
    folder = saved[0][0]
    image = rng.integers(0, 256, (40, 50, 3), np.uint8)
    wanted = sf.core.Apply(weights=str(folder))(image).astype(int)
    assert np.abs(AutoGrade(weights=str(folder))(image) - wanted).max() <= 1


def test_half_precision_weights_change_nothing_that_is_seen(saved, tmp_path, rng):
    folder, method = saved[0]
    method.save(tmp_path / "half", dtype="float16")
    image = rng.integers(0, 256, (40, 50, 3), np.uint8)
    full, half = (AutoGrade(weights=str(f))(image) for f in (folder, tmp_path / "half"))
    assert np.abs(full.astype(int) - half).max() <= 2


def test_the_embedded_model_repairs_a_wrong_rendering():
    room = sf.data.DuskRoom(size=(120, 160))
    good = sf.data.Camera().bracket(room, (0.0, 1.0)).sample.stack[1]
    psnr = sf.measure.PSNR()
    before, after = [], []
    for seed in range(8):
        wrong = Misrender(exposure_ev_range=(-2.0, -1.0))(good, seed)
        before.append(psnr(wrong, good))
        after.append(psnr(AutoGrade()(wrong), good))
    assert np.mean(after) > np.mean(before) + 2.0


def test_photographs_that_were_kept_apart_are_repaired(shared_data):
    files = sorted(shared_data("restore/kodak24").iterdir())[-4:]
    before, after = [], []
    for k, file in enumerate(files):
        good = sf.read(file).image
        wrong = Misrender(exposure_ev_range=(-2.0, -1.0))(good, 100 + k)
        before.append(sf.measure.DeltaE2000()(wrong[::4, ::4], good[::4, ::4]))
        after.append(sf.measure.DeltaE2000()(AutoGrade()(wrong)[::4, ::4], good[::4, ::4]))
    assert np.mean(after) < 0.75 * np.mean(before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_depth_gets_the_same_grade(picture, dtype):
    image = picture.astype(np.float32) / 255
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    given = image if dtype == np.float32 else np.rint(image * white).astype(dtype)
    exact = np.clip(AutoGrade()(image), 0, 1)
    gap = np.abs(np.clip(AutoGrade()(given) / white, 0, 1) - exact)
    assert gap.max() <= 0.5 / 255 + 1e-4


def test_strength_alpha_and_grey(picture):
    assert np.array_equal(AutoGrade(strength=0.0)(picture), picture)
    full, half = (AutoGrade(strength=s)(picture).astype(int) for s in (1.0, 0.5))
    # Mixed before what passes white is clipped.
    exact = AutoGrade().table_for(picture)(
        picture.astype(np.float32) / 255, interpolation="trilinear"
    )
    wanted = np.clip((255 * exact + picture) / 2, 0, 255)
    assert np.abs(half - wanted).max() <= 1.0
    alpha = np.dstack([picture, np.full(picture.shape[:2], 77, np.uint8)])
    np.testing.assert_array_equal(AutoGrade()(alpha)[..., :3], full)
    assert AutoGrade()(picture[..., :1]).shape == (61, 83, 1)


def test_frames_of_a_wavering_camera_flicker_less_when_smoothed(picture):
    rng = np.random.default_rng(3)
    base = picture.astype(np.float32) / 255
    frames = np.stack([base * np.float32(0.6 + 0.03 * rng.standard_normal()) for _ in range(24)])

    def flicker(smoothing):
        weights = np.stack([grade_model("auto-enhance").weights(f) for f in frames])
        return np.abs(np.diff(smoothed_weights(weights, smoothing), axis=0)).mean()

    assert flicker(6.0) < 0.25 * flicker(0.0)
    alike = GradeFrames(smoothing_frames=1e6)(frames)
    one = grade_model("auto-enhance")
    table = one.table(np.mean([one.weights(f) for f in frames], axis=0))
    np.testing.assert_allclose(alike[5], table(frames[5], interpolation="trilinear"), atol=1e-4)


def test_frames_that_are_not_smoothed_are_graded_one_by_one(picture):
    frames = np.stack([picture, picture[::-1], picture // 2])
    single = [AutoGrade()(np.ascontiguousarray(f)) for f in frames]
    np.testing.assert_array_equal(GradeFrames(smoothing_frames=0.0)(frames), single)
    sample = sf.Sample(frames[2], stack=frames)
    np.testing.assert_array_equal(GradeFrames(smoothing_frames=0.0)(sample).image, single[2])


def test_smoothing_keeps_what_does_not_change_and_lags_nowhere():
    still = np.full((9, 3), 0.7, np.float32)
    np.testing.assert_allclose(smoothed_weights(still, 3.0), still, rtol=1e-6)
    pulse = np.zeros((9, 1), np.float32)
    pulse[4] = 1.0
    smooth = smoothed_weights(pulse, 1.5)[:, 0]
    assert smooth.argmax() == 4


def test_values_that_are_no_display_values_are_refused(picture):
    light = sf.Sample(picture.astype(np.float32) / 255, space="linear")
    with pytest.raises(FieldError, match="display values"):
        AutoGrade()(light)
    with pytest.raises(ShapeError, match="got 2"):
        AutoGrade()(picture[..., :2])
    with pytest.raises(RangeError, match="strength"):
        AutoGrade(strength=-0.1)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("auto-enhanse", FileError, "did you mean 'auto-enhance'"),
        ("/no/such/folder", FileError, "there are no weights"),
        ("hub:owner/name", MissingExtraError, "reads folders"),
    ],
)
def test_weights_that_are_not_there_are_refused(weights, error, message):
    with pytest.raises(error, match=message):
        AutoGrade(weights=weights)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("config.yaml", lambda b: b.replace(b"AdaptiveLUT", b"LutPredictor"), "describes"),
        ("config.yaml", lambda b: b.replace(b"tables: 3", b"tables: 4"), "another shape"),
        ("config.yaml", lambda b: b"- [", "config.yaml"),
        ("weights.safetensors", lambda b: b[:-100], "cannot be read as weights"),
        ("weights.safetensors", lambda b: b"", "cannot be read as weights"),
        ("weights.safetensors", lambda b: b"\xff" * 64, "cannot be read as weights"),
    ],
)
def test_damaged_weights_are_refused(saved, tmp_path, name, change, message):
    for file in saved[0][0].iterdir():
        data = file.read_bytes()
        (tmp_path / file.name).write_bytes(change(data) if file.name == name else data)
    with pytest.raises(FileError, match=message):
        AutoGrade(weights=str(tmp_path))


def test_grading_loads_no_torch(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys, numpy as np, sfumato as sf\n"
        "sf.color.AutoGrade()(np.full((9, 9, 3), 50, np.uint8))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
