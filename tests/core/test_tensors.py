from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from sfumato.core.tensors import integers, normal, normal_like, on_device, seeded, uniform
from sfumato.errors import RangeError


def test_a_missing_torch_is_told_in_one_line_and_the_rest_works():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np, sfumato as sf\n"
        "for name in ('Trainer', 'Batch', 'Method', 'load'):\n"
        "    try: getattr(sf, name)\n"
        "    except sf.errors.MissingExtraError as error: print(error.hint)\n"
        "print(sf.Recipe().lr, sf.data.Loader.__name__, sf.core.Apply(weights='x').device)\n"
        "sys.argv = ['sfumato', 'evaluate', 'x']\n"
        "from sfumato.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    *hints, rest = done.stdout.splitlines()
    assert hints == 4 * ['pip install "sfumato[learn]"']
    assert rest == "0.0003 Loader cpu"
    assert done.returncode == 2
    assert done.stderr.startswith("error: what learns needs torch")
    assert done.stderr.count("\n") == 1


def dice(seed=3):
    return torch.Generator().manual_seed(seed)


def test_numbers_follow_from_the_generator_alone():
    for draw in (
        lambda rng: normal((4, 5), rng, "cpu"),
        lambda rng: uniform((4, 5), rng, "cpu"),
        lambda rng: integers(2, 9, (4, 5), rng, "cpu"),
        lambda rng: normal_like(torch.zeros(4, 5, dtype=torch.bfloat16), rng),
    ):
        before = torch.random.get_rng_state()
        one, other, third = draw(dice()), draw(dice()), draw(dice(4))
        assert torch.equal(one, other)
        assert not torch.equal(one, third)
        assert one.shape == (4, 5)
        assert torch.equal(before, torch.random.get_rng_state())
    assert normal_like(torch.zeros(1, dtype=torch.bfloat16), dice()).dtype == torch.bfloat16


def test_numbers_have_the_law_that_they_promise():
    x = normal((200_000,), dice(), "cpu")
    assert abs(x.mean()) < 0.01
    assert abs(x.std() - 1) < 0.01
    u = uniform((200_000,), dice(), "cpu")
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 0.005
    counts = integers(2, 5, (30_000,), dice(), "cpu").bincount()
    assert counts.tolist()[:2] == [0, 0]
    assert all(abs(n - 10_000) < 400 for n in counts.tolist()[2:])


def test_without_a_generator_the_same_comes_every_time():
    assert torch.equal(normal((3,), seeded(None), "cpu"), normal((3,), seeded(None), "cpu"))
    rng = dice()
    assert seeded(rng) is rng


def test_a_device_that_is_not_there_is_refused():
    assert on_device("cpu", "x").type == "cpu"
    with pytest.raises(RangeError, match="x: the device 'warp' cannot be used"):
        on_device("warp", "x")
