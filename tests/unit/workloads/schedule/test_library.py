"""Models, devices and schedules: the facts that experiments rest on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from workloads.models.devices import DeviceModel, known_devices
from workloads.models.profiles import Layer, Tensor, load_model, model_names
from workloads.schedule.library import get_schedule, schedule_names
from workloads.schedule.schedule import Schedule

PUBLISHED_DEVICE = "published-worker-6-cores-2GHz"


@pytest.mark.parametrize(
    ("name", "size", "tensors", "layers", "depthwise"),
    [
        ("alexnet", 247369380, 16, 8, 0),
        ("googlenet", 27998308, 116, 58, 0),
        ("inception3", 95277604, 190, 95, 0),
        ("resnet50", 102236324, 161, 54, 0),
        ("mobilenet", 14024612, 158, 53, 17),
        ("mobilenet_v1", 16927904, 83, 28, 13),
        ("vgg19", 574668960, 38, 19, 0),
        ("resnet152", 240771232, 467, 156, 0),
        ("squeezenet", 4993696, 52, 26, 0),
    ],
)
def test_models(name: str, size: int, tensors: int, layers: int, depthwise: int) -> None:
    model = load_model(name)
    assert model.name == name
    assert model.bytes == size
    assert len(model.tensors) == tensors
    assert len(model.layers) == layers
    assert sum(layer.is_depthwise for layer in model.layers) == depthwise


def test_every_model_is_listed_and_has_unique_names() -> None:
    assert len(model_names()) == 17
    for name in model_names():
        model = load_model(name)
        assert len({tensor.name for tensor in model.tensors}) == len(model.tensors)
        assert len({layer.name for layer in model.layers}) == len(model.layers)


def test_a_ring_has_no_server_to_order_for() -> None:
    ring = get_schedule("ring")
    with pytest.raises(ValueError, match="order: 'tic' orders what a parameter server sends"):
        replace(ring, order="tic")
    with pytest.raises(ValueError, match="in a ring no worker's gradient is applied by itself"):
        replace(ring, synchronisation="asynchronous")


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ({"exchange": "parameter-server"}, "bucket: goes with the exchange 'ring', and only with"),
        ({"order": "layer", "place": "host"}, "place: buckets go in the order in which a backward"),
        (
            {"slice_bytes": 4000, "synchronisation": "per-slice"},
            "slice: whole tensors are fused to a bucket",
        ),
        ({"bucket_bytes": None, "window_bytes": 1}, "window: in a ring it counts buckets"),
        ({"bucket_bytes": 0}, "bucket: must be at least 1, found 0"),
    ],
)
def test_what_does_not_go_with_buckets(choices: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(get_schedule("ring-bucketed"), **choices)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^unknown model 'alexnett' \(did you mean 'alexnet'\?\)"):
        load_model("alexnett")


@pytest.mark.parametrize(
    ("name", "seconds"),
    # 0.0020 s/MB x MB + 0.070 s/GMAC x GMAC + 0.052 s x depthwise layers, by hand
    [
        ("alexnet", 0.0020 * 247.369380 + 0.070 * 0.838792896),
        ("googlenet", 0.0020 * 27.998308 + 0.070 * 1.582672896),
        ("resnet50", 0.0020 * 102.236324 + 0.070 * 3.857975296),
        ("mobilenet", 0.0020 * 14.024612 + 0.070 * 0.300775552 + 0.052 * 17),
    ],
)
def test_compute_of_the_published_worker(name: str, seconds: float) -> None:
    device = known_devices()[PUBLISHED_DEVICE]
    layers = load_model(name).layers
    forward = sum(device.forward_seconds(layer, 1) for layer in layers)
    backward = sum(device.backward_seconds(layer, 1) for layer in layers)
    assert forward == pytest.approx(seconds / 3)
    assert backward == pytest.approx(seconds * 2 / 3)


def test_the_batch_multiplies_all_but_the_parameters_term() -> None:
    device = DeviceModel("x", 3.0, 6.0, 9.0)
    layer = Layer("x", 2 * 10**9, (Tensor("x.w", (250_000, 1, 1, 1)),), "depthwise")  # 1 MB
    assert device.forward_seconds(layer, 4) == pytest.approx((3 + 4 * (6 * 2 + 9)) / 3)


def test_an_embedding_costs_the_rows_that_it_reads() -> None:
    device = DeviceModel("x", 3.0, 6.0, 9.0)
    words = Layer("x", 0, (Tensor("x.w", (1000, 250)),), "embedding", output_elements=25_000)
    assert device.forward_seconds(words, 4) == pytest.approx(3 * 0.4 / 3)
    assert device.backward_seconds(words, 4) == pytest.approx(3 * 0.4 * 2 / 3)
    assert device.forward_seconds(words, 100) == pytest.approx(3 * 1 / 3)  # each row, many times


def test_a_layer_costs_the_tensors_that_it_shares() -> None:
    device = DeviceModel("x", 3.0, 6.0, 9.0)
    head = Layer("x", 0, (), "dense", tied=(Tensor("y.w", (1000, 250)),))
    assert device.forward_seconds(head, 1) == pytest.approx(1)
    assert head.bytes == 0


def test_the_published_schedules_differ_in_the_place_only() -> None:
    none, switch = get_schedule("none"), get_schedule("switch-priority")
    assert schedule_names()[0] == none.name
    assert replace(switch, name="", source="", place="nowhere", switch_order=None) == replace(
        none, name="", source=""
    )
    assert (switch.place, switch.switch_order) == ("switch", "worker")
    assert "our inference" in switch.source


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ({"place": "switch"}, "switch_order"),
        ({"switch_order": "worker"}, "switch_order"),
        ({"order": "generation", "synchronisation": "per-slice"}, "slice: missing"),
        (
            {"order": "generation", "synchronisation": "per-tensor", "slice_bytes": 4},
            "has no smaller unit",
        ),
        ({"window_bytes": 4}, "no push is answered"),
        ({"staleness": 1}, "staleness: goes with 'stale-synchronous'"),
        ({"synchronisation": "stale-synchronous", "order": "generation"}, "staleness: goes with"),
        (
            {
                "order": "generation",
                "synchronisation": "stale-synchronous",
                "staleness": 1,
                "window_bytes": 9,
            },
            "an answer may wait for what the window holds back",
        ),
        ({"slice_bytes": 0}, "slice: must be at least 1, found 0"),
        ({"place": "switch", "switch_order": "layer"}, "flows: goes with switch_order 'layer'"),
        ({"place": "switch", "switch_order": "worker", "flows": 2}, "and only with it"),
        ({"flows": 2}, "and only with it"),
        ({"every": 2}, "every: goes with averaging 'local' or 'elastic', and only with them"),
        ({"averaging": "local"}, "every: goes with averaging"),
        ({"averaging": "local", "every": 0}, "every: must be at least 1, found 0"),
        ({"averaging": "local", "every": 2, "beta": 0.9}, "beta: goes with averaging 'elastic'"),
        ({"averaging": "elastic", "every": 2, "alpha": 0.3}, "beta: missing"),
        (
            {"averaging": "local", "every": 2, "outer_momentum": 1.0},
            "outer_momentum: must be at least 0, and below 1, found 1.0",
        ),
        ({"averaging": "local", "every": 2, "outer_learning_rate": 0.0}, "must be above 0"),
        (
            {"averaging": "elastic", "every": 2, "alpha": 0.3, "beta": 2.0},
            "beta: must be below 2",
        ),
        (
            {"averaging": "elastic", "every": 2, "alpha": 1.1, "beta": 0.9},
            "alpha: must be below 2 - beta = 1.1, or workers and centre swing apart even without",
        ),
        (
            {
                "averaging": "local",
                "every": 2,
                "order": "generation",
                "synchronisation": "asynchronous",
            },
            "all must be in step: synchronisation cannot be 'asynchronous'",
        ),
        (
            {"place": "switch", "switch_order": "layer", "flows": 9},
            "flows: must be from 2 to 8, found 9",
        ),
        (
            {
                "order": "generation",
                "place": "switch",
                "switch_order": "layer",
                "flows": 2,
                "synchronisation": "per-tensor",
                "window_bytes": 9,
            },
            "could delay the urgent one",
        ),
    ],
)
def test_choices_that_contradict_each_other(choices: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Schedule("mine", "a test", **choices)


def test_geryon_differs_from_slices_in_one_flow_in_its_flows_only() -> None:
    one = replace(
        get_schedule("geryon"), name="", source="", place="nowhere", switch_order=None, flows=None
    )
    assert one == replace(get_schedule("fifo-sliced"), name="", source="")
    assert "after the abstract" in get_schedule("geryon").source


def test_an_unknown_schedule_names_the_nearest() -> None:
    assert get_schedule("none").name == "none"
    with pytest.raises(ValueError, match=r"^unknown schedule 'nonne' \(did you mean 'none'\?\)$"):
        get_schedule("nonne")
    with pytest.raises(ValueError, match=r"\(known: none, switch-priority, fifo, .*\)$"):
        get_schedule("x")
