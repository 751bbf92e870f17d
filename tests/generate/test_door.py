"""The room opens without what it does not need, and says what is missing when it is needed."""

from __future__ import annotations

import subprocess
import sys


def fresh_python(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_menu_and_pictures_of_our_own_models_load_no_diffusers():
    code = (
        "import sys, sfumato as sf\n"
        "for name in sf.generate.__all__: getattr(sf.generate, name)\n"
        "sf.generate.Diffusion.example().generate(size=(8, 8), steps=1)\n"
        "print([m for m in ('diffusers', 'transformers', 'accelerate') if m in sys.modules])"
    )
    assert fresh_python(code).strip() == "[]"


def test_without_torch_schedules_work_and_the_rest_names_its_extra():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import sfumato as sf\n"
        "print(round(float((1 - sf.generate.LinearSchedule().betas()).prod()), 9))\n"
        "try: sf.generate.UNet\n"
        "except sf.errors.MissingExtraError as error: print(error)"
    )
    rest, *said = fresh_python(code).splitlines()
    assert rest == "4.0358e-05"
    assert 'pip install "sfumato[learn]"' in said[-1]
