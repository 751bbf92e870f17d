from __future__ import annotations

import csv
import math
import os
import signal
import threading

import numpy as np
import pytest
import torch
from small_methods import Denoiser, HalvingSegmenter, Scalar, Trunk, TwoPlayers

from sfumato.core.batch import Batch
from sfumato.core.network import load
from sfumato.core.sample import Sample
from sfumato.data.loader import Loader
from sfumato.data.picture_folder import PictureFolder
from sfumato.data.source import SampleList
from sfumato.errors import (
    DtypeError,
    FieldError,
    FileError,
    OutOfMemoryError,
    RangeError,
    ShapeError,
    SpecError,
)
from sfumato.io.picture import write
from sfumato.measure.mean_iou import MeanIoU
from sfumato.measure.psnr import PSNR
from sfumato.train.callback import Callback
from sfumato.train.checkpoint import Shelf
from sfumato.train.learner import Learner
from sfumato.train.recipe import Recipe
from sfumato.train.trainer import Trainer
from sfumato.train.workplace import Workplace

TRUST = ("small_methods",)
SIZE = (8, 8)


def source(count=6):
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(count):
        target = rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
        image = np.clip(target + rng.integers(-20, 20, target.shape), 0, 255).astype(np.uint8)
        mask = (target.mean(-1) // 100).astype(np.uint8)
        samples.append(Sample(image, target=target, mask=mask))
    return SampleList(samples=tuple(samples))


def loader(**settings):
    return Loader(source=source(), **{"batch_size": 2, **settings})


def recipe(**settings):
    plain = {"steps": 20, "lr": 1e-3, "device": "cpu", "log_every": 5, "save_every": 5}
    return Recipe(**{**plain, "validate_every": 10, **settings})


def made(kind, seed=1):
    torch.manual_seed(seed)
    return {
        "denoiser": lambda: Denoiser(trunk=Trunk()),
        "segmenter": HalvingSegmenter,
        "players": TwoPlayers,
    }[kind]()


def table(folder):
    return list(csv.DictReader((folder / "log.csv").read_text().splitlines()))


def everything(folder, step):
    """All that a checkpoint holds, bit by bit."""
    path = folder / "checkpoints" / f"step-{step:08d}"
    return {p.name: p.read_bytes() for p in path.iterdir() if p.suffix == ".safetensors"}


@pytest.mark.parametrize("kind", ["denoiser", "segmenter", "players"])
@pytest.mark.parametrize("ema", [None, 0.9])
def test_twenty_steps_are_ten_and_ten_more_bit_for_bit(kind, ema, tmp_path):
    how = recipe(ema=ema, warmup_steps=3, accumulate=2)
    Trainer(how, out=tmp_path / "whole").fit(made(kind), loader())
    first = Trainer(how, out=tmp_path / "parts").fit(made(kind), loader(), until=10)
    assert first.steps == 10
    torch.rand(7)  # what happens between has no say
    second = Trainer(how, out=tmp_path / "parts").fit(
        made(kind, seed=99), loader(workers=1), resume=True
    )
    assert second.steps == 20
    whole, parts = everything(tmp_path / "whole", 20), everything(tmp_path / "parts", 20)
    assert set(whole) == {"method.safetensors", "optimizers.safetensors"} | (
        {"average.safetensors"} if ema else set()
    )
    assert whole == parts


def test_what_is_saved_shares_nothing_with_what_goes_on():
    place = Workplace("cpu", "fp32")
    data = loader().batches()
    one, other = (Learner(made("denoiser"), recipe(ema=0.5), place) for _ in range(2))
    with torch.random.fork_rng(devices=[]):
        one.advance(lambda: next(data))
        saved = one.state()
        before = {f: {n: t.clone() for n, t in named.items()} for f, named in saved.items()}
        other.put_state(saved, "memory")
        for learner in (one, other):
            learner.advance(lambda: next(data))
    for file, named in before.items():
        for name, tensor in named.items():
            assert torch.equal(saved[file][name], tensor), f"{file} {name}"
    assert not torch.equal(one.state()["method"][name := next(iter(before["method"]))],
                           before["method"][name])  # fmt: skip


def test_the_dice_of_torch_are_as_they_were(tmp_path):
    method = made("denoiser", seed=5)
    before = torch.random.get_rng_state()
    Trainer(recipe(steps=2)).fit(method, loader(), validation=loader())
    assert torch.equal(before, torch.random.get_rng_state())


def test_steps_follow_the_closed_form_of_adamw():
    batch = Batch(torch.zeros(1, 1, 1, 1), target=torch.ones(1, 1, 1, 1))
    how = recipe(steps=3, lr=0.1, weight_decay=0.01, decay="constant", clip=None)
    method = Scalar(start=0.5)
    Trainer(how).fit(method, [batch])
    value, m, v = 0.5, 0.0, 0.0
    for t in (1, 2, 3):
        slope = 2 * (value - 1.0)
        value -= 0.1 * 0.01 * value
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        value -= 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert method.value.item() == pytest.approx(value, rel=1e-6)


def test_two_batches_of_four_are_one_of_eight():
    whole, parts = made("denoiser"), made("denoiser")
    Trainer(recipe(steps=6)).fit(whole, loader(batch_size=4, shuffle=False))
    Trainer(recipe(steps=6, accumulate=2)).fit(parts, loader(batch_size=2, shuffle=False))
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("clip", [None, 0.01])
def test_the_gradient_of_two_batches_is_their_mean(clip):
    # AdamW hardly sees how long a gradient is: look at its length.
    lengths = []

    class Ear(Callback):
        def logged(self, step, values):
            lengths.append(values["main/gradient"])

    for size, accumulate in ((4, 1), (2, 2)):
        how = recipe(steps=1, accumulate=accumulate, clip=clip, log_every=1)
        data = loader(batch_size=size, shuffle=False)
        Trainer(how, callbacks=[Ear()]).fit(made("denoiser"), data)
    assert lengths[1] == pytest.approx(lengths[0], rel=1e-5)
    assert lengths[0] > 0.01


def test_parts_learn_as_often_as_they_plan():
    heard = []

    class Ear(Callback):
        def logged(self, step, values):
            heard.append(sorted(name for name in values if "/" in name))

    method = made("players")
    Trainer(recipe(steps=5, log_every=1), callbacks=[Ear()]).fit(method, loader())
    assert method.seen.item() == 5 * 2 + 3
    painter = ["painter/fool", "painter/gradient"]
    for step, names in enumerate(heard):
        assert ("painter/fool" in names) == (step % 2 == 0)
        assert {"critic/real", "critic/fake"} <= set(names)
    assert set(painter) <= set(heard[0])


def test_only_the_part_that_learns_is_moved():
    method = made("players")
    frozen = {n: p.clone() for n, p in method.painter.named_parameters()}
    Trainer(recipe(steps=1, weight_decay=0.0)).fit(method, loader())  # both parts learn in step 0
    moved = [n for n, p in method.painter.named_parameters() if not torch.equal(p, frozen[n])]
    assert moved

    class CriticOnly(TwoPlayers):
        def parts(self):
            return {"critic": self.critic.parameters()}

        def plan(self):
            return {}

    torch.manual_seed(0)
    method = CriticOnly()
    frozen = {n: p.clone() for n, p in method.painter.named_parameters()}
    Trainer(recipe(steps=3)).fit(method, loader())
    assert all(torch.equal(p, frozen[n]) for n, p in method.painter.named_parameters())
    assert all(p.requires_grad for p in method.parameters())


def test_a_training_leaves_its_folder_in_order(tmp_path):
    out = tmp_path / "run"
    report = Trainer(recipe(keep=2, ema=0.5), out=out).fit(
        made("denoiser"), loader(), validation=loader(), metrics=[PSNR()]
    )
    assert sorted(p.name for p in out.iterdir()) == [
        "best", "checkpoints", "last", "log.csv", "samples", "training.yaml",
    ]  # fmt: skip
    assert [p.name for p in sorted((out / "checkpoints").iterdir())] == [
        "step-00000015", "step-00000020",
    ]  # fmt: skip
    assert [p.name for p in sorted((out / "samples").iterdir())] == [
        "step-00000010.png", "step-00000020.png",
    ]  # fmt: skip
    rows = table(out)
    assert [r["step"] for r in rows if r["name"] == "main/l1"] == ["5", "10", "15", "20"]
    psnr = {r["step"]: float(r["value"]) for r in rows if r["name"] == "PSNR"}
    assert psnr == {"10": pytest.approx(psnr["10"]), "20": report.scores["PSNR"]}
    assert report.best == max(psnr.values())
    assert report.losses["main/l1"] > 0
    twin = load(out, trust=TRUST)  # the best one
    assert f"PSNR: {report.best:.6g}" in (out / "best" / "card.md").read_text()
    assert isinstance(twin, Denoiser)
    assert twin.picture_px == next(loader().once()).size


def of(value: float) -> Batch:
    return Batch(torch.zeros(1, 1, 1, 1), target=torch.full((1, 1, 1, 1), value))


def test_without_metrics_the_smallest_loss_is_the_best():
    told = []

    class Ear(Callback):
        def validated(self, step, scores, *, best):
            told.append((scores["validation/main/square"], best))

    # The number wanders from 0 to 1 and passes the 0.3 of the validation on its way.
    how = recipe(steps=40, lr=0.03, decay="constant", validate_every=4)
    report = Trainer(how, callbacks=[Ear()]).fit(Scalar(), [of(1.0)], validation=[of(0.3)])
    values = [value for value, _ in told]
    assert 0 < values.index(min(values)) < len(values) - 1
    assert [best for _, best in told] == [
        value == min(values[: k + 1]) for k, value in enumerate(values)
    ]
    assert report.best == min(values)
    assert report.best_step == 4 * (1 + values.index(min(values)))


def test_a_score_that_is_no_number_is_never_the_best():
    class Late(Scalar):
        def loss(self, batch, part, rng):
            terms = super().loss(batch, part, rng)
            early = not self.training and self.step < 12
            return {n: t * float("nan") if early else t for n, t in terms.items()}

    report = Trainer(recipe(validate_every=5)).fit(Late(), [of(1.0)], validation=[of(1.0)])
    assert math.isfinite(report.best)
    assert report.best_step in (15, 20)


def test_batches_that_come_only_once_are_kept_for_the_next_pass():
    passing = (of(value) for value in (1.0, 3.0))
    once, again = Scalar(), Scalar()
    Trainer(recipe(steps=7)).fit(once, passing)
    Trainer(recipe(steps=7)).fit(again, [of(1.0), of(3.0)])
    assert once.value.item() == again.value.item() != 0


def test_a_checkpoint_that_is_half_removed_never_looks_like_one(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path / "checkpoints", 1)
    tensors = {"method": {"value": torch.zeros(2)}}
    shelf.write(1, tensors, {})
    with monkeypatch.context() as killed:
        killed.setattr("sfumato.train.checkpoint.shutil.rmtree", lambda *_, **__: None)
        shelf.write(2, tensors, {})
    assert shelf.steps() == [2]
    shelf.clear_remains()
    assert [path.name for path in shelf.folder.iterdir()] == ["step-00000002"]


def test_no_more_steps_are_made_than_the_recipe_has(tmp_path):
    report = Trainer(recipe(steps=4)).fit(Scalar(), [of(1.0)], until=100)
    assert report.steps == 4


def test_what_was_left_out_is_counted_over_interruptions(tmp_path):
    how = recipe(steps=8, non_finite="skip")
    Trainer(how, out=tmp_path / "run").fit(Scalar(poison=2), [of(1.0)], until=5)
    report = Trainer(how, out=tmp_path / "run").fit(Scalar(poison=2), [of(1.0)], resume=True)
    assert (report.steps, report.non_finite) == (8, 1)


def test_what_is_saved_for_use_is_the_average_of_the_weights(tmp_path):
    method = made("denoiser")
    Trainer(recipe(ema=0.9), out=tmp_path / "run").fit(method, loader())
    averaged = load(tmp_path / "run" / "last", trust=TRUST)
    plain = dict(method.named_parameters())
    assert not any(torch.equal(p, plain[n]) for n, p in averaged.named_parameters())


def test_labels_are_scored_against_masks(tmp_path):
    report = Trainer(recipe(lr=0.02, steps=40), out=tmp_path / "run").fit(
        made("segmenter"), loader(), validation=loader(batch_size=4), metrics=[MeanIoU(classes=3)]
    )
    assert 0.0 <= report.scores["MeanIoU"] <= 1.0
    assert report.scores["validation/main/cross_entropy"] < math.log(3)


def test_validation_does_not_change_the_training(tmp_path):
    plain, judged = made("players"), made("players")
    Trainer(recipe()).fit(plain, loader())
    Trainer(recipe(validate_every=1)).fit(judged, loader(), validation=loader(), metrics=[PSNR()])
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, judged.state_dict()[name]), name


