"""The promises every method keeps, as checks anyone can run on their own."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

from sfumato.core.any_size import predict
from sfumato.core.batch import Batch
from sfumato.core.method import Method
from sfumato.core.network import load
from sfumato.core.spec import from_yaml, to_spec, to_yaml
from sfumato.core.tensors import Tensor, torch
from sfumato.errors import SfumatoError, SpecError
from sfumato.train.checkpoint import Shelf
from sfumato.train.learner import Learner
from sfumato.train.recipe import Recipe
from sfumato.train.trainer import Trainer
from sfumato.train.workplace import Workplace

__all__ = ["check_method"]

SIZE = (16, 16)
ODD = (13, 19)
"""Sides that are multiples of nothing."""
RATES = (1e-2, 1e-3, 1e-4, 1e-5)
"""A step in the right direction lowers the loss if it is short enough."""


def check_method(make: Callable[[], Method], *, steps: int = 20) -> None:
    """Check the contract of methods, and say which promise was broken.

    A method can be written down and read back, and refuses unknown settings. Its parts list
    parameters that learn, each in one part only; each part's loss is finite, gives every
    parameter of the part a gradient, and falls by one short step on one batch. It leaves a
    batch as it was. Its answer is the same for the same dice and no other dice, and after
    saving and loading. It answers pictures of odd sizes. It works in 16 bits. A training of
    ``steps`` steps, interrupted in the middle and resumed, ends with the same bits. Where
    it says that it is ``local``, tiles leave no trace.

    Args:
        make: builds it, small enough for all this; ``MyMethod.example``.
        steps: of the training that is interrupted.

    Raises:
        AssertionError: a promise is broken; the message names it.
    """
    name = type(_made(make)).__name__
    _check_written(_made(make), name)
    _check_parts(_made(make), name)
    _check_learning(make, name)
    _check_answers(_made(make), name)
    _check_saved(_made(make), name)
    _check_sixteen_bits(_made(make), name)
    _check_resumed(make, steps, name)


def _made(make: Callable[[], Method], seed: int = 0) -> Method:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _dice(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _check_written(method: Method, name: str) -> None:
    trust = _modules(method)
    with torch.random.fork_rng(devices=[]):
        read = from_yaml(to_yaml(method), trust=trust)
    assert to_spec(read) == to_spec(method), f"{name}: the YAML form does not come back"
    try:
        type(method)(**method.config, **{"no_such_setting": 1})
    except SpecError as refusal:
        said = str(refusal)
    else:
        raise AssertionError(f"{name} takes a setting that it does not have")
    assert "no_such_setting" in said, f"{name}: the refusal does not name the setting"


def _modules(method: Method) -> tuple[str, ...]:
    kinds = {type(module) for module in method.modules()}
    return tuple(sorted({kind.__module__ for kind in kinds}))


def _check_parts(method: Method, name: str) -> None:
    seen: dict[Tensor, str] = {}
    parts = {part: list(parameters) for part, parameters in method.parts().items()}
    assert parts, f"{name}: has no parts"
    for part, parameters in parts.items():
        assert parameters, f"{name}: part '{part}' is empty"
        for parameter in parameters:
            assert parameter.requires_grad, f"{name}: part '{part}' lists what cannot learn"
            assert seen.setdefault(parameter, part) == part, (
                f"{name}: a parameter is in '{part}' and in '{seen[parameter]}'"
            )
    learner = Learner(method, Recipe(device="cpu"), Workplace("cpu", "fp32"))
    names = {parameter: n for n, parameter in method.named_parameters()}
    batch = method.practice_batch(SIZE)
    before = {n: t.clone() for n, t in batch.tensors().items()}
    for part, parameters in parts.items():
        method.zero_grad(set_to_none=True)
        with learner._only(part), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            terms = method.train().loss(batch, part, _dice())
            for term, value in terms.items():
                assert torch.isfinite(value).all(), (
                    f"{name}: the loss '{part}/{term}' is not finite"
                )
            torch.stack([value.float() for value in terms.values()]).sum().backward()  # type: ignore[no-untyped-call]
        idle = [names[p] for p in parameters if p.grad is None]
        assert not idle, f"{name}: part '{part}' gives no gradient to {', '.join(idle[:3])}"
        strays = [n for p, n in names.items() if p.grad is not None and seen.get(p) != part]
        assert not strays, f"{name}: part '{part}' gives gradients to {', '.join(strays[:3])}"
    for field, tensor in before.items():
        assert torch.equal(getattr(batch, field), tensor), (
            f"{name}: loss changes the batch's {field}"
        )


def _check_learning(make: Callable[[], Method], name: str) -> None:
    """Every part's own loss falls where only that part makes one step."""
    for part in _made(make).parts():
        said = ""
        for rate in RATES:
            method = _made(make)
            batch = method.practice_batch(SIZE)
            recipe = Recipe(steps=2, lr=rate, decay="constant", weight_decay=0.0, device="cpu")
            before = _loss(method, batch, part)
            with torch.random.fork_rng(devices=[]):
                learner = Learner(method, recipe, Workplace("cpu", "fp32"))
                method.train()
                _step_with_dice(learner, part, batch)
            after = _loss(method, batch, part)
            said = f"{before:.6g} became {after:.6g}"
            if after < before:
                break
        else:
            raise AssertionError(f"{name}: no step lowers the loss of part '{part}': {said}")


