"""The front doors: what opens fast, what stands on a menu, and how big a thing may be."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sfumato.core.spec import Configured, rooms
from sfumato.errors import MissingExtraError

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sfumato"
FILES = sorted(SOURCE.rglob("*.py"))
SURFACE = Path(__file__).with_name("surface.json")

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_SETTINGS = 8
# What is larger, and why. This list may only shrink.
LARGE: dict[str, str] = {}


def fresh_python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_importing_the_root_loads_no_numpy_and_no_opencv():
    heavy = ("numpy", "cv2", "numba", "PIL", "yaml", "click", "rich", "torch")
    code = f"import sys, sfumato; print([m for m in {heavy!r} if m in sys.modules])"
    assert fresh_python(code).strip() == "[]"


def test_asking_for_help_loads_no_numpy_and_no_opencv():
    heavy = ("numpy", "cv2", "numba", "PIL", "yaml", "torch")
    code = (
        "import sys; from click.testing import CliRunner; from sfumato.cli.main import group; "
        "result = CliRunner().invoke(group, ['--help']); assert result.exit_code == 0; "
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    assert fresh_python(code).strip() == "[]"


def test_the_doors_open_in_time():
    # The best of a few tries: the machine may be busy, the code is not slower for it.
    assert min(_seconds("import sfumato") for _ in range(5)) < 0.1
    assert (
        min(_seconds("from sfumato.cli.main import main; main()", "--help") for _ in range(5)) < 0.3
    )


def _seconds(code: str, *arguments: str) -> float:
    """Processor time of a fresh interpreter beyond that of starting it."""

    def cpu(program: str) -> float:
        before = os.times()
        command = [sys.executable, "-c", program, *arguments]
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        return (after.children_user + after.children_system) - (
            before.children_user + before.children_system
        )

    return cpu(code) - cpu("pass")


@pytest.mark.parametrize("room", rooms())
def test_every_name_on_a_menu_can_be_had(room):
    module = importlib.import_module(f"sfumato.{room}")
    for name in module.__all__:
        try:
            assert getattr(module, name) is not None
        except MissingExtraError:
            continue  # what needs torch, where it is not installed


@pytest.mark.parametrize("room", [r for r in rooms() if r != "cli"])
def test_every_public_operator_stands_on_its_rooms_menu(room):
    menu = set(importlib.import_module(f"sfumato.{room}").__all__)
    for path in (SOURCE / room).rglob("*.py"):
        if path.name == "__init__.py":
            continue
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        try:
            module = importlib.import_module(".".join(parts))
        except MissingExtraError:
            continue  # private files of the learned metrics, where torch is not installed
        assert hasattr(module, "__all__"), f"{path.name} has no __all__"
        for name in module.__all__:
            thing = getattr(module, name)
            configured = isinstance(thing, type) and issubclass(thing, Configured)
            assert not configured or name in menu, f"{name} is not on the menu of {room}"


def test_a_public_name_is_removed_only_on_purpose():
    """Run with UPDATE_SURFACE=1 to write the names down anew."""
    surface = {
        room: sorted(importlib.import_module(f"sfumato.{room}").__all__)
        for room in rooms()
        if room != "cli"
    }
    if os.environ.get("UPDATE_SURFACE"):
        SURFACE.write_text(json.dumps(surface, indent=1) + "\n")
    for room, names in json.loads(SURFACE.read_text()).items():
        missing = set(names) - set(surface.get(room, ()))
        assert not missing, f"{room} no longer offers {sorted(missing)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_nothing_grows_too_large(path):
    name = str(path.relative_to(SOURCE))
    text = path.read_text()
    if name not in LARGE:
        assert len(text.splitlines()) <= MAX_FILE_LINES, name
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and f"{name}:{node.name}" not in LARGE:
            documented = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or 0) - node.lineno + 1 - len(documented.splitlines())
            assert lines <= MAX_FUNCTION_LINES, f"{name}:{node.name} has {lines} lines"
        if isinstance(node, ast.ClassDef):
            settings = [n for n in node.body if isinstance(n, ast.AnnAssign)]
            own = [n for n in settings if "ClassVar" not in ast.unparse(n.annotation)]
            bases = {ast.unparse(base) for base in node.bases}
            if bases & {"Operator", "ImageOperator", "WarpOperator"}:
                assert len(own) <= MAX_SETTINGS, f"{name}:{node.name} has {len(own)} settings"


def test_no_opencv_wheel_is_required():
    """Two OpenCV wheels overwrite each other's files: the user's own must stay (see decisions)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not [d for d in project["dependencies"] if "opencv" in d.lower()]
    assert any("opencv" in d for d in project["optional-dependencies"]["opencv"])


def test_a_missing_opencv_says_what_to_do():
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "import sfumato as sf\n"
        "try: sf.raster.reduce\n"
        "except ImportError as error: print(error)"
    )
    assert 'pip install "sfumato[opencv]"' in fresh_python(code)


def test_the_measure_room_opens_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np, sfumato as sf\n"
        "for name in sf.measure.__all__: getattr(sf.measure, name)\n"
        "ramp = np.arange(4096, dtype=np.uint8).reshape(64, 64)\n"
        "features = np.random.default_rng(0).normal(size=(20, 3))\n"
        "print(sf.measure.SSIM()(ramp, ramp))\n"
        "print(round(sf.measure.FrechetDistance()(features, features), 9))\n"
        "try: sf.measure.LPIPS(weights='random')(ramp, ramp)\n"
        "except sf.errors.MissingExtraError as error: print(error)"
    )
    ssim, distance, *said = fresh_python(code).splitlines()
    assert (ssim, distance) == ("1.0", "0.0")
    assert 'pip install "sfumato[learn]"' in said[-1]


def test_touching_every_metric_loads_no_torch():
    code = (
        "import sys, sfumato as sf\n"
        "for name in sf.measure.__all__: getattr(sf.measure, name)\n"
        "print('torch' in sys.modules)"
    )
    assert fresh_python(code).strip() == "False"