def test_metrics_without_anything_to_compare_with_are_refused():
    alone = [Batch(torch.rand(1, 3, *SIZE), target=torch.rand(1, 3, *SIZE))]
    blind = [Batch(torch.rand(1, 3, *SIZE))]

    class Blind(Denoiser):
        def loss(self, batch, part, rng):
            return {"l1": self.predict(batch).image.abs().mean()}

    with pytest.raises(FieldError, match="no 'target' to compare with"):
        Trainer(recipe()).fit(Blind(trunk=Trunk()), alone, validation=blind, metrics=[PSNR()])


def test_bf16_trains_and_keeps_single_precision_weights():
    method = made("denoiser")
    report = Trainer(recipe(precision="bf16")).fit(method, loader())
    assert all(p.dtype == torch.float32 for p in method.parameters())
    assert math.isfinite(report.losses["main/l1"])


def test_a_number_that_is_none_stops_with_the_step_and_the_weights_intact():
    method = Scalar(poison=3)
    before = []

    class Ear(Callback):
        def stepped(self, step):
            before.append(method.value.item())

    batch = Batch(torch.zeros(1, 1, 1, 1), target=torch.ones(1, 1, 1, 1))
    with pytest.raises(RangeError, match=r"step 3, part 'main': a number is none \(square nan"):
        Trainer(recipe(), callbacks=[Ear()]).fit(method, [batch])
    assert method.value.item() == before[-1]


