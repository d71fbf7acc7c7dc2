"""Fewer channels: which can be fewer, what the layers become, and what a budget costs."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.shrink.comparison import BY_MACS, BY_SECONDS, compared
from orchestrator.shrink.search import parameters, shrink, shrink_by_macs
from orchestrator.shrink.widths import Shapes
from orchestrator.spec.files.model_file import read_model
from workloads.models.devices import DeviceModel, known_devices
from workloads.models.profiles import Layer, Model, Tensor, load_model

PUBLISHED = "published-worker-6-cores-2GHz"
SLOW_BELOW = {
    "if": "macs_per_output",
    "at_most": 600,
    "then": {"seconds_per_gmac": 0.08},
    "else": {"seconds_per_gmac": 0.02},
}
UNEVEN = DeviceModel("uneven", kinds={"other": {"forward": SLOW_BELOW, "backward": SLOW_BELOW}})


def dense(name: str, into: int, out: int, *needs: int, **fields: object) -> Layer:
    tensors = (Tensor(f"{name}.w", (out, into)), Tensor(f"{name}.b", (out,)))
    made = Layer(name, into * out, tensors, "dense", into, out, needs)
    return Layer(**{**vars(made), **fields})


def chain() -> Model:
    return Model("chain", "", (dense("a", 10, 40), dense("b", 40, 20, 0), dense("c", 20, 5, 1)))


def halved(model: Model, place: int = 0) -> Model:
    shapes = Shapes(model)
    width = shapes.widths[place]
    return shapes.with_widths({width: width.channels // 2})


def test_a_layer_and_those_that_take_its_output_become_smaller() -> None:
    a, b, c = halved(chain()).layers
    assert [one.tensors[0].shape for one in (a, b, c)] == [(20, 10), (20, 20), (5, 20)]
    assert [one.tensors[1].shape for one in (a, b, c)] == [(20,), (20,), (5,)]
    assert [one.macs for one in (a, b, c)] == [200, 400, 100]
    assert [(one.input_elements, one.output_elements) for one in (a, b)] == [(10, 20), (20, 20)]


def test_what_leaves_the_network_stays() -> None:
    assert [width.layers for width in Shapes(chain()).widths] == [(0,), (1,)]


def test_outputs_that_are_added_have_one_width() -> None:
    layers = (
        dense("a", 10, 16),
        dense("b", 16, 16, 0),
        dense("c", 16, 4, 0, 1, join="add"),
    )
    (width,) = Shapes(Model("m", "", layers)).widths
    assert width.layers == (0, 1)
    assert halved(Model("m", "", layers)).layers[2].tensors[0].shape == (4, 8)


def test_of_outputs_side_by_side_each_has_its_own() -> None:
    layers = (dense("a", 10, 16), dense("b", 10, 8), dense("c", 24 * 9, 4, 0, 1))
    assert [width.channels for width in Shapes(Model("m", "", layers)).widths] == [16, 8]
    # Nine values of each channel come in: it was flattened.
    assert halved(Model("m", "", layers)).layers[2].tensors[0].shape == (4, 16 * 9)


def test_what_the_model_does_not_say_is_left_alone() -> None:
    unknown = Layer("x", 0, (), "attention", 16, 16, (0,))
    tied = dense("d", 16, 16, 0, tied=(Tensor("a.w", (16, 10)),))
    odd = dense("b", 17, 4, 0)
    for second in (unknown, tied, odd):
        layers = (dense("a", 10, 16), second, dense("z", 16, 4, 1))
        assert all(0 not in width.layers for width in Shapes(Model("m", "", layers)).widths)


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs PyTorch: make setup-torch"
)
@pytest.mark.parametrize("name", ["squeezenet", "resnet50", "mobilenet"])
def test_torch_computes_a_shrunk_network(name: str) -> None:
    import torch

    from workloads.torch_models.networks import Network

    shapes = Shapes(load_model(name))
    smaller = shapes.with_widths({w: max(1, w.channels // 2) for w in shapes.widths})
    assert parameters(smaller) < 0.5 * parameters(shapes.model)
    with torch.device("meta"):
        network = Network(name, smaller)
        scores = network(torch.empty(2, *network.input_shape))
    assert scores.shape[0] == 2
    assert scores.shape[1] == shapes.model.layers[-1].tensors[0].shape[0]
    assert sum(one.numel() for one in network.parameters()) == parameters(smaller)


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("alexnet", UNEVEN),
        ("mobilenet", UNEVEN),
        ("squeezenet", UNEVEN),
        ("squeezenet", known_devices()[PUBLISHED]),
    ],
)
def test_knowing_times_costs_no_more_parameters(name: str, device: DeviceModel) -> None:
    model = load_model(name)
    today = sum(device.forward_seconds(x, 4) + device.backward_seconds(x, 4) for x in model.layers)
    whole, by_seconds, by_macs = compared(model, device, 4, 0.6 * today, least=0.25)
    assert (by_seconds.way, by_macs.way) == (BY_SECONDS, BY_MACS)
    assert by_seconds.reached
    assert by_macs.reached
    assert by_seconds.seconds <= 0.6 * today < whole.seconds
    assert by_macs.parameters <= by_seconds.parameters < whole.parameters
    for before, after in by_seconds.widths.values():
        assert 0.25 * before <= after < before


def test_a_device_that_is_slow_where_macs_are_few_is_known_to_be() -> None:
    # Equal MACs in two branches; only one of them takes long.
    layers = (
        dense("short", 500, 800),
        dense("long", 4000, 100),
        dense("end", 900, 4, 0, 1),
    )
    shapes = Shapes(Model("m", "", layers))

    def seconds(layer: Layer) -> float:
        return UNEVEN.forward_seconds(layer, 1)

    budget = 0.7 * sum(map(seconds, layers))
    knowing = shrink(shapes, seconds, budget, least=0.25)
    counting = shrink_by_macs(shapes, seconds, budget, least=0.25)
    lost, lost_counting = (
        parameters(shapes.model) - parameters(one.model) for one in (knowing, counting)
    )
    assert lost < 0.5 * lost_counting


def test_a_budget_that_no_width_meets_is_said() -> None:
    found = shrink(Shapes(chain()), lambda layer: 1.0 + layer.macs, 1.0, least=0.5)
    assert not found.reached


def test_the_verb_writes_the_model_and_says_what_it_costs(tmp_path: Path) -> None:
    out = tmp_path / "small.yaml"
    asked = ["shrink", "squeezenet", "--device", PUBLISHED, "--budget", "60%", "--json"]
    topology = Path(__file__).parents[3] / "topologies/ps-10g-1g-3workers.yaml"
    result = CliRunner().invoke(cli, [*asked, "--out", str(out), "--topology", str(topology)])
    assert result.exit_code == 0, result.stderr
    whole, by_seconds, _ = json.loads(result.stdout)["variants"]
    assert by_seconds["predicted_seconds"] <= 0.6 * whole["predicted_seconds"]
    assert by_seconds["bound_seconds"] <= whole["bound_seconds"]
    written = read_model(out, "small.yaml", "small")
    assert parameters(written) == by_seconds["parameters"]
    again = ["shrink", str(out), "--device", PUBLISHED, "--budget", "90%", "--json"]
    result = CliRunner().invoke(cli, again)
    assert json.loads(result.stdout)["variants"][0]["parameters"] == parameters(written)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "nobody", "--budget", "1"], "--device: unknown device 'nobody'"),
        (["--device", "./x.yaml", "--budget", "1"], "./x.yaml: no such file"),
        (["--device", PUBLISHED, "--budget", "-1"], "--budget: must be seconds, or a share"),
        (["--device", PUBLISHED, "--budget", "1", "--topology", "x"], "x: no such file"),
        (["--device", PUBLISHED, "--budget", "1", "--measure", "99999"], "--measure: there are"),
    ],
)
def test_wrong_input_is_said(options: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["shrink", "alexnet", *options])
    assert result.exit_code == 2
    assert message in result.stderr
