from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import FileError, RangeError, ShapeError
from sfumato.measure import LPIPS

torch = pytest.importorskip("torch", reason="learned metrics need torch")
from safetensors.torch import save_file  # noqa: E402
from torch.nn import functional  # noqa: E402

torch.set_num_threads(1)

NETS = ("alex", "vgg", "squeeze")
LEAST = {"alex": 31, "vgg": 16, "squeeze": 17}
TRUNK_NAME = {"alex": "alexnet-owt-7be5be79", "vgg": "vgg16-397923af"} | {
    "squeeze": "squeezenet1_1-b8a52dc0"
}
# Filters of the published checkpoints: place in `features`, (out, in, side), stride, padding.
ALEX = {0: (64, 3, 11, 4, 2), 3: (192, 64, 5, 1, 2), 6: (384, 192, 3, 1, 1)} | {
    8: (256, 384, 3, 1, 1),
    10: (256, 256, 3, 1, 1),
}
VGG = dict(
    zip(
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
        (64, 64, 128, 128, 256, 256, 256, *[512] * 6),
        strict=True,
    )
)
FIRES = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128)} | {
    9: (256, 48, 192),
    10: (384, 48, 192),
    11: (384, 64, 256),
    12: (512, 64, 256),
}
CHANNELS = {
    "alex": (64, 192, 384, 256, 256),
    "vgg": (64, 128, 256, 512, 512),
    "squeeze": (64, 128, 256, 384, 384, 512, 512),
}


def filters(net):
    """Name and shape of every filter of the published trunk."""
    if net == "alex":
        return {
            f"features.{k}": (out, into, side, side) for k, (out, into, side, *_) in ALEX.items()
        }
    if net == "vgg":
        widths = [3, *VGG.values()]
        return {f"features.{k}": (out, widths[i], 3, 3) for i, (k, out) in enumerate(VGG.items())}
    shapes = {"features.0": (64, 3, 3, 3)}
    for k, (into, narrow, wide) in FIRES.items():
        shapes[f"features.{k}.squeeze"] = (narrow, into, 1, 1)
        shapes[f"features.{k}.expand1x1"] = (wide, narrow, 1, 1)
        shapes[f"features.{k}.expand3x3"] = (wide, narrow, 3, 3)
    return shapes


def random_trunk(net, seed=0):
    dice = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in filters(net).items():
        fan = shape[1] * shape[2] * shape[3]
        state[f"{name}.weight"] = torch.randn(shape, generator=dice) * (2 / fan) ** 0.5
        state[f"{name}.bias"] = torch.randn(shape[0], generator=dice) * 0.1
    return state


