"""Some units through a parameter server, others round a ring: each with the sums of its own way."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.workloads import own_codecs
from tests.unit.workloads.in_process import model_of, train
from tests.unit.workloads.own_codecs import named
from workloads.exchange.split import SplitExchange
from workloads.library import IDENTITY
from workloads.schedule.library import get_schedule
from workloads.schedule.members import Members
from workloads.schedule.units import Layout
from workloads.schedule.ways import ways

SPLIT = replace(get_schedule("split"), slice_bytes=4096)
SHARES = {"server": 0.4, "ring": 0.6}
MODEL = model_of([[7_000], [1, 3000], [], [257, 64]])
RATE, ITERATIONS, WORKERS = 0.1, 3, 3


def by_hand() -> tuple[str, str]:
    """Digests of what the server and what the ring look after.

    A slice goes where fewer bytes of its share are, counted with it; in the ring to the worker that
    has fewest. The server adds in the order of the workers, the ring from the one after the owner.
    """
    carried, owned = {"server": 0, "ring": 0}, [0] * WORKERS
    digests = {way: hashlib.sha256() for way in carried}
    for number, tensor in enumerate(MODEL.tensors):
        drawn = np.random.default_rng([7, 1, number]).standard_normal(tensor.elements, np.float32)
        p = drawn * np.float32(0.01)
        targets = [
            np.resize(np.random.default_rng([7, 2, w]).standard_normal(65536, np.float32), p.size)
            for w in range(WORKERS)
        ]
        for begin in range(0, p.size, 1024):
            part = p[begin : begin + 1024]
            through, round_it = (carried[way] + part.nbytes for way in ("server", "ring"))
            way = "server" if through / 0.4 <= round_it / 0.6 else "ring"
            carried[way] += part.nbytes
            in_order = list(range(WORKERS))
            if way == "ring":
                owner = min(in_order, key=lambda one: (owned[one], one))
                owned[owner] += part.nbytes
                in_order = [(owner + hop) % WORKERS for hop in (1, 2, 3)]
            for _ in range(ITERATIONS):
                one, two, three = (part - targets[w][begin : begin + 1024] for w in in_order)
                part -= np.float32(RATE / WORKERS) * ((one + two) + three)
            digests[way].update(part.tobytes())
    return digests["server"].hexdigest(), digests["ring"].hexdigest()


@pytest.mark.parametrize("slow", [(), (0.0, 0.3, 0.1)], ids=["alike", "one is slow"])
@pytest.mark.parametrize("codec", [IDENTITY, named(own_codecs.Packed), named(own_codecs.Adding)])
@pytest.mark.parametrize("order", ["planned", "layer"])
def test_each_way_ends_with_its_own_sums(
    tmp_path: Path, order: str, codec: str, slow: tuple[float, ...]
) -> None:
    schedule = replace(SPLIT, order=order, push_codec=codec, pull_codec=codec)
    server = train(
        tmp_path, MODEL, schedule, shares=SHARES, layer_seconds=slow, iterations=ITERATIONS,
        learning_rate=RATE,
    )  # fmt: skip
    ends = [
        json.loads((tmp_path / f"worker{n}.jsonl").read_text().splitlines()[-1]) for n in range(3)
    ]
    of_server, of_ring = by_hand()
    assert {end["parameters_sha256"] for end in ends} == {of_ring}
    assert server[-1]["parameters_sha256"] == of_server
    # Each worker has the server, the next and the one before.
    assert [len(end["connections"]) for end in ends] == [3, 3, 3]


def test_all_of_the_model_may_take_one_way(tmp_path: Path) -> None:
    train(tmp_path, MODEL, SPLIT, shares={"server": 1.0, "ring": 0.0}, iterations=2)
    members = Members(
        ("ps",), ("worker0", "worker1"), shares={"server": 0.0, "ring": 1.0}, schedule=SPLIT
    )
    assert set(SplitExchange.programs(members)) == {"worker0", "worker1"}
    there, back = SplitExchange.demands(members, MODEL)
    assert there.bytes == back.bytes == MODEL.bytes


def test_each_way_with_a_share_has_a_unit() -> None:
    layout = Layout(model_of([[100], [100]]), 1, 1)
    little = {"server": 1e-6, "ring": 1 - 1e-6}
    assert [len(units) for units in ways(layout, little).values()] == [1, 1]
    with pytest.raises(ValueError, match="1 units for 2 ways"):
        ways(Layout(model_of([[100]]), 1, 1), little)


def test_what_it_demands_is_what_the_units_of_each_way_have() -> None:
    members = Members(("ps",), ("worker0", "worker1"), shares=SHARES, schedule=SPLIT)
    demands = SplitExchange.demands(members, MODEL)
    size = {(one.source, one.destination): one.bytes for one in demands}
    taken = ways(Layout(MODEL, 1, 1, 4096), SHARES)
    through, round_it = (sum(unit.length for unit in taken[way]) for way in SHARES)
    assert through + round_it == MODEL.bytes
    assert through == pytest.approx(0.4 * MODEL.bytes, abs=4096)
    assert size == {
        ("ps", "worker0"): through,
        ("ps", "worker1"): through,
        ("worker0", "ps"): through,
        ("worker1", "ps"): through,
        ("worker0", "worker1"): round_it,
        ("worker1", "worker0"): round_it,
    }


def test_every_part_of_the_model_takes_both_ways() -> None:
    layout = Layout(model_of([[1000] * 10] * 5), 1, 1, 400)
    taken = ways(layout, SHARES)
    for layer in range(5):
        of_layer = [unit for unit in taken["server"] if layout.tensor_layers[unit.tensor] == layer]
        assert sum(unit.length for unit in of_layer) == pytest.approx(0.4 * 40_000, abs=400)
    assert ways(layout, {"server": 0.0, "ring": 1.0})["server"] == ()
