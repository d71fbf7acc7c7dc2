"""Random layers, timing them for so long, and the table that they go into."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import InputError
from orchestrator.profile.measure import (
    EVERY_OTHER,
    HELD_OUT,
    is_held_out,
    measure_layers,
    measure_networks,
    read_networks,
)
from orchestrator.profile.shapes import MOST_BYTES, MOST_MACS, sample, text_of, work_of
from orchestrator.profile.table import COLUMNS, Row, heading, read_table, split
from workloads.models.execution import PASSES, Work
from workloads.models.layer_work import works_of
from workloads.models.profiles import KINDS, Layer, Tensor


class Machine:
    """Takes a second for every layer."""

    def __init__(self, fails_after: int = 1000) -> None:
        self.now = 0.0
        self.asked: list[Mapping[str, Any]] = []
        self._fails_after = fails_after

    def clock(self) -> float:
        return self.now

    def ask(self, asked: Mapping[str, Any]) -> dict[str, float]:
        if len(self.asked) == self._fails_after:
            raise KeyboardInterrupt
        self.asked.append(asked)
        self.now += 1.0
        return {"forward": 0.25, "backward": 0.5}


def measured(table: Path, seconds: float, machine: Machine, threads: int = 2) -> list[Row]:
    return measure_layers(
        table,
        machine.ask,
        seconds=seconds,
        seed=5,
        threads=threads,
        note=lambda *_: None,
        clock=machine.clock,
    )


def test_an_interrupted_table_goes_on_where_it_stopped(tmp_path: Path) -> None:
    table, whole = tmp_path / "t.csv", Machine()
    rows = measured(tmp_path / "whole.csv", 9, whole)
    broken = Machine(fails_after=4)
    with pytest.raises(KeyboardInterrupt):
        measured(table, 9, broken)
    rest = Machine()
    assert measured(table, 9, rest)[4:] == rows[4:]
    assert [*broken.asked, *rest.asked] == whole.asked
    assert table.read_text() == (tmp_path / "whole.csv").read_text()
    assert read_table(table) == rows
    assert not measured(table, 9, Machine(fails_after=0))[9:]


def test_a_table_is_of_one_number_of_threads(tmp_path: Path) -> None:
    measured(tmp_path / "t.csv", 2, Machine())
    with pytest.raises(InputError, match="was measured with 2 threads"):
        measured(tmp_path / "t.csv", 4, Machine(), threads=1)


def test_five_hundred_layers_are_held_out() -> None:
    assert sum(map(is_held_out, range(9000))) == HELD_OUT == 500
    assert sum(map(is_held_out, range(100))) == 100 // EVERY_OTHER


def test_networks_are_timed_once(tmp_path: Path) -> None:
    table, machine = tmp_path / "n.csv", Machine()
    lines: list[str] = []
    first = measure_networks(table, machine.ask, ["alexnet"], 4, lines.append)
    both = measure_networks(table, machine.ask, ["alexnet", "vgg19"], 4, lines.append)
    assert lines == ["alexnet", "vgg19"]
    assert both == read_networks(table)
    assert both[:1] == first
    assert both[0].step_seconds == 0.75
    table.write_text("network,batch\nalexnet,4\n")
    with pytest.raises(InputError, match=r"n\.csv:2: no network and its times"):
        read_networks(table)


def test_layers_depend_on_seed_and_number_alone() -> None:
    drawn = [sample(1, number) for number in range(400)]
    assert drawn[7] == sample(1, 7) != sample(2, 7)
    assert {one.work.kind for one in drawn} == set(KINDS)
    assert all(one.work.macs <= MOST_MACS for one in drawn)
    assert all(one.work.features["bytes"] <= MOST_BYTES for one in drawn)
    assert all(text_of(one.shape) for one in drawn)


def test_the_work_of_a_shape_is_that_of_the_layer() -> None:
    shape = {
        "kind": "convolution",
        "batch": 2,
        "in": 3,
        "out": 64,
        "size": [224, 224],
        "kernel": [7, 7],
        "stride": 2,
        "bias": False,
    }
    tensors = (
        Tensor("c.w", (64, 3, 7, 7)),
        Tensor("c.bn.gamma", (64,)),
        Tensor("c.bn.beta", (64,)),
    )
    layer = Layer("c", 118013952, tensors, "convolution", 3 * 224 * 224, 64 * 112 * 112)
    convolution, normalisation = works_of(layer, 2)
    assert convolution == work_of(shape)
    size = 4 * 2 * 64 * 112 * 112
    assert normalisation == Work("normalisation", 0, size, size, 4 * 128)
    (dense,) = works_of(Layer("d", 50, (Tensor("d.w", (5, 10)),), "dense", 10, 5), 3)
    assert dense == Work("dense", 150, 120, 60, 200)


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs PyTorch: make setup-torch"
)
@pytest.mark.parametrize("kind", KINDS)
def test_torch_computes_what_a_shape_says(kind: str) -> None:
    from workloads.torch_models.layer_times import built

    numbers = (number for number in range(10000) if sample(3, number).work.kind == kind)
    small = (
        one
        for number in numbers
        if (one := sample(3, number)).work.macs < 1e6 and one.work.features["bytes"] < 1e6
    )
    for one in (next(small), next(small)):
        layer = built(one.shape)
        output = layer.forward()
        assert 4 * output.numel() == one.work.bytes_out
        taken = 4 * sum(leaf.numel() for leaf in layer.leaves)
        if kind != "embedding" and not one.shape.get("first"):
            assert taken == one.work.bytes_in + one.work.bytes_of_parameters
        assert all(seconds > 0 for seconds in layer.once())


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs PyTorch: make setup-torch"
)
def test_what_disturbs_for_some_milliseconds_spoils_no_short_layer() -> None:
    from workloads.torch_models.layer_times import least

    now = 0.0

    def once() -> tuple[float, float]:
        """A tenth of a millisecond; in the first twenty, ten times as long."""
        nonlocal now
        each = 1e-3 if now < 0.02 else 1e-4
        now += 2 * each
        return each, each

    assert least(once, 0.25, clock=lambda: now) == (1e-4, 1e-4)


def test_somebody_elses_table_is_read(tmp_path: Path) -> None:
    table = tmp_path / "gpu.csv"
    table.write_text(
        "\ufeffdevice," + ",".join(COLUMNS) + "\nA100, dense, 1e6, 10, 20, 30, 0.1, 0.2\n"
    )
    assert read_table(table) == [
        Row(Work("dense", 1e6, 10, 20, 30), {"forward": 0.1, "backward": 0.2})
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind,macs\n", "t.csv:1: missing 5 columns: bytes_in"),
        (heading(), "t.csv: no layer"),
        (heading() + ",dens,1,1,1,1,1,1,,0,0\n", "t.csv:2: kind: no kind of layer: 'dens'"),
        (heading() + ",dense,1,1,1,1,0,1,,0,0\n", "forward_seconds: must be a number above 0"),
        (heading() + ",dense,x,1,1,1,1,1,,0,0\n", "macs: must be a number at least 0, found 'x'"),
        (heading() + ",dense,1,1,1,1,1,1,2,0,0\n", "held_out: must be 0 or 1, found '2'"),
    ],
)
def test_what_is_wrong_in_a_table_has_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "t.csv")
    assert message in str(caught.value)


def test_a_split_keeps_what_the_table_says() -> None:
    work = Work("dense", 1, 1, 1, 1)
    told = [Row(work, dict.fromkeys(PASSES, 1.0), str(n), n % 2 == 0) for n in range(10)]
    _, held_out = split(told, 1, 0.5)
    assert [row.layer for row in held_out] == ["0", "2", "4", "6", "8"]
    free = [Row(work, dict.fromkeys(PASSES, 1.0), str(n)) for n in range(400)]
    assert split(free, 1, 0.25) == split(free, 1, 0.25)
    assert 70 < len(split(free, 1, 0.25)[1]) < 130
