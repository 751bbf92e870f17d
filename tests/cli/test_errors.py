"""One line for each refusal, with where it was and what to do."""

from __future__ import annotations

import click
import pytest

from sfumato.cli.errors import BAD_INPUT, INTERRUPTED, one_line, plain_errors
from sfumato.errors import SfumatoError, ShapeError


def test_message_place_and_hint_stand_on_one_line():
    error = ShapeError("two\n  lines.", hint="do this\nthen that.")
    error.add_note("in step 2 of 3: Deghost(method='bitmap', reference=None)")
    assert one_line(error) == (
        "error: two lines (in step 2 of 3: Deghost); hint: do this then that"
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SfumatoError("wrong"), BAD_INPUT, "error: wrong\n"),
        (click.UsageError("no such option"), BAD_INPUT, "error: no such option; hint: "),
        (click.ClickException("odd"), BAD_INPUT, "error: odd\n"),
        (MemoryError(), BAD_INPUT, "error: not enough memory"),
        (KeyboardInterrupt(), INTERRUPTED, "error: interrupted\n"),
        (click.Abort(), INTERRUPTED, "error: interrupted\n"),
    ],
)
def test_what_the_user_can_mend_ends_with_a_line_and_a_code(error, code, said, capsys):
    with pytest.raises(SystemExit) as left, plain_errors():
        raise error
    assert left.value.code == code
    err = capsys.readouterr().err
    assert err.startswith(said)
    assert err.count("\n") == 1


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), plain_errors():
        raise ZeroDivisionError
