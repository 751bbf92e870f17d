"""`sfumato completion`: what each shell needs."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(run, shell):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_SFUMATO_COMPLETE={shell}_complete" in result.stdout


def test_other_shells_are_refused(refused):
    assert "'tcsh' is not one of" in refused("completion", "tcsh")
