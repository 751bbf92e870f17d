"""Small frames in files, and commands that run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sfumato.cli.main import group
from sfumato.core.opencv import cv2
from sfumato.core.sample import Sample
from sfumato.io.picture import write


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    """A textured picture, 0..1."""
    rng = np.random.default_rng(12)
    field = np.zeros((200, 280, 3), np.float32)
    for sigma in (1.2, 5.0, 15.0):
        noise = cv2.GaussianBlur(rng.standard_normal(field.shape, np.float32), (0, 0), sigma)
        field += noise / noise.std()
    return np.clip(0.4 + 0.11 * field, 0.02, 0.98)


@pytest.fixture(scope="session")
def masters(scene: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bracket b1..b3, the camera moved, and a focus series f1, f2."""
    folder = tmp_path_factory.mktemp("masters")
    for k, gain in enumerate((0.4, 1.0, 2.2), start=1):
        values = np.clip(np.roll(scene, (2 * k, 3 * k), (0, 1)) * gain, 0, 1)
        meta = {"exposure_time_s": 0.01 * gain**2.2, "iso": 100, "f_number": 8.0}
        write(folder / f"b{k}.png", Sample(np.rint(255 * values).astype(np.uint8), meta=meta))
    soft = cv2.GaussianBlur(scene, (0, 0), 3.0)
    side = (np.arange(280) < 140)[None, :, None]
    for k, pair in enumerate(((scene, soft), (soft, scene)), start=1):
        write(folder / f"f{k}.png", np.rint(255 * np.where(side, *pair)).astype(np.uint8))
    return folder


@pytest.fixture
def frames(masters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The frames in a folder of their own, which is the current one."""
    for path in masters.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command as a user types it; what is no refusal is raised."""

    def command(*words: object) -> Result:
        result = CliRunner().invoke(group, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return command


@pytest.fixture
def refused(run: Callable[..., Result], frames: Path) -> Callable[..., str]:
    """Run a command that must be refused with one line and leave everything as it was."""

    def command(*words: object) -> str:
        before = _state(frames)
        result = run(*words)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1, result.stderr
        assert _state(frames) == before
        return result.stderr

    return command


def _state(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base that was never taught, two adapters of it, and one of another base."""
    torch = pytest.importorskip("torch")
    from sfumato.adapt import ControlNet, T2IAdapter

    folder = tmp_path_factory.mktemp("shelf")
    torch.manual_seed(0)
    base = ControlNet.example_base()
    base.picture_px = (16, 16)
    base.save(folder / "base")
    for name, kind in (("control", ControlNet), ("pyramid", T2IAdapter)):
        method = kind(base=base)
        for parameter in method.adapter.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
        method.save(folder / name)
    other = ControlNet.example_base()
    for parameter in other.parameters():
        parameter.data += 1.0
    ControlNet(base=other).save(folder / "stranger")
    return folder


@pytest.fixture
def there(frames: Path, shelf: Path) -> Path:
    """Frames, weights, a hint, a picture and a mask in the current folder."""
    for path in shelf.iterdir():
        (frames / path.name).symlink_to(path)
    rng = np.random.default_rng(0)
    write("edges.png", (rng.random((16, 16, 1)) > 0.8).astype(np.uint8) * 255)
    write("old.png", rng.integers(0, 255, (16, 16, 3)).astype(np.uint8))
    mask = np.zeros((16, 16, 1), np.uint8)
    mask[4:12, 4:12] = 255
    write("mask.png", mask)
    return frames