def test_a_number_that_is_none_may_be_left_out():
    batch = Batch(torch.zeros(1, 1, 1, 1), target=torch.ones(1, 1, 1, 1))
    report = Trainer(recipe(non_finite="skip")).fit(Scalar(poison=3), [batch])
    assert (report.steps, report.non_finite) == (20, 1)

    class Hopeless(Scalar):
        def loss(self, batch, part, rng):
            return {"none": self.value * float("nan")}

    with pytest.raises(RangeError, match="step 10"):
        Trainer(recipe(non_finite="skip")).fit(Hopeless(), [batch])


def test_numbers_that_are_none_now_and_then_are_left_out_for_ever():
    class Now(Scalar):
        def loss(self, batch, part, rng):
            terms = super().loss(batch, part, rng)
            return {n: t * float("nan") if self.step % 2 else t for n, t in terms.items()}

    batch = Batch(torch.zeros(1, 1, 1, 1), target=torch.ones(1, 1, 1, 1))
    report = Trainer(recipe(steps=30, non_finite="skip")).fit(Now(), [batch])
    assert (report.steps, report.non_finite) == (30, 15)


def test_every_batch_of_every_step_has_dice_of_its_own():
    class Gambler(Scalar):
        def loss(self, batch, part, rng):
            drawn.append((torch.rand(1, generator=rng).item(), torch.rand(1).item()))
            return super().loss(batch, part, rng)

    batch = Batch(torch.zeros(1, 1, 1, 1), target=torch.ones(1, 1, 1, 1))
    series = []
    for seed in (0, 0, 1):
        drawn: list[tuple[float, float]] = []
        Trainer(recipe(steps=3, accumulate=3, seed=seed)).fit(Gambler(), [batch])
        series.append(drawn)
    assert series[0] == series[1]
    for place in (0, 1):
        assert len({pair[place] for s in series[1:] for pair in s}) == 18


