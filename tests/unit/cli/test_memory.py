"""`dmlbed memory`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli


def memory(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(cli, ["memory", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = memory(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_every_order_and_what_is_known_of_the_best() -> None:
    answer = told("resnet50", "--batch", "8")
    peaks = {one["order"]: one["training_bytes"] for one in answer["orders"]}
    assert list(peaks) == ["framework", "breadth-first", "depth-first", "least-memory"]
    assert peaks["least-memory"] == min(peaks.values()) < peaks["depth-first"]
    assert answer["least"]["gap"] == 0
    assert "no order has a lower peak" in memory("resnet50").stdout


@pytest.mark.parametrize("model", ["alexnet", "vgg19"])
def test_a_chain_gains_nothing(model: str) -> None:
    assert told(model)["one_order"]
    assert "it has but one order, and gains nothing" in memory(model).stdout


def test_layers_of_one_order() -> None:
    answer = told("squeezenet", "--order", "depth-first")
    held = [layer["held_bytes"] for layer in answer["layers"]]
    assert len(held) == 26
    assert max(held) == answer["orders"][2]["forward_outputs_bytes"]
    assert "conv1" in memory("squeezenet", "--order", "depth-first").stdout


@pytest.mark.parametrize("options", [(), ("--inference",), ("--optimizer", "adam")])
def test_a_cap_that_cannot_hold(options: tuple[str, ...]) -> None:
    refused = memory("inception3", "--batch", "1000", "--cap", "4 GiB", *options)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("--cap: ")
    largest = refused.stderr.rstrip(")\n").rpartition(" ")[2]
    held = memory("inception3", "--batch", largest, "--cap", "4 GiB", *options)
    assert held.exit_code == 0
    assert f"4.295 GB are enough: the largest batch that fits is {largest}\n" in held.stdout
    more = str(int(largest) + 1)
    assert memory("inception3", "--batch", more, "--cap", "4 GiB", *options).exit_code == 2


def test_a_cap_below_the_parameters() -> None:
    refused = memory("vgg19", "--cap", "100MB")
    assert refused.exit_code == 2
    assert "what does not depend on the batch takes 1.149 GB" in refused.stderr


@pytest.mark.parametrize("arguments", [("inceptio",), ("alexnet", "--cap", "4")])
def test_wrong_input(arguments: tuple[str, ...]) -> None:
    assert memory(*arguments).exit_code == 2
