"""Documentation: pages in MyST, a gallery of executed examples, reference from the menus."""

from __future__ import annotations

import importlib
import inspect
import warnings
from pathlib import Path

import sfumato
from sfumato.core.spec import rooms

HERE = Path(__file__).parent
HIDDEN = "apply, apply_image, check, flow"
"""What operators are made of, not what users call."""

project = "sfumato"
author = "the sfumato developers"
copyright = f"2026, {author}"
version = release = sfumato.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_theme_options = {"navigation_with_keys": False, "show_toc_level": 2}
html_static_path: list[str] = []
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Shape"]
# ref.python: a bare name in a signature may belong to two rooms (generate.UNet, segment.UNet).
suppress_warnings = ["config.cache", "ref.python"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "abort_on_example_error": True,
}
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")


def write_reference(_app: object) -> None:
    """Write one page a room: everything that stands on its menu."""
    folder = HERE / "_auto"
    folder.mkdir(exist_ok=True)
    listed = [room for room in rooms() if room != "cli"]
    for room in listed:
        module = importlib.import_module(f"sfumato.{room}")
        lines = [f"# {room}", "", inspect.getdoc(module) or "", ""]
        for name in sorted(module.__all__):
            thing = getattr(module, name)
            if inspect.isclass(thing):
                directive, options = "autoclass", [":members:", f":exclude-members: {HIDDEN}"]
            elif inspect.isfunction(thing):
                directive, options = "autofunction", []
            else:
                continue
            lines += ["```{eval-rst}", f".. {directive}:: sfumato.{room}.{name}"]
            lines += [f"   {option}" for option in options] + ["```", ""]
        (folder / f"{room}.md").write_text("\n".join(lines))
    (folder / "errors.md").write_text(
        "# errors\n\n```{eval-rst}\n.. automodule:: sfumato.errors\n   :members:\n```\n"
    )


def setup(app: object) -> None:
    app.connect("builder-inited", write_reference)  # type: ignore[attr-defined]