def test_ctrl_c_finishes_the_step_and_saves(tmp_path):
    class Impatient(Callback):
        def stepped(self, step):
            if step == 7:
                os.kill(os.getpid(), signal.SIGINT)

    out = tmp_path / "run"
    how = recipe(save_every=100)
    before = signal.getsignal(signal.SIGINT)
    report = Trainer(how, out=out, callbacks=[Impatient()]).fit(made("denoiser"), loader())
    assert (report.stopped, report.steps) == ("interrupted", 7)
    assert signal.getsignal(signal.SIGINT) is before
    rest = Trainer(how, out=out).fit(made("denoiser"), loader(), resume=True)
    assert rest.steps == 20
    Trainer(how, out=tmp_path / "whole").fit(made("denoiser"), loader())
    assert everything(out, 20) == everything(tmp_path / "whole", 20)


def test_time_runs_out_and_the_training_is_saved(tmp_path):
    report = Trainer(recipe(max_seconds=0.0), out=tmp_path).fit(made("denoiser"), loader())
    assert (report.stopped, report.steps) == ("max_seconds", 1)
    assert everything(tmp_path, 1)


def test_training_works_outside_the_main_thread():
    reports = []
    work = threading.Thread(
        target=lambda: reports.append(Trainer(recipe(steps=2)).fit(made("denoiser"), loader()))
    )
    work.start()
    work.join()
    assert reports[0].steps == 2


