from __future__ import annotations

import subprocess
import sys

from sfumato import nn


def test_a_missing_torch_says_what_to_install():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import sfumato as sf\n"
        "try: sf.nn.EMA\n"
        "except sf.errors.MissingExtraError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 'pip install "sfumato[learn]"' in said.stdout


def test_every_part_on_the_menu_says_what_it_is_for():
    for name in nn.__all__:
        assert (getattr(nn, name).__doc__ or "").strip(), name
