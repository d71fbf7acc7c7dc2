"""The shipped randomly wired networks are what the script makes."""

from __future__ import annotations

import json

import pytest

from orchestrator.memory import footprint, operations_of
from scripts.wired import EXPERIMENTS, NETWORKS, text_of, wired
from workloads.models.profiles import Model


@pytest.mark.parametrize("name", NETWORKS)
def test_the_files_are_up_to_date(name: str) -> None:
    pytest.importorskip("networkx", reason="it wires them")
    text = (EXPERIMENTS / f"{name}.json").read_text("utf-8")
    assert text == text_of(wired(name, NETWORKS[name]))


@pytest.mark.parametrize("name", NETWORKS)
def test_their_shapes_fit_their_graphs(name: str) -> None:
    model = Model.from_json(json.loads((EXPERIMENTS / f"{name}.json").read_text("utf-8")))
    for layer in model.layers[:-1]:  # a pooling comes before the last one
        sizes = {model.layers[before].output_elements for before in layer.needs}
        assert sizes in (set(), {layer.input_elements})


def test_one_holds_less_in_another_order() -> None:
    model = Model.from_json(json.loads((EXPERIMENTS / "wired-b.json").read_text("utf-8")))
    assert not operations_of(model).has_one_order
    least = footprint(model, "least-memory").inference
    assert least < 0.95 * footprint(model, "depth-first").inference