def test_a_folder_that_holds_a_training_is_not_overwritten(tmp_path):
    Trainer(recipe(steps=5), out=tmp_path).fit(made("denoiser"), loader())
    with pytest.raises(FileError, match="holds a training of 5 steps already"):
        Trainer(recipe(steps=5), out=tmp_path).fit(made("denoiser"), loader())
    with pytest.raises(FileError, match="nothing to resume"):
        Trainer(recipe(steps=5)).fit(made("denoiser"), loader(), resume=True)


@pytest.mark.parametrize(
    ("how", "kind", "batch", "said"),
    [
        ({"lr": 0.5}, "denoiser", 2, "recipe.*lr 0.001, now it is 0.5"),
        ({"seed": 3}, "denoiser", 2, "seed 0, now it is 3"),
        ({}, "denoiser", 3, "batch_size 2, now it is 3"),
        ({}, "segmenter", 2, r"was trained with method.*and \d+ more"),
    ],
)
def test_resuming_with_other_settings_is_refused_unless_told(how, kind, batch, said, tmp_path):
    Trainer(recipe(), out=tmp_path).fit(made("denoiser"), loader(), until=5)
    with pytest.raises(SpecError, match=said):
        Trainer(recipe(**how), out=tmp_path).fit(made(kind), loader(batch_size=batch), resume=True)


def test_other_settings_are_taken_where_told_and_free_ones_always(tmp_path):
    Trainer(recipe(), out=tmp_path).fit(made("denoiser"), loader(), until=5)
    free = recipe(log_every=1, save_every=3, keep=1, max_seconds=99.0)
    assert (
        Trainer(free, out=tmp_path)
        .fit(made("denoiser"), loader(workers=1), resume=True, until=10)
        .steps
        == 10
    )
    report = Trainer(recipe(lr=0.5), out=tmp_path).fit(made("denoiser"), loader(), resume="changed")
    assert report.steps == 20


def test_a_longer_training_goes_on_where_nothing_decays(tmp_path):
    Trainer(recipe(decay="constant"), out=tmp_path).fit(made("denoiser"), loader())
    longer = recipe(decay="constant", steps=25)
    assert Trainer(longer, out=tmp_path).fit(made("denoiser"), loader(), resume=True).steps == 25


@pytest.mark.parametrize("name", ["method.safetensors", "state.json", "optimizers.safetensors"])
def test_a_damaged_checkpoint_is_told_by_name(name, tmp_path):
    Trainer(recipe(), out=tmp_path).fit(made("denoiser"), loader())
    path = tmp_path / "checkpoints" / "step-00000020" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileError, match=r"step-00000020: the checkpoint is damaged"):
        Trainer(recipe(), out=tmp_path).fit(made("denoiser"), loader(), resume=True)


def test_the_log_is_cut_back_to_where_training_goes_on(tmp_path):
    Trainer(recipe(log_every=1), out=tmp_path).fit(made("denoiser"), loader(), until=7)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("9,1.0,main/l1,0.5\n8,1.0,main/l1")
    Trainer(recipe(log_every=1), out=tmp_path).fit(made("denoiser"), loader(), resume=True)
    rows = table(tmp_path)
    steps = [int(r["step"]) for r in rows if r["name"] == "main/l1"]
    assert steps == list(range(1, 21))


def test_tensorboard_gets_the_same_numbers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    Trainer(recipe(tensorboard=True), out=tmp_path).fit(made("denoiser"), loader())
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    rows = table(tmp_path)
    written = {int(r["step"]): float(r["value"]) for r in rows if r["name"] == "main/l1"}
    board = {e.step: e.value for e in events.Scalars("main/l1")}
    assert board == pytest.approx(written, rel=1e-6)


