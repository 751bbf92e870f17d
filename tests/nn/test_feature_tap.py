from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from sfumato.errors import SpecError
from sfumato.nn.feature_tap import FeatureTap


class Pair(nn.Module):
    def forward(self, x):
        return x, {"twice": 2 * x}


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 2, 1), nn.ReLU())
        )


def hooks(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) for m in module.modules())


def test_features_are_what_the_modules_gave(net):
    x = torch.randn(1, 3, 5, 5)
    with FeatureTap(net, "0", "2.0") as tap:
        net(x)
    assert torch.equal(tap["0"], net[0](x))
    assert torch.equal(tap["2.0"], net[2][0](net[1](net[0](x))))


def test_a_class_takes_every_module_of_it_in_the_order_of_the_network(net):
    with FeatureTap(net, nn.ReLU, "0") as tap:
        net(torch.zeros(1, 3, 5, 5))
    assert list(tap) == ["0", "1", "2.1"] == list(tap.names)
    assert len(tap) == 3


def test_the_answer_is_the_same_with_a_tap(net):
    x = torch.randn(1, 3, 5, 5)
    alone = net(x)
    with FeatureTap(net, nn.Module):
        assert torch.equal(net(x), alone)


def test_no_hook_is_left_behind_also_after_an_error(net):
    with FeatureTap(net, nn.Conv2d):
        assert hooks(net) == 2
    assert hooks(net) == 0
    tap = FeatureTap(net, nn.Conv2d)
    with pytest.raises(RuntimeError), tap:
        net(torch.zeros(1, 5, 5, 5))
    assert hooks(net) == 0
    assert len(tap) == 0


def test_features_are_let_go(net):
    with FeatureTap(net, "0") as tap:
        net(torch.zeros(1, 3, 5, 5))
    feature = weakref.ref(tap["0"])
    tap.clear()
    gc.collect()
    assert feature() is None
    net(torch.zeros(1, 3, 5, 5))
    assert len(tap) == 0


def test_gradients_pass_through_only_if_asked(net):
    x = torch.randn(1, 3, 5, 5)
    with FeatureTap(net, "0") as tap:
        net(x)
    assert not tap["0"].requires_grad
    with FeatureTap(net, "0", detach=False) as tap:
        net(x)
    tap["0"].sum().backward()
    assert net[0].weight.grad is not None


def test_taps_may_be_nested(net):
    with FeatureTap(net, "0") as outer:
        with FeatureTap(net, "0") as inner:
            net(torch.ones(1, 3, 5, 5))
        net(torch.zeros(1, 3, 5, 5))
    assert not torch.equal(outer["0"], inner["0"])


def test_a_tap_works_under_autocast(net):
    with torch.autocast("cpu", torch.bfloat16), FeatureTap(net, "0") as tap:
        net(torch.zeros(1, 3, 5, 5))
    assert tap["0"].dtype == torch.bfloat16


def test_outputs_that_are_no_tensors_are_kept_and_detached():
    net, x = nn.Sequential(Pair()), torch.ones(2, requires_grad=True)
    with FeatureTap(net, Pair) as tap:
        net(x)
    first, rest = tap["0"]
    assert not first.requires_grad
    assert not rest["twice"].requires_grad
    assert rest["twice"].tolist() == [2, 2]


def test_unknown_names_and_classes_are_refused(net):
    with pytest.raises(SpecError, match=r"'2\.9'(.|\n)*did you mean '2\.\d'"):
        FeatureTap(net, "2.9")
    with pytest.raises(SpecError, match="Linear"):
        FeatureTap(net, nn.Linear)
    with pytest.raises(SpecError, match="no module was named"):
        FeatureTap(net)


def test_what_was_not_called_is_said(net):
    with FeatureTap(net, "0") as tap, pytest.raises(SpecError, match="has not been called"):
        tap["0"]
    with pytest.raises(KeyError):
        tap["nobody"]
    with pytest.raises(SpecError, match="open already"), tap, tap:
        pass
    assert hooks(net) == 0
