from __future__ import annotations

import pytest
import torch
from torch import nn

from sfumato.errors import RangeError, ShapeError
from sfumato.nn.ema import EMA


def scalar(value: float, dtype: torch.dtype = torch.float32) -> nn.Linear:
    layer = nn.Linear(1, 1, bias=False, dtype=dtype)
    nn.init.constant_(layer.weight, value)
    return layer


def run(average: EMA, layer: nn.Linear, values: list[float]) -> float:
    for value in values:
        nn.init.constant_(layer.weight, value)
        average.update(layer)
    with average.applied_to(layer):
        return layer.weight.item()


def test_the_average_is_the_geometric_sum():
    layer = scalar(1.0)
    got = run(EMA(layer, decay=0.9), layer, [2.0, 5.0, -1.0])
    assert got == pytest.approx(0.9**3 * 1 + 0.1 * (0.81 * 2 + 0.9 * 5 - 1), rel=1e-6)


def test_the_ramp_begins_with_a_tenth_and_ends_at_the_decay():
    layer = scalar(0.0)
    average = EMA(layer, decay=0.25, ramp=True)
    decays = []
    for _ in range(5):
        decays.append(average.decay_now())
        average.update(layer)
    assert decays == pytest.approx([1 / 10, 2 / 11, 3 / 12, 0.25, 0.25])


def test_half_precision_weights_are_averaged_in_single():
    layer = scalar(1.0, torch.bfloat16)
    average = EMA(layer, decay=0.999)
    nn.init.constant_(layer.weight, 2.0)
    for _ in range(3):
        average.update(layer)
    value = average.state_dict()["average.weight"]
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(2 - 0.999**3, rel=1e-6)


def test_running_statistics_are_copied_not_averaged():
    net = nn.BatchNorm1d(2)
    average = EMA(net, decay=0.9)
    net(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    average.update(net)
    other = nn.BatchNorm1d(2)
    average.copy_to(other)
    assert torch.equal(other.running_mean, net.running_mean)
    assert other.num_batches_tracked.item() == 1


def test_own_weights_come_back_bit_for_bit_also_after_an_error():
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    average = EMA(net, decay=0.5)
    nn.init.normal_(net[0].weight)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match="inside"), average.applied_to(net):
        assert not torch.equal(net[0].weight, before["0.weight"])
        raise ValueError("inside")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_buffers_that_are_not_saved_come_back_too():
    layer = torch.nn.Linear(1, 1)
    layer.register_buffer("place", torch.zeros(1), persistent=False)
    average = EMA(layer)
    layer.place += 5
    with average.applied_to(layer):
        assert layer.place.item() == 0
    assert layer.place.item() == 5


def test_a_saved_average_goes_on_bit_for_bit():
    torch.manual_seed(1)
    steps = [torch.randn(4, 4) for _ in range(6)]
    net = nn.Linear(4, 4)

    def go(average: EMA, part: list[torch.Tensor]) -> None:
        for weight in part:
            net.weight.data.copy_(weight)
            average.update(net)

    whole, first = EMA(net, decay=0.9, ramp=True), EMA(net, decay=0.9, ramp=True)
    go(whole, steps)
    go(first, steps[:3])
    second = EMA(nn.Linear(4, 4), decay=0.9, ramp=True)
    second.load_state_dict(first.state_dict())
    go(second, steps[3:])
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_the_state_shares_nothing_with_the_average():
    layer = scalar(1.0)
    average = EMA(layer)
    average.state_dict()["average.weight"].fill_(7.0)
    assert average.state_dict()["average.weight"].item() == 1.0
    layer.weight.data.fill_(3.0)
    assert average.state_dict()["average.weight"].item() == 1.0


def test_another_network_is_refused():
    average = EMA(nn.Linear(2, 3))
    with pytest.raises(ShapeError, match="'bias' is missing"):
        average.update(nn.Linear(2, 3, bias=False))
    with pytest.raises(ShapeError, match=r"'weight' was \(3, 2\)"):
        average.copy_to(nn.Linear(3, 3))
    with pytest.raises(ShapeError, match="of another network"):
        average.load_state_dict({"updates": torch.tensor(1)})
    with pytest.raises(RangeError, match="decay"):
        EMA(nn.Linear(2, 3), decay=1.5)


def test_only_what_is_named_is_followed_and_kept():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    average = EMA(net, decay=0.5, only=list(net[2].parameters()))
    names = {name for name in average.state_dict() if name.startswith("average.")}
    assert names == {"average.2.weight", "average.2.bias"}
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1.0)
    average.update(net)
    now = {name: value.clone() for name, value in net.state_dict().items()}
    with average.applied_to(net):
        assert torch.equal(net[0].weight, now["0.weight"])
        torch.testing.assert_close(net[2].weight, before["2.weight"] + 0.5)
    assert all(torch.equal(value, now[name]) for name, value in net.state_dict().items())
    again = EMA(net, decay=0.5, only=list(net[2].parameters()))
    again.load_state_dict(average.state_dict())
    with pytest.raises(ShapeError, match=r"average\.0\.bias. is missing"):
        EMA(net, decay=0.5).load_state_dict(average.state_dict())