def test_broken_files_are_reported(tmp_path):
    for k in range(3):
        write(tmp_path / f"{k}.png", np.full((*SIZE, 3), 60 * k, np.uint8))
    (tmp_path / "1.png").write_bytes(b"torn")

    class Selfless(Denoiser):
        def loss(self, batch, part, rng):
            return {"l1": (self.predict(batch).image - batch.image).abs().mean()}

    data = Loader(source=PictureFolder(folder=tmp_path), batch_size=3, broken="skip")
    report = Trainer(recipe(steps=1)).fit(Selfless(trunk=Trunk()), data)
    assert len(report.skipped) == 1
    assert "1.png" in report.skipped[0]


def test_wrong_channels_are_refused_with_what_was_given():
    gray = [Batch(torch.rand(2, 1, *SIZE), target=torch.rand(2, 1, *SIZE))]
    with pytest.raises(ShapeError, match=r"image 2x1x8x8.*channels") as refusal:
        Trainer(recipe()).fit(made("denoiser"), gray)
    assert "\n" not in refusal.value.message


def test_a_label_beyond_the_classes_is_told_with_what_was_given():
    class Labelled(Denoiser):
        def loss(self, batch, part, rng):
            return {"x": torch.nn.functional.cross_entropy(batch.image, batch.mask)}

    with pytest.raises(ShapeError, match=r"mask 2x8x8: Target 7 is out of bounds"):
        far = Batch(torch.rand(2, 3, *SIZE), mask=torch.full((2, *SIZE), 7))
        Trainer(recipe()).fit(Labelled(trunk=Trunk()), [far])


def test_too_little_memory_says_which_setting_helps():
    class Greedy(Denoiser):
        def loss(self, batch, part, rng):
            torch.empty(2**60, dtype=torch.uint8)

    with pytest.raises(OutOfMemoryError, match=r"does not suffice.*\n.*lower batch_size from 2"):
        Trainer(recipe()).fit(Greedy(trunk=Trunk()), loader())


class Misfit(Denoiser):
    """A method that is not in order; ``wrong`` says how."""

    wrong = ""

    def parts(self):
        return {"main": []} if self.wrong == "empty" else super().parts()

    def plan(self):
        from sfumato.core.method import Part

        return {"mian": Part()} if self.wrong == "plan" else {}

    def loss(self, batch, part, rng):
        answer = self.predict(batch).image
        return {
            "none": {},
            "vector": {"l1": answer.mean((1, 2, 3))},
            "detached": {"l1": answer.detach().mean()},
        }.get(self.wrong, {"l1": answer.mean()})


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ("empty", SpecError, "part 'main' has nothing to learn"),
        ("plan", SpecError, "plan names 'mian', which is no part"),
        ("none", SpecError, "gave no term"),
        ("vector", ShapeError, r"'l1' must be one number, got \(2,\)"),
        ("detached", SpecError, "no term depends on a parameter"),
    ],
)
def test_a_method_that_is_not_in_order_is_told_how(wrong, error, said):
    method = Misfit(trunk=Trunk())
    method.wrong = wrong
    with pytest.raises(error, match=said):
        Trainer(recipe()).fit(method, loader())


def test_what_is_no_method_and_no_batch_is_refused():
    with pytest.raises(DtypeError, match="expected a Method, got Trunk"):
        Trainer(recipe()).fit(Trunk(), loader())
    with pytest.raises(DtypeError, match="expected batches, got int"):
        Trainer(recipe()).fit(made("denoiser"), [3])
    with pytest.raises(RangeError, match="no batch to learn from"):
        Trainer(recipe()).fit(made("denoiser"), [])


def test_the_learning_rate_rises_and_falls():
    how = Recipe(steps=100, warmup_steps=10, lr=1.0)
    assert [how.lr_at(step) for step in (0, 4, 9, 10)] == [0.1, 0.5, 1.0, 1.0]
    assert how.lr_at(55) == pytest.approx(0.5)
    assert how.lr_at(100) == 0.0
    line = Recipe(steps=100, warmup_steps=20, lr=2.0, decay="linear")
    assert line.lr_at(60) == pytest.approx(1.0)
    assert (how.lr_at(150), line.lr_at(150)) == (0.0, 0.0)
    assert Recipe(decay="constant", lr=0.1).lr_at(9999) == 0.1
    with pytest.raises(RangeError, match="warm-up"):
        Recipe(steps=5, warmup_steps=5)
