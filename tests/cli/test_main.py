"""The group: its commands, its help, its exit codes in a real process."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

import sfumato
from sfumato.cli.main import COMMANDS


def process(*words, code="from sfumato.cli.main import main; main()", cwd=None, limit=None):
    def limited():
        import resource

        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        preexec_fn=limited,
    )


def test_help_names_every_command_with_a_whole_sentence(run):
    text = run("--help").output
    for name in COMMANDS:
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{name} "))
        assert line.endswith(".")
        assert not line.endswith("...")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_examples(run, name):
    for flag in ("--help", "-h"):
        result = run(name, flag)
        assert result.exit_code == 0
        assert "Examples:" in result.output
        assert f"sfumato {name}" in result.output


def test_the_version_is_that_of_the_package(run):
    assert run("--version").output == f"sfumato {sfumato.__version__}\n"


def test_mistakes_on_the_line_are_one_line(refused):
    assert "No such command 'bogus'" in refused("bogus")
    assert "sfumato develop --help" in refused("develop", "--nonsense")
    assert "Missing argument" in refused("develop")
    assert "Missing option" in refused("fuse", "b1.png")
    assert "--as" in refused("develop", "b1.png", "-o", "x.png", "--as", "movie")


def test_a_refusal_in_a_real_process_is_one_line_and_code_2(frames):
    done = process("develop", "nothing.jpg", "-o", "out.png", cwd=frames)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: nothing.jpg: there is no such file; hint: check the name\n"


def test_a_mistake_of_ours_keeps_its_traceback(frames):
    code = (
        "from sfumato.capture.develop import Develop\n"
        "def broken(*args, **options): raise ZeroDivisionError('ours')\n"
        "Develop.develop = broken\n"
        "from sfumato.cli.main import main; main()"
    )
    done = process("develop", "b1.png", "b2.png", "-o", "out.png", code=code, cwd=frames)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: ours" in done.stderr


INTERRUPTED = (
    "import os, signal, time\n"
    "{before}\n"
    "from sfumato.capture.develop import Develop\n"
    "develop = Develop.develop\n"
    "def interrupted(*args, **options):\n"
    "    os.kill(os.getpid(), signal.SIGINT)\n"
    "    time.sleep({wait})\n"
    "    return develop(*args, **options)\n"
    "Develop.develop = interrupted\n"
    "from sfumato.cli.main import main; main()"
)
FRAMES = ["b1.png", "b2.png", "b3.png", "f1.png", "f2.png"]


def test_ctrl_c_ends_with_130_one_line_and_no_output(frames):
    # Where the tests run in the background, the shell has made them deaf for Ctrl-C.
    hearing = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = INTERRUPTED.format(before=hearing, wait=10)
    done = process("develop", "b1.png", "b2.png", "-o", "out.png", code=code, cwd=frames)
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr == "error: interrupted; no file is left half written\n"
    assert sorted(path.name for path in frames.iterdir()) == FRAMES


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is told there before it is ended")
def test_who_ends_it_from_outside_finds_no_temporary_file(frames):
    code = (
        "import os, signal, time\n"
        "from sfumato.io import png\n"
        "def ended(*args, **options):\n"
        "    assert any(name.startswith('.out') for name in os.listdir())\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(10)\n"
        "png.encode = ended\n"
        "from sfumato.cli.main import main; main()"
    )
    done = process("hint", "canny", "b1.png", "-o", "out.png", code=code, cwd=frames)
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr == "error: ended from outside; no file is left half written\n"
    assert sorted(path.name for path in frames.iterdir()) == FRAMES


@pytest.mark.skipif(sys.platform == "win32", reason="shells there have no background jobs")
def test_a_job_in_the_background_does_not_hear_the_ctrl_c_of_others(frames):
    def deaf():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    code = INTERRUPTED.format(before="", wait=0)
    words = ("develop", "b1.png", "b2.png", "-o", "out.png", "--overwrite")
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True, text=True, check=False, cwd=frames, preexec_fn=deaf,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in frames.iterdir()) == sorted([*FRAMES, "out.png"])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_is_one_line_and_no_partial_output(frames):
    done = process("develop", "b1.png", "-o", "out.png", cwd=frames, limit=5000)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: out.png: cannot be written")
    assert done.stderr.count("\n") == 1
    assert len(list(frames.iterdir())) == 5


def test_completion_asks_the_group(frames):
    code = (
        "import os; os.environ.update(_SFUMATO_COMPLETE='bash_complete', "
        "COMP_WORDS='sfumato dev', COMP_CWORD='1')\n"
        "from sfumato.cli.main import main; main()"
    )
    assert "develop" in process(code=code).stdout
