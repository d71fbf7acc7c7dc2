"""The simulated pipeline: small cases by hand, known figures, and its bounds."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.predict.simulation.pipeline import Order, Work, pipelined_seconds, work
from tests.unit.predict.clusters import DEVICES, MODELS
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model, load_model

ORDERS: tuple[Order, ...] = get_args(Order)


@pytest.mark.parametrize("order", ORDERS)
def test_one_piece_overlaps_nothing(order: Order) -> None:
    # Pull 10 s, forward 1 s, backward 2 s, push 20 s.
    assert pipelined_seconds(Work((1,), (2,), ((10,),), 1, 2), order) == pytest.approx(33)


@pytest.mark.parametrize("order", ORDERS)
def test_slices_of_a_tensor_are_pulled_while_others_are_pushed(order: Order) -> None:
    # The second slice's push hides the first one's pull: 5 + 5 + 5 s on the bottleneck.
    assert pipelined_seconds(Work((1,), (2,), ((5, 5),), 1, 1), order) == pytest.approx(18)


def test_the_first_layers_before_all_others() -> None:
    # Two layers of 4 s each way, in units of 1 s; forward 4 s each, backward 1 s each.
    two = Work((4, 4), (1, 1), ((1,) * 4, (1,) * 4), 1, 1)
    # Pushed from 0 on: the last layer 0-4, the first 4-8; pulled at 9; then 4 + 4 s of forward and
    # 1 s of backward: 18 s.
    assert pipelined_seconds(two, "fifo") == pytest.approx(18)
    # Pushed: the last layer 0-1, the first 1-5, the last 5-8. Its forward begins at 6: 15 s.
    assert pipelined_seconds(two, "layer") == pytest.approx(15)
    # Two of the four flows are the first layer's, and two the last one's.
    assert pipelined_seconds(two, "flow") == pytest.approx(15)


def test_flows_in_their_order_and_within_each_what_comes_first() -> None:
    # Eight layers of 1 s each way and 1 s of forward; all are pushed at 0, the last layer first.
    eight = Work((1,) * 8, (0,) * 8, ((1,),) * 8, 1, 1)
    # The first is pulled at 9, when all others are.
    assert pipelined_seconds(eight, "fifo") == pytest.approx(17)
    # Pushed: layer 7, which nothing overtook, then 0, which is pulled at 3.
    assert pipelined_seconds(eight, "layer") == pytest.approx(11)
    # Pushed: layer 7, then the first flow's, 1 and 0, which is pulled at 4.
    assert pipelined_seconds(eight, "flow") == pytest.approx(12)


@pytest.mark.parametrize(
    ("name", "slice_bytes", "order", "in_u"),
    [
        # Reference figures, older than this simulation and not made with it.
        ("alexnet", None, "fifo", 4.90),
        ("googlenet", None, "fifo", 3.61),
        ("inception3", None, "fifo", 3.49),
        ("resnet50", None, "fifo", 3.44),
        ("googlenet", 4_000_000, "layer", 3.44),
        ("alexnet", 160_000, "layer", 3.02),
        ("resnet50", 160_000, "layer", 3.02),
        ("resnet50", 160_000, "flow", 3.04),
    ],
)
def test_figures_of_the_published_topology(
    name: str, slice_bytes: int | None, order: Order, in_u: float
) -> None:
    model = load_model(name)
    device = DeviceModel("published", 0.0020, 0.070, 0.052)
    per_byte = 3 * 8 / (1e9 * 1448 / 1514)
    made = work(model, device, 1, (per_byte, per_byte), slice_bytes)
    seconds = pipelined_seconds(made, order)
    assert seconds / (model.bytes * per_byte / 3) == pytest.approx(in_u, rel=0.03)


@settings(deadline=None)
@given(
    MODELS,
    DEVICES,
    st.tuples(st.floats(1e-9, 1e-6), st.floats(1e-9, 1e-6)),
    st.sampled_from(ORDERS),
    st.sampled_from([None, 50_000_000, 8_000_000]),
)
def test_no_faster_than_the_bound_and_no_slower_than_in_turns(
    model: Model,
    device: DeviceModel,
    per_byte: tuple[float, float],
    order: Order,
    slice_bytes: int | None,
) -> None:
    made = work(model, device, 1, per_byte, slice_bytes)
    seconds = pipelined_seconds(made, order)
    compute = sum(made.forward) + sum(made.backward)
    pull, push = (model.bytes * each for each in per_byte)
    assert max(pull, push, compute) <= seconds * (1 + 1e-6)
    assert seconds <= (pull + push + compute) * (1 + 1e-6)
