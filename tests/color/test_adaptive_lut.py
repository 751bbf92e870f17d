"""Image-adaptive 3D LUTs: the published form, the published answers, and learning."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from PIL import Image  # noqa: E402

from sfumato.color.adaptive_lut import AdaptiveLUT  # noqa: E402
from sfumato.color.color_table import ColorTable, lattice  # noqa: E402
from sfumato.color.lut_predictor import LutPredictor  # noqa: E402
from sfumato.color.published_lut import published_adaptive_lut  # noqa: E402
from sfumato.color.torch_tables import (  # noqa: E402
    apply_tables,
    table_monotony,
    table_roughness,
)
from sfumato.core.batch import Batch  # noqa: E402
from sfumato.core.network import load  # noqa: E402
from sfumato.core.sample import Sample  # noqa: E402
from sfumato.errors import FileError, RangeError, ShapeError, SpecError  # noqa: E402
from sfumato.testing import check_method  # noqa: E402


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tables_of(count, side, seed=0):
    identity = torch.from_numpy(lattice(side).transpose(3, 0, 1, 2).copy())
    return identity + 0.1 * torch.randn(count, 3, side, side, side, generator=seeded(seed))


# ------------------------------------------------------------------ the published form


def test_the_published_numbers_of_parameters():
    paired, unpaired = AdaptiveLUT(), AdaptiveLUT(training="unpaired")
    assert paired.predictor.parameter_count == 270_083
    assert unpaired.predictor.parameter_count == 269_635
    assert paired.basis[0].numel() == 107_811
    assert paired.parameter_count == 593_516
    assert unpaired.parameter_count - unpaired.critic.parameter_count == 593_068
    assert LutPredictor(tables=5).parameter_count == 270_083 + 2 * (128 * 64 + 1)


@pytest.fixture(scope="module")
def published(shared_data):
    folder = shared_data("lut/weights/sRGB")
    return {
        name: published_adaptive_lut(
            folder / f"LUTs{ending}.safetensors", folder / f"classifier{ending}.safetensors"
        )
        for name, ending in (("paired", ""), ("unpaired", "_unpaired"))
    }


@pytest.fixture(scope="module")
def reference(shared_data):
    with np.load(shared_data("lut/reference.npz"), allow_pickle=False) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def demo_picture(shared_data):
    with Image.open(shared_data("retouch/inputs/a1629.jpg")) as opened:
        return np.asarray(opened.convert("RGB"))


def test_published_weights_are_all_used(published, shared_data):
    shapes = json.loads(shared_data("lut/weights/tensors.json").read_text())
    for name, ending in (("paired", ""), ("unpaired", "_unpaired")):
        listed = shapes[f"lut/weights/sRGB/classifier{ending}.safetensors"]
        mine = published[name].predictor.state_dict()
        assert {k: tuple(v) for k, v in listed.items()} == {
            k: tuple(v.shape) for k, v in mine.items()
        }


def test_the_published_answers_are_met(published, reference, demo_picture):
    batch = Batch.of([Sample(demo_picture)])
    y, x = reference["crop_y0x0"]
    crop = Sample(demo_picture[y : y + 64, x : x + 64])
    np.testing.assert_array_equal(crop.image, reference["input_crop_u8"])
    small = Batch.of([crop]).image
    method = published["paired"]
    with torch.inference_mode():
        weights = method.weights(batch.image)
        fused = method.mixed(weights)
        out = method.graded(small, weights)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(weights[0], reference["weights"], rtol=2e-5)
    np.testing.assert_allclose(fused[0], reference["fused_lut"], atol=5e-6)
    sums = fused[0].double().sum((1, 2, 3)), (fused[0].double() ** 2).sum((1, 2, 3))
    np.testing.assert_allclose(sums[0], reference["fused_lut_sum"], rtol=2e-5)
    np.testing.assert_allclose(sums[1], reference["fused_lut_sumsq"], rtol=2e-5)
    exact = apply_tables(torch.from_numpy(reference["fused_lut"]), small)[0].permute(1, 2, 0)
    for name in ("output_crop_f32_c", "output_crop_f32_gs"):
        assert np.abs(exact.numpy() - reference[name]).max() < 2e-6
        assert np.abs(out - reference[name]).max() < 1e-5  # with our own weights
    eight_bits = np.clip(255 * out + 0.5, 0, 255).astype(np.uint8).astype(int)
    gap = np.abs(eight_bits - reference["output_crop_u8"])
    assert gap.max() <= 1
    assert (gap > 0).mean() < 5e-4


def test_the_published_answers_are_met_without_pairs(published, reference, demo_picture):
    method = published["unpaired"]
    y, x = reference["crop_y0x0"]
    with torch.inference_mode():
        weights = method.weights(Batch.of([Sample(demo_picture)]).image)
    np.testing.assert_allclose(weights[0], reference["weights_unpaired"], rtol=2e-5)
    table = method.predict_lut(demo_picture)
    out = table(demo_picture[y : y + 64, x : x + 64], interpolation="trilinear").astype(int)
    gap = np.abs(out - reference["output_crop_u8_unpaired"])
    assert gap.max() <= 1
    assert (gap > 0).mean() < 5e-4


def test_the_table_of_a_picture_gives_the_published_picture(published, reference, demo_picture):
    table = published["paired"].predict_lut(demo_picture)
    out = table(demo_picture, interpolation="trilinear")
    np.testing.assert_allclose(out.mean((0, 1)), reference["output_full_mean_u8"], atol=2e-3)
    # The published program takes the table for a millionth larger than it is.
    exact = ColorTable(reference["fused_lut"].transpose(1, 2, 3, 0), domain_max=(1.000001,) * 3)
    probes = reference["probe_rgb"].transpose(1, 2, 0).copy()
    wanted = reference["probe_out_c"].transpose(1, 2, 0)
    assert np.abs(exact(probes, interpolation="trilinear") - wanted).max() < 2e-6


def test_published_pth_files_are_read_without_running_them(published, tmp_path):
    method = published["paired"]
    tables = {str(k): {"LUT": method.basis[k].detach().clone()} for k in range(3)}
    torch.save(tables, tmp_path / "LUTs.pth")
    torch.save(method.predictor.state_dict(), tmp_path / "classifier.pth")
    again = published_adaptive_lut(tmp_path / "LUTs.pth", tmp_path / "classifier.pth")
    for mine, theirs in zip(again.parameters(), method.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    torch.save({"0": {"LUT": print}}, tmp_path / "evil.pth")
    with pytest.raises(FileError, match="cannot be read as weights"):
        published_adaptive_lut(tmp_path / "evil.pth", tmp_path / "classifier.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, p: t.pop("1"), "expected tables named"),
        (lambda t, p: t.update({"x": {"LUT": t["0"]["LUT"]}}), "expected tables named"),
        (lambda t, p: t["0"].update(LUT=torch.zeros(3, 5, 5, 4)), "expected tables"),
        (lambda t, p: t["0"]["LUT"].fill_(torch.nan), "NaN"),
        (lambda t, p: p.pop("model.1.bias"), "lacks"),
        (lambda t, p: p.update({"model.99.weight": torch.zeros(1)}), "no place for"),
        (lambda t, p: p.update({"model.1.bias": torch.zeros(7)}), "other shapes"),
    ],
)
def test_entries_that_do_not_fit_are_refused(tmp_path, change, message):
    method = AdaptiveLUT(size=5)
    tables = {str(k): {"LUT": method.basis[k].detach().clone()} for k in range(3)}
    predictor = dict(method.predictor.state_dict())
    change(tables, predictor)
    torch.save(tables, tmp_path / "a.pth")
    torch.save(predictor, tmp_path / "b.pth")
    with pytest.raises(FileError, match=message):
        published_adaptive_lut(tmp_path / "a.pth", tmp_path / "b.pth")


# ------------------------------------------------------------------------------ tables


def test_tensors_and_arrays_are_interpolated_alike():
    tables, images = tables_of(2, 9), torch.rand(2, 3, 11, 13, generator=seeded()) * 1.4 - 0.2
    out = apply_tables(tables, images)
    for table, image, result in zip(tables, images, out, strict=True):
        mine = ColorTable(table.permute(1, 2, 3, 0).numpy())
        wanted = mine(image.permute(1, 2, 0).contiguous().numpy(), interpolation="trilinear")
        np.testing.assert_allclose(result.permute(1, 2, 0), wanted, atol=2e-6)


def test_gradients_of_tables_and_pictures_are_those_of_finite_differences():
    tables = tables_of(1, 3).double().requires_grad_()
    images = 0.1 + 0.3 * torch.rand(1, 3, 2, 2, generator=seeded(), dtype=torch.float64)
    images.requires_grad_()

    def work(t, x):
        places = x.clamp(0, 1) * 2 - 1
        return torch.nn.functional.grid_sample(
            t, places.permute(0, 2, 3, 1)[:, None], padding_mode="border", align_corners=True
        )[:, :, 0]

    assert torch.autograd.gradcheck(work, (tables, images))
    single = apply_tables(tables.float(), images.float())
    np.testing.assert_allclose(single.detach(), work(tables, images).detach(), atol=1e-6)
    (g_table, g_image) = torch.autograd.grad(single.sum(), (tables, images))
    (w_table, w_image) = torch.autograd.grad(work(tables, images).sum(), (tables, images))
    np.testing.assert_allclose(g_table, w_table, atol=1e-5)
    np.testing.assert_allclose(g_image, w_image, atol=1e-4)


def test_the_terms_of_tables_are_those_published():
    table = tables_of(1, 4, seed=3)[0].double().numpy()
    rough, falls = 0.0, 0.0
    for axis in (1, 2, 3):
        step = np.moveaxis(np.diff(table, axis=axis), axis, 0)
        weight = np.array([2.0, 1.0, 2.0]).reshape(3, 1, 1, 1)
        rough += (weight * step**2).mean()
        falls += np.maximum(-step, 0).mean()
    tensor = torch.from_numpy(table)
    assert table_roughness(tensor).item() == pytest.approx(rough)
    assert table_monotony(tensor).item() == pytest.approx(falls)
    assert table_monotony(AdaptiveLUT(size=9).basis).abs().max() < 1e-7


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3, 4, 4, 5), (2, 4, 4, 4, 4), (3, 3, 4, 4, 4)])
def test_tables_that_do_not_fit_are_refused(shape):
    with pytest.raises(ShapeError, match="expected tables"):
        apply_tables(torch.zeros(shape), torch.zeros(2, 3, 5, 5))


# ---------------------------------------------------------------------------- learning


def pairs(seed=0, count=4, size=24):
    images = torch.rand(count, 3, size, size, generator=seeded(seed))
    shift = images.mean((1, 2, 3), keepdim=True)
    return Batch(images, target=(images**0.8 * (1.1 - 0.2 * shift)).clamp(0, 1))


@pytest.mark.parametrize(
    ("settings", "lr", "share"),
    [
        ({}, 1e-4, 0.7),
        ({"tables": 5}, 1e-4, 0.7),
        ({"tables": 1, "adaptive": False, "monotone": 0.0}, 5e-3, 0.8),
    ],
)
def test_a_few_steps_lower_the_error(settings, lr, share):
    torch.manual_seed(0)
    method, batch = AdaptiveLUT(size=9, **settings).train(), pairs()
    optimizer = torch.optim.Adam(method.parts()["main"], lr=lr)
    errors = []
    for _ in range(15):
        optimizer.zero_grad()
        terms = method.loss(batch, "main", seeded())  # the same features are dropped
        errors.append(terms["mse"].item())
        sum(terms.values()).backward()
        optimizer.step()
    assert errors[-1] < share * errors[0]


def test_without_pairs_two_parts_learn_apart():
    torch.manual_seed(0)
    method = AdaptiveLUT(size=5, training="unpaired")
    batch = pairs(size=20)
    assert list(method.parts()) == ["critic", "main"]
    terms = method.loss(batch, "critic", seeded())
    assert set(terms) == {"fake", "real", "penalty"}
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in method.critic.parameters())
    assert method.basis.grad is None
    method.zero_grad(set_to_none=True)
    terms = method.loss(batch, "main", seeded())
    assert set(terms) == {"fool", "near", "smooth", "monotone"}
    sum(terms.values()).backward()
    assert method.basis.grad is not None
    assert all(p.grad is not None for p in method.predictor.parameters())


def test_the_gradient_penalty_pulls_slopes_to_one():
    torch.manual_seed(0)
    method, batch = AdaptiveLUT(size=5, training="unpaired", penalty=1.0), pairs(size=16)
    optimizer = torch.optim.Adam(method.critic.parameters(), lr=1e-3)
    values = []
    for k in range(15):
        optimizer.zero_grad()
        terms = method.loss(batch, "critic", seeded(k))
        values.append(float(terms["penalty"].detach()))
        sum(terms.values()).backward()
        optimizer.step()
    assert min(values[8:]) < 0.5 * max(values[:4])


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 5, "training": "unpaired"},
        # The identity lies in a kink of the monotony: every first step away from it costs.
        {"size": 5, "tables": 1, "adaptive": False, "monotone": 0.0},
    ],
)
def test_every_way_of_learning_keeps_the_promises_of_methods(settings):
    # Resumed in the middle of a training among them, bit for bit; pairs are in tests/contracts.
    check_method(lambda: AdaptiveLUT(**settings), steps=4)


def test_the_same_dice_give_the_same_loss():
    method, batch = AdaptiveLUT(size=5).train(), pairs()
    one, two, three = (method.loss(batch, "main", seeded(k))["mse"] for k in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (33, 5)])
def test_any_size_and_any_number_of_pictures(size):
    method = AdaptiveLUT(size=9).eval()
    images = torch.rand(3, 3, *size, generator=seeded())
    with torch.inference_mode():
        together = method.predict(Batch(images)).image
        alone = [method.predict(Batch(image[None])).image for image in images]
    assert together.shape == images.shape
    assert 0.0 <= together.min() <= together.max() <= 1.0
    np.testing.assert_allclose(together, torch.cat(alone), atol=1e-5)


def test_it_is_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    method = AdaptiveLUT(size=5, tables=2, training="unpaired").eval()
    method.save(tmp_path / "lut", card="A test.")
    again, batch = load(tmp_path / "lut"), pairs()
    with torch.inference_mode():
        assert torch.equal(method.predict(batch).image, again.predict(batch).image)
    assert again.config == method.config


def test_what_makes_no_sense_is_refused():
    with pytest.raises(RangeError, match="never weighed"):
        AdaptiveLUT(adaptive=False)
    with pytest.raises(SpecError, match="did you mean 'tables'"):
        AdaptiveLUT(table=2)
    with pytest.raises(RangeError, match="size"):
        AdaptiveLUT(size=1)
    with pytest.raises(ShapeError, match=r"\(n, 3, h, w\)"):
        AdaptiveLUT(size=3).predict(Batch(torch.zeros(1, 1, 8, 8)))