def _step_with_dice(learner: Learner, part: str, batch: Batch) -> None:
    """One step of the plain gradient's sign, with the dice that the loss is measured with."""
    method, rate = learner.method, learner.recipe.lr
    with learner._only(part):
        torch.manual_seed(0)
        terms = method.loss(batch, part, _dice())
        torch.stack([value.float() for value in terms.values()]).sum().backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter in learner.parameters[part]:
            if parameter.grad is not None:
                parameter.sub_(rate * parameter.grad.sign())


def _loss(method: Method, batch: Batch, part: str) -> float:
    """Measure with the same dice every time, in the mode of training, and undo running means."""
    state = {n: t.clone() for n, t in method.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        terms = method.train().loss(batch, part, _dice())
    method.load_state_dict(state)
    return sum(float(value.detach()) for value in terms.values())


def _same(one: Batch, other: Batch) -> bool:
    mine, theirs = one.tensors(), other.tensors()
    return mine.keys() == theirs.keys() and all(
        torch.equal(mine[n].nan_to_num(), theirs[n].nan_to_num()) for n in mine
    )


@torch.no_grad()
def _answer(method: Method, batch: Batch, seed: int = 7) -> Batch:
    return predict(method.eval(), batch, rng=_dice(seed), **method.practice_options)


@torch.no_grad()
def _check_answers(method: Method, name: str) -> None:
    batch = method.practice_batch(SIZE)
    before = {n: t.clone() for n, t in batch.tensors().items()}
    first = _answer(method, batch)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1234)
        again = _answer(method, batch)
        plain = predict(method, batch, **method.practice_options)
        torch.manual_seed(4321)
        assert _same(plain, predict(method, batch, **method.practice_options)), (
            f"{name}: without dice, another answer"
        )
    assert _same(first, again), f"{name}: same dice, another answer"
    for field, tensor in before.items():
        assert torch.equal(getattr(batch, field), tensor), f"{name}: changes the batch's {field}"
    for field in method.writes:
        value = getattr(first, field)
        assert value is not None, f"{name}: says it writes '{field}' and does not"
        finite = not value.is_floating_point() or bool(torch.isfinite(value).all())
        assert finite, f"{name}: the answer's {field} is not finite"
    odd = method.practice_batch(ODD)
    try:
        answer = _answer(method, odd)
    except (SfumatoError, RuntimeError) as error:
        raise AssertionError(f"{name}: cannot answer {ODD[0]} x {ODD[1]} px: {error}") from error
    for field in set(method.writes) & {"image", "mask", "scores", "depth"}:
        size = getattr(answer, field).shape[-2:]
        assert size[0] % ODD[0] == 0, f"{name}: {ODD} px are answered with {tuple(size)}"
        assert size[1] % ODD[1] == 0, f"{name}: {ODD} px are answered with {tuple(size)}"
    if method.local:
        _check_tiles(method, name)


def _check_tiles(method: Method, name: str) -> None:
    side = 2 * method.overlap_px
    batch = method.practice_batch((side + method.overlap_px + 3, side + 5))
    whole = predict(method, batch, rng=_dice())
    tiled = predict(method, batch, rng=_dice(), tile_px=side)
    for field in method.writes:
        one, other = getattr(whole, field), getattr(tiled, field)
        if one.is_floating_point():
            gap = float((one - other).abs().max())
            assert gap < 1e-4, f"{name}: says it is local, and tiles change '{field}' by {gap:.2g}"


@torch.no_grad()
def _check_saved(method: Method, name: str) -> None:
    batch = method.practice_batch(SIZE)
    with tempfile.TemporaryDirectory() as folder:
        method.save(Path(folder) / "saved")
        twin = load(Path(folder) / "saved", trust=_modules(method))
    assert _same(_answer(method, batch), _answer(twin, batch)), (
        f"{name}: another answer after saving and loading"
    )


def _check_sixteen_bits(method: Method, name: str) -> None:
    batch = method.practice_batch(SIZE)
    with torch.random.fork_rng(devices=[]), torch.autocast("cpu", dtype=torch.bfloat16):
        for part in method.parts():
            terms = method.train().loss(batch, part, _dice())
            total = sum(float(value.detach()) for value in terms.values())
            assert math.isfinite(total), f"{name}: in 16 bits the loss of '{part}' is no number"
        answer = _answer(method, batch)
    for field in method.writes:
        value = getattr(answer, field)
        finite = not value.is_floating_point() or bool(torch.isfinite(value).all())
        assert finite, f"{name}: in 16 bits the answer's {field} is not finite"


def _moved(batch: Batch, shift: int) -> Batch:
    """Move all pictures and maps to the side: practice targets are alike whatever the seed."""
    maps = {n: t.roll(shift, -1) for n, t in batch.tensors().items() if t.ndim > 2}
    return batch.but(**maps)


def _check_resumed(make: Callable[[], Method], steps: int, name: str) -> None:
    recipe = Recipe(steps=steps, warmup_steps=1, lr=1e-4, ema=0.9, device="cpu", keep=1)
    with tempfile.TemporaryDirectory() as folder:
        ends = []
        for way in ("whole", "parts"):
            out = Path(folder) / way
            method = _made(make)
            batches = [_moved(method.practice_batch(SIZE, k), k) for k in range(3)]
            trainer = Trainer(recipe, out=out)
            if way == "parts":
                trainer.fit(method, batches, until=steps // 2)
                method = _made(make, seed=1)
            trainer.fit(method, batches, resume=True)
            ends.append(Shelf(out / "checkpoints", 1).read().tensors)
    one, other = ends
    for file, tensors in one.items():
        for entry, tensor in tensors.items():
            same = torch.equal(tensor, other[file][entry])
            assert same, f"{name}: {file} {entry} differs after an interruption"
