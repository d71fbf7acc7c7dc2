"""A model's operations, its order, and what a device holds of it."""

from __future__ import annotations

import pytest

from orchestrator.memory import (
    ORDERS_OF_OPERATIONS,
    footprint,
    operations_of,
    ordered,
    unknown_outputs,
    worker_arrays,
)
from workloads.models.profiles import Layer, Model, Tensor, load_model, model_names
from workloads.schedule.library import get_schedule


def layer(name: str, writes: int, *needs: int) -> Layer:
    return Layer(name, 1, (Tensor(f"{name}.w", (10,)),), output_elements=writes, needs=needs)


# A stem, a branch of two, whose first writes much, a branch of one that writes much, and a join.
FORK = Model(
    "fork",
    "",
    (
        layer("stem", 2),
        layer("a", 6, 0),
        layer("b", 7, 0),
        layer("c", 1, 1),
        layer("join", 1, 2, 3),
    ),
    input_shape=(3, 1),
)


def test_the_example_is_an_operation() -> None:
    operations = operations_of(FORK)
    assert operations.sizes == (12, 8, 24, 28, 4, 4)
    assert operations.needs == ((), (0,), (1,), (1,), (2,), (3, 4))


def test_layers_follow_their_order_one_after_the_other() -> None:
    least = ordered(FORK, "least-memory")
    assert [one.name for one in least.layers] == ["stem", "a", "c", "b", "join"]
    assert least.graph == ((), (0,), (1,), (2,), (3,))
    assert {one.name for one in least.tensors} == {one.name for one in FORK.tensors}
    assert [one.name for one in least.tensors][2] == "c.w"


def test_the_framework_leaves_a_model_as_it_is() -> None:
    assert ordered(FORK, "framework") is FORK


@pytest.mark.parametrize("name", model_names())
def test_orders_of_the_library(name: str) -> None:
    model = load_model(name)
    held = {order: footprint(model, order) for order in ORDERS_OF_OPERATIONS}
    for order in ORDERS_OF_OPERATIONS:
        turned = ordered(model, order)
        assert turned.bytes == model.bytes
        assert held["least-memory"].inference <= held[order].inference
        if operations_of(model).has_one_order:
            assert turned.tensors == model.tensors
            assert held[order] == held["framework"]


def test_what_a_device_holds() -> None:
    held = footprint(FORK, "least-memory", arrays=3)
    # The stem's 8 bytes and a's 24, then a and c, then 8, 4 and b's 28.
    assert (held.parameters, held.inference) == (200, 40)
    assert held.inference_bytes(5) == 200 + 5 * 40
    # All outputs but the example and the join's, while b's backward pass runs.
    assert held.training == 12 + 8 + 24 + 4 + 28 + 40
    assert held.training_bytes(5) == 600 + 5 * held.training


def test_the_largest_batch_that_fits() -> None:
    held = footprint(FORK, "framework")
    for batch in (1, 7):
        assert held.largest_batch(held.training_bytes(batch)) == batch
        assert held.largest_batch(held.training_bytes(batch) - 1) == batch - 1
        assert held.largest_batch(held.inference_bytes(batch), inference=True) == batch
    assert held.largest_batch(1) == 0


def test_where_outputs_are_unknown_any_batch_fits_beside_the_parameters() -> None:
    model = Model("x", "", (Layer("a", 1, (Tensor("w", (10,)),)),))
    assert unknown_outputs(model) == ("a",)
    assert footprint(model, "framework").largest_batch(80) is None
    assert footprint(model, "framework").largest_batch(79) == 0


@pytest.mark.parametrize(
    ("schedule", "arrays"), [("p3", 2), ("ring", 4), ("hybrid", 3), ("local-sgd", 5)]
)
def test_a_worker_holds_arrays(schedule: str, arrays: int) -> None:
    assert worker_arrays(get_schedule(schedule), states=1) == arrays