def random_heads(net, seed=1):
    dice = torch.Generator().manual_seed(seed)
    return {
        f"lin{k}.model.1.weight": torch.rand((1, c, 1, 1), generator=dice)
        for k, c in enumerate(CHANNELS[net])
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The published files by their names, with random content and a classifier to leave out."""
    path = tmp_path_factory.mktemp("lpips")
    for net in NETS:
        classifier = {"classifier.1.weight": torch.zeros(4, 4), "classifier.1.bias": torch.zeros(4)}
        torch.save(random_trunk(net) | classifier, path / f"{TRUNK_NAME[net]}.pth")
        save_file(random_heads(net), path / f"{net}.safetensors")
    return path


def features(net, state, x):
    """The tapped activations, layer by layer, in double precision."""

    def filtered(name, x, **how):
        return functional.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], **how).relu()

    taps = []
    if net == "alex":
        for k, (_, _, _, stride, padding) in ALEX.items():
            x = functional.max_pool2d(x, 3, 2) if k in (3, 6) else x
            x = filtered(f"features.{k}", x, stride=stride, padding=padding)
            taps.append(x)
    elif net == "vgg":
        for k in VGG:
            x = functional.max_pool2d(x, 2) if k in (5, 10, 17, 24) else x
            x = filtered(f"features.{k}", x, padding=1)
            taps += [x] if k in (2, 7, 14, 21, 28) else []
    else:
        x = filtered("features.0", x, stride=2)
        taps.append(x)
        for k in FIRES:
            x = functional.max_pool2d(x, 3, 2, ceil_mode=True) if k in (3, 6, 9) else x
            x = filtered(f"features.{k}.squeeze", x)
            wide = [filtered(f"features.{k}.expand{s}x{s}", x, padding=s // 2) for s in (1, 3)]
            x = torch.cat(wide, 1)
            taps += [x] if k in (4, 7, 9, 10, 11, 12) else []
    return taps


def transcribed(net, a, b):
    """LPIPS 0.1 from its definition; returns the score and the map."""
    trunk = {k: v.double() for k, v in random_trunk(net).items()}
    heads = [v.double() for v in random_heads(net).values()]
    white = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}[str(a.dtype)]
    shift = torch.tensor([-0.030, -0.088, -0.188], dtype=torch.float64).reshape(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450], dtype=torch.float64).reshape(1, 3, 1, 1)
    stacks = []
    for picture in (a, b):
        x = torch.from_numpy(picture / white).double().permute(2, 0, 1)[None]
        taps = features(net, trunk, (2 * x - 1 - shift) / scale)
        stacks.append([y / ((y**2).sum(1, keepdim=True).sqrt() + 1e-10) for y in taps])
    layers = [
        ((ya - yb) ** 2 * w).sum(1, keepdim=True) for ya, yb, w in zip(*stacks, heads, strict=True)
    ]
    size = a.shape[:2]
    maps = [functional.interpolate(y, size=size, mode="bilinear") for y in layers]
    return sum(float(y.mean()) for y in layers), sum(maps)[0, 0].numpy()


def pair(size, dtype="uint8", seed=5):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    clean = np.stack([0.5 + 0.4 * np.sin(x / (3 + c)) * np.cos(y / 6) for c in range(3)], -1)
    noisy = np.clip(clean + rng.normal(0, 0.1, clean.shape), 0, 1)
    white = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    return tuple(
        (p * white if dtype == "float32" else np.rint(p * white)).astype(dtype)
        for p in (noisy, clean)
    )


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_score_and_map_agree_with_a_transcription_in_double_precision(folder, net, dtype):
    a, b = pair((45, 52), dtype)
    metric = LPIPS(weights=folder, net=net)
    score, plane = transcribed(net, a, b)
    assert score > 0.05
    assert metric(a, b) == pytest.approx(score, rel=1e-5)
    np.testing.assert_allclose(metric.map(a, b)[..., 0], plane, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("net", "parameters"), [("alex", 2_469_696), ("vgg", 14_714_688), ("squeeze", 722_496)]
)
def test_the_trunks_are_as_large_as_the_published_ones(net, parameters):
    trunk = LPIPS(weights="random", net=net)._network.trunk
    assert sum(weight.numel() for weight in trunk.parameters()) == parameters


@pytest.mark.parametrize("net", NETS)
def test_the_smallest_picture_is_scored_and_a_smaller_one_refused(net):
    metric, least = LPIPS(weights="random", net=net), LEAST[net]
    a, b = pair((least, least + 9))
    assert 0 < metric(a, b) < np.inf
    with pytest.raises(ShapeError, match=rf"needs {least}[\s\S]*raster.Resize"):
        metric(a[1:], b[1:])
    with pytest.raises(RuntimeError):
        list(metric._network.trunk(torch.zeros(1, 3, least - 1, least + 9)))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), height=st.integers(31, 50), dtype=st.sampled_from(["u1", "u2"])
)
def test_it_is_symmetric_never_negative_and_leaves_the_pictures_alone(seed, height, dtype):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 255, (height, 40, 3)).astype(dtype) for _ in range(2))
    kept = a.copy(), b.copy()
    metric = LPIPS(weights="random")
    there, back = metric(a, b), metric(b, a)
    assert there >= 0
    assert there == pytest.approx(back, rel=1e-5)
    assert metric(a, a) == 0
    assert metric.map(a, b).min() >= 0
    np.testing.assert_array_equal(a, kept[0])
    np.testing.assert_array_equal(b, kept[1])


def test_a_gray_picture_is_one_with_three_equal_channels():
    a, b = (image[..., :1] for image in pair((40, 44)))
    metric = LPIPS(weights="random")
    assert metric(a, b) == metric(np.repeat(a, 3, -1), np.repeat(b, 3, -1))
    assert metric(a[..., 0], b[..., 0]) == metric(a, b)


def test_scoring_leaves_the_dice_of_torch_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    a, b = pair((40, 40))
    LPIPS(weights="random")(a, b)
    torch.testing.assert_close(torch.rand(4), expected, rtol=0, atol=0)


def test_trunk_and_heads_load_from_files_of_their_own(folder, tmp_path):
    a, b = pair((40, 40))
    save_file(random_trunk("alex"), tmp_path / "mine.safetensors")
    torch.save(random_heads("alex"), tmp_path / "heads.pth")
    split = LPIPS(weights=tmp_path / "mine.safetensors", heads=str(tmp_path / "heads.pth"))
    assert split(a, b) == LPIPS(weights=folder)(a, b)


def test_it_can_be_written_down_with_a_path(folder):
    metric = LPIPS(weights=str(folder), net="squeeze")
    assert from_yaml(to_yaml(metric)) == metric


def test_a_hub_name_is_looked_up_in_the_cache_of_the_hub(folder, tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    home = tmp_path / "models--someone--lpips"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(commit)
    (home / "snapshots" / commit).mkdir(parents=True)
    save_file(random_trunk("alex"), home / "snapshots" / commit / "alexnet.safetensors")
    save_file(random_heads("alex"), home / "snapshots" / commit / "alex.safetensors")
    a, b = pair((40, 40))
    expected = LPIPS(weights=folder)(a, b)
    assert LPIPS(weights="hub:someone/lpips")(a, b) == expected
    name = "hub:someone/lpips/alexnet.safetensors"
    assert LPIPS(weights=name, heads=folder)(a, b) == expected
    with pytest.raises(FileError, match=r"cannot be fetched[\s\S]*give its path"):
        LPIPS(weights="hub:nobody/nothing")(a, b)
    with pytest.raises(FileError, match="no hub name"):
        LPIPS(weights="hub:nobody")(a, b)


def refusal(**settings):
    a, b = pair((40, 40))
    with pytest.raises(FileError) as caught:
        LPIPS(**settings)(a, b)
    return str(caught.value)


def test_missing_or_doubtful_files_are_refused_with_what_was_found(folder, tmp_path):
    assert "no weights at" in refusal(weights=tmp_path / "nowhere")
    assert "the folder has: nothing" in refusal(weights=tmp_path)
    save_file(random_trunk("alex"), tmp_path / "alexnet-1.safetensors")
    assert "the folder has: alexnet-1.safetensors" in refusal(weights=tmp_path)
    save_file(random_trunk("alex"), tmp_path / "alexnet-2.safetensors")
    assert "holds 2 files" in refusal(weights=tmp_path, heads=folder)


def test_every_entry_of_a_file_is_accounted_for(folder, tmp_path):
    trunk, file = random_trunk("alex"), tmp_path / "trunk.pth"

    def said(state):
        torch.save(state, file)
        return refusal(weights=file, heads=folder)

    lacking = {k: v for k, v in trunk.items() if k != "features.8.bias"}
    assert "lacks features.8.bias" in said(lacking)
    assert "has no place for layers.0.weight" in said(trunk | {"layers.0.weight": torch.ones(1)})
    odd = said(trunk | {"features.0.weight": torch.ones(64, 3, 7, 7)})
    assert "features.0.weight (64, 3, 7, 7) for (64, 3, 11, 11)" in odd
    assert "NaN or infinity at features.0.bias" in said(
        trunk | {"features.0.bias": torch.full((64,), torch.nan)}
    )
    assert "and 18 more" in said(random_trunk("vgg"))
    assert "not tensors by name" in said({"state_dict": trunk})


def test_a_file_that_is_no_weights_or_would_run_code_is_refused(folder, tmp_path):
    for name in ("broken.pth", "broken.safetensors"):
        (tmp_path / name).write_bytes(b"no weights at all")
        assert "cannot be read as weights" in refusal(weights=tmp_path / name, heads=folder)
    torch.save(np.random.default_rng, tmp_path / "code.pth")
    assert "cannot be read as weights" in refusal(weights=tmp_path / "code.pth", heads=folder)


def test_negative_heads_are_refused(folder, tmp_path):
    heads = random_heads("alex")
    heads["lin2.model.1.weight"][0, 7] = -0.1
    save_file(heads, tmp_path / "alex.safetensors")
    assert "negative weights" in refusal(weights=folder, heads=tmp_path)


def test_wrong_pictures_and_devices_are_refused():
    metric = LPIPS(weights="random")
    a, b = pair((40, 40))
    with pytest.raises(ShapeError, match=r"2 channels[\s\S]*alpha"):
        metric(a[..., :2], b[..., :2])
    with pytest.raises(RangeError, match="device 'nonsense'"):
        LPIPS(weights="random", device="nonsense")(a, b)
