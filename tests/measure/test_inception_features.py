from __future__ import annotations

import numpy as np
import pytest

from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import FileError, ShapeError
from sfumato.measure import FrechetDistance, InceptionFeatures

torch = pytest.importorskip("torch", reason="learned metrics need torch")
from sfumato.measure._inception import Inception, resize_tensorflow  # noqa: E402

torch.set_num_threads(1)


def plain_weights():
    """Weights from a formula, so that another library could be given the same."""
    shapes = {k: tuple(v.shape) for k, v in Inception().state_dict().items() if v.ndim}
    state = {}
    for k, (name, shape) in enumerate(sorted(shapes.items())):
        n = int(np.prod(shape))
        angle = (torch.arange(n, dtype=torch.float64) + k) * 12.9898
        wave = 2 * torch.frac(torch.sin(angle).abs() * 43758.5453) - 1
        if name.endswith("running_var"):
            wave = 1.5 + wave / 2
        elif len(shape) > 1:
            wave = wave * (6 * shape[0] / n) ** 0.5
        else:
            wave = wave / 10 + (1.0 if name.endswith("bn.weight") else 0.0)
        state[name] = wave.reshape(shape).float()
    return state


@pytest.fixture(scope="module")
def weights():
    return plain_weights()


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(weights, path)
    return path


def picture():
    y, x = np.mgrid[0:40, 0:56]
    planes = [(7 * x + 3 * y) % 256, (x * y) % 256, (5 * y + x * x) % 256]
    return torch.from_numpy(np.stack(planes)[None].astype(np.float32) / 255)


# From torch-fidelity 0.4.0 with these weights and this picture: its own resizing first,
# then that of pytorch-fid in its place.
PLACES = (0, 400, 1700, 2000)
KNOWN = {
    "tensorflow": ([0.148472, 0.057711, 0.000272, 0.178090], 0.04661845),
    "torch": ([0.148383, 0.057778, 0.000270, 0.178433], 0.04661920),
}


@pytest.mark.parametrize("resize", KNOWN)
def test_features_agree_with_torch_fidelity(file, resize):
    features = InceptionFeatures(weights=file.parent, resize=resize)(picture())[0]
    some, mean = KNOWN[resize]
    np.testing.assert_allclose(features[list(PLACES)], some, rtol=1e-4, atol=1e-6)
    assert float(features.mean()) == pytest.approx(mean, rel=2e-6)


def test_the_network_is_as_large_as_the_published_one(weights):
    # 94 convolutions with 4 entries of normalisation each, and the classifier.
    assert len(weights) == 94 * 5 + 2
    assert weights["fc.weight"].shape == (1008, 2048)


def test_resizing_follows_the_corners_of_pixels():
    row = torch.tensor([[0.0, 1.0, 4.0]])[None, None]
    wide = resize_tensorflow(row, 6)[0, 0]
    np.testing.assert_allclose(wide[0], [0.0, 0.5, 1.0, 2.5, 4.0, 4.0])
    np.testing.assert_allclose(resize_tensorflow(row, 1)[0, 0], [[0.0]])


def test_gray_is_color_with_equal_channels_and_alpha_is_refused():
    extract = InceptionFeatures(weights="random")
    gray = picture()[:, :1]
    torch.testing.assert_close(extract(gray), extract(gray.repeat(1, 3, 1, 1)), rtol=0, atol=0)
    with pytest.raises(ShapeError, match="alpha"):
        extract(torch.zeros(1, 4, 32, 32))


def test_the_wrong_weights_are_refused(weights, tmp_path):
    torch.save({k: v for k, v in weights.items() if "Mixed_7c" not in k}, tmp_path / "a.pth")
    with pytest.raises(FileError, match=r"lacks Mixed_7c.*and \d+ more"):
        InceptionFeatures(weights=tmp_path / "a.pth")(picture())


def test_a_distance_with_it_can_be_written_down(file):
    metric = FrechetDistance(extractor=InceptionFeatures(weights=str(file)), allow_few=True)
    assert from_yaml(to_yaml(metric)) == metric
