"""Chance: a stream a step, a worker and an epoch, and none that two processes share."""

from __future__ import annotations

import multiprocessing
import sys
import types

import numpy as np
import pytest

import sfumato.augment as A
from sfumato.augment import _streams

PICTURE = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)


def corners(transform, count=6, **options):
    """Say where each of some random crops begins."""
    return [int(transform(image=PICTURE, **options)["image"][0, 0]) for _ in range(count)]


def crop(seed=None):
    return A.Compose([A.RandomCrop(8, 8)], seed=seed)


def in_children(transform, count=2):
    """Run the same object in forked children, as a data loader does."""
    context = multiprocessing.get_context("fork")
    ends = [context.Pipe() for _ in range(count)]
    children = [
        context.Process(target=lambda end=end: end.send(corners(transform))) for _, end in ends
    ]
    for child in children:
        child.start()
    seen = [end.recv() for end, _ in ends]
    for child in children:
        child.join()
    return seen


@pytest.mark.skipif(sys.platform == "win32", reason="processes do not fork there")
@pytest.mark.parametrize("make", [crop, lambda: A.RandomCrop(8, 8)], ids=["Compose", "alone"])
def test_forked_workers_do_not_repeat_each_other_nor_their_parent(make):
    transform = make()
    parent = corners(transform)
    first, second = in_children(transform)
    assert len({tuple(parent), tuple(first), tuple(second)}) == 3


@pytest.fixture
def worker(monkeypatch):
    """Pretend to be a worker of torch's data loader, with a seed of its own."""

    def become(seed):
        module = types.ModuleType("torch.utils.data")
        module.get_worker_info = lambda: types.SimpleNamespace(seed=seed)
        monkeypatch.setitem(sys.modules, "torch.utils.data", module)

    return become


def test_workers_and_epochs_differ_and_repeat_with_the_same_seed(worker):
    runs = {}
    for epoch_and_worker in (100, 101, 200):
        worker(epoch_and_worker)
        runs[epoch_and_worker] = corners(crop(seed=1))
        assert corners(crop(seed=1)) == runs[epoch_and_worker]
        assert corners(crop(seed=2)) != runs[epoch_and_worker]
    assert len({tuple(run) for run in runs.values()}) == 3


def test_pictures_named_by_seed_epoch_and_index_are_the_same_for_any_workers():
    alone = [corners(crop(), 1, rng=(7, 3, k))[0] for k in range(12)]
    shared = [0] * 12
    for w in range(3):  # every third picture is another worker's
        mine = crop()
        for k in range(w, 12, 3):
            shared[k] = corners(mine, 1, rng=(7, 3, k))[0]
    assert alone == shared
    assert len(set(alone)) > 8
    assert alone != [corners(crop(), 1, rng=(7, 4, k))[0] for k in range(12)]


def test_a_transform_alone_can_be_seeded():
    first, second = A.RandomCrop(8, 8), A.RandomCrop(8, 8)
    first.set_random_seed(5)
    second.set_random_seed(5)
    assert corners(first) == corners(second)
    first.set_random_seed(None)
    assert corners(first) != corners(second)


def test_global_seeds_do_not_matter_and_are_left_alone():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    corners(crop())
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_one_stream_serves_a_process():
    assert _streams.ambient() is _streams.ambient()
    assert _streams.process() == __import__("os").getpid()
