"""Rings in groups and a server across them, against numpy by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.spec import Demands, Placement, Topology, members_of
from tests.unit.predict.clusters import trunk
from tests.unit.workloads import own_codecs
from tests.unit.workloads.in_process import model_of, train
from tests.unit.workloads.own_codecs import named
from workloads.errors import WorkloadError
from workloads.exchange.hybrid import HybridExchange
from workloads.models.learning import Learning, Optimizer
from workloads.models.profiles import Model, load_model
from workloads.process.checkpoints import Checkpoints, last_of_all
from workloads.schedule.library import get_schedule
from workloads.schedule.members import Members
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import CHUNK_BYTES, Unit

HYBRID = get_schedule("hybrid")
BARRIER = replace(HYBRID, synchronisation="step-barrier", order="random", place="nowhere")
MODEL = model_of([[9_000, 40], [], [70_000], [3], [2 * CHUNK_BYTES // 4 + 5]])
RATE, ITERATIONS = 0.25, 3
Groups = Sequence[Sequence[int]]


def by_hand(model: Model, slice_bytes: int | None, groups: Groups) -> bytes:
    """The same training: round each ring from the one after the owner up to the owner."""
    workers = sum(map(len, groups))
    targets = [
        np.random.default_rng([7, 2, w]).standard_normal(65536, np.float32) for w in range(workers)
    ]
    owned = [[0] * len(group) for group in groups]
    whole = []
    for number, tensor in enumerate(model.tensors):
        size = tensor.elements
        p = np.random.default_rng([7, 1, number]).standard_normal(size, np.float32)
        p *= np.float32(0.01)
        wanted = [np.resize(target, size) for target in targets]
        most = size if slice_bytes is None else slice_bytes // 4
        for part in (slice(at, min(at + most, size)) for at in range(0, size, most)):
            owners = []
            for has in owned:
                owners.append(has.index(min(has)))
                has[owners[-1]] += part.stop - part.start
            for _ in range(ITERATIONS):
                sums = {}
                for group, owner in zip(groups, owners, strict=True):
                    turn = [group[(owner + hop) % len(group)] for hop in range(1, len(group) + 1)]
                    added = p[part] - wanted[turn[0]][part]
                    for worker in turn[1:]:
                        added = added + (p[part] - wanted[worker][part])
                    sums[group[owner]] = added
                first, *others = (sums[worker] for worker in sorted(sums))
                total = first
                for other in others:
                    total = total + other
                p[part] -= np.float32(RATE / workers) * total
        whole.append(p.tobytes())
    return b"".join(whole)


def trained(
    folder: Path, schedule: Schedule, groups: Groups, *, model: Model = MODEL, **more: Any
) -> list[dict[str, Any]]:
    return train(
        folder,
        model,
        schedule,
        workers=sum(map(len, groups)),
        groups=[[f"worker{number}" for number in group] for group in groups],
        iterations=ITERATIONS,
        learning_rate=RATE,
        **more,
    )


@pytest.mark.parametrize(
    "groups",
    [
        ((0,),),
        ((0, 1, 2),),
        ((0, 1, 2), (3, 4, 5)),
        ((1, 0), (4, 3, 2)),
        ((2,), (0, 1)),
    ],
    ids=["one worker", "one group", "two groups", "groups of two sizes", "one alone"],
)
@pytest.mark.parametrize(
    "schedule",
    [
        HYBRID,
        replace(HYBRID, slice_bytes=4096, order="layer"),
        replace(HYBRID, slice_bytes=None, synchronisation="per-tensor", order="generation",
                place="nowhere"),
        BARRIER,
        replace(HYBRID, push_codec=named(own_codecs.Negated), pull_codec=named(own_codecs.Packed)),
        replace(BARRIER, push_codec=named(own_codecs.Adding)),
    ],
    ids=["planned", "small slices by layer", "tensors", "step barrier", "coded", "added"],
)  # fmt: skip
def test_the_server_ends_with_the_sums_of_the_groups(
    tmp_path: Path, schedule: Schedule, groups: Groups
) -> None:
    records = trained(tmp_path, schedule, groups)
    expected = by_hand(MODEL, schedule.slice_bytes, groups)
    assert records[-1]["parameters_sha256"] == hashlib.sha256(expected).hexdigest()


def test_workers_end_alike_with_codecs_that_lose_something(tmp_path: Path) -> None:
    """Behind a step barrier or not: what is lost is the same, and all groups decode the same."""
    codecs: dict[str, Any] = {
        "push_codec": "sign+feedback",
        "pull_codec": "fixed-point:8:stochastic",
    }
    coded = replace(HYBRID, **codecs)
    ends = {
        trained(tmp_path, schedule, ((0, 1), (2, 3)))[-1]["parameters_sha256"]
        for schedule in (coded, replace(BARRIER, **codecs))
    }
    assert len(ends) == 1


@pytest.mark.parametrize("schedule", [HYBRID, BARRIER], ids=["per slice", "step barrier"])
def test_it_continues_from_what_the_server_has_kept(tmp_path: Path, schedule: Schedule) -> None:
    """All of an iteration is at the server when it keeps it, and nothing goes round."""
    groups = ((0, 1), (2, 3, 4))
    momentum = Learning(optimizer=Optimizer("momentum", 0.9))

    def ended(iterations: int, after: int = 0) -> str:
        kept = Checkpoints(tmp_path, 2, after)
        records = train(
            tmp_path,
            MODEL,
            schedule,
            workers=5,
            groups=[[f"worker{number}" for number in group] for group in groups],
            iterations=iterations,
            learning=momentum,
            checkpoints=kept,
        )
        return str(records[-1]["parameters_sha256"])

    whole = ended(5)
    names = ["ps", *(f"worker{number}" for number in range(5))]
    assert last_of_all(tmp_path, names, 3) == 2
    assert ended(3, after=2) == whole


STALE = replace(
    HYBRID, order="generation", place="nowhere", synchronisation="stale-synchronous", staleness=1
)


@pytest.mark.parametrize(
    "schedule",
    [STALE, replace(STALE, staleness=None, synchronisation="asynchronous")],
    ids=["stale", "asynchronous"],
)
def test_of_one_group_what_is_stale_is_in_step(tmp_path: Path, schedule: Schedule) -> None:
    groups = ((0, 1, 2),)
    records = trained(tmp_path, schedule, groups)
    expected = by_hand(MODEL, schedule.slice_bytes, groups)
    assert records[-1]["parameters_sha256"] == hashlib.sha256(expected).hexdigest()


@pytest.mark.parametrize("bound", [0, 1, None])
def test_a_group_goes_ahead_of_a_slow_one(tmp_path: Path, bound: int | None) -> None:
    """No further than it may be, and all of a group do as many iterations."""
    kind: Any = "asynchronous" if bound is None else "stale-synchronous"
    schedule = replace(STALE, staleness=bound, synchronisation=kind)
    slow = (0.0, 0.0, 0.02, 0.0)
    trained(tmp_path, schedule, ((0, 1), (2, 3)), layer_seconds=slow)
    done = [
        max(
            one["iteration"] + 1
            for one in map(json.loads, (tmp_path / f"worker{n}.jsonl").read_text().splitlines())
            if one["event"] == "iteration"
        )
        for n in range(4)
    ]
    assert done[0] == done[1] >= ITERATIONS
    assert done[2:] == [ITERATIONS] * 2
    if bound is not None:
        assert done[0] <= ITERATIONS + bound + 1


def test_a_slow_member_changes_no_bit(tmp_path: Path) -> None:
    groups = ((0, 1, 2), (3, 4))
    records = trained(tmp_path, HYBRID, groups, layer_seconds=(0.0, 0.3, 0.1, 0.0, 0.2))
    expected = by_hand(MODEL, HYBRID.slice_bytes, groups)
    assert records[-1]["parameters_sha256"] == hashlib.sha256(expected).hexdigest()


@pytest.mark.parametrize("layers", [[[1]], [[3, 2]]], ids=["one unit", "two units"])
def test_members_without_a_unit_of_their_own(tmp_path: Path, layers: list[list[int]]) -> None:
    groups, model = ((0, 1, 2), (3,)), model_of(layers)
    trained(tmp_path, STALE, groups, model=model)
    records = trained(tmp_path, HYBRID, groups, model=model)
    expected = by_hand(model, HYBRID.slice_bytes, groups)
    assert records[-1]["parameters_sha256"] == hashlib.sha256(expected).hexdigest()


def test_the_server_gets_each_gradient_once_a_group(tmp_path: Path) -> None:
    records = trained(tmp_path, HYBRID, ((0, 1, 2), (3, 4)))
    iterations = [one for one in records if one["event"] == "iteration"]
    assert {one["payload_in"] for one in iterations} == {2 * MODEL.bytes}
    assert {one["payload_out"] for one in iterations} == {2 * MODEL.bytes}


def test_it_is_near_what_a_parameter_server_makes() -> None:
    """Which adds the same gradients in the order of the workers."""
    alone = tuple((number,) for number in range(6))
    served, rings = (
        np.frombuffer(by_hand(MODEL, HYBRID.slice_bytes, groups), np.float32)
        for groups in (alone, ((0, 1, 2), (3, 4, 5)))
    )
    assert 0 < np.abs(served - rings).max() < 1e-5


AVERAGED = (
    replace(HYBRID, averaging="elastic", every=2, alpha=0.3, beta=0.9),
    replace(HYBRID, averaging="local", every=2, outer_learning_rate=0.7, outer_momentum=0.9),
)


@pytest.mark.parametrize("schedule", AVERAGED, ids=["elastic", "local"])
def test_what_groups_average_is_what_workers_do(tmp_path: Path, schedule: Schedule) -> None:
    """Of groups of one, whose sums have the order of the workers, bit for bit."""
    served = replace(schedule, exchange="parameter-server")
    alone, of_all = (
        trained(tmp_path, one, ((0,), (1,), (2,)))[-1]["parameters_sha256"]
        for one in (schedule, served)
    )
    assert alone == of_all
    rings = {trained(tmp_path, schedule, ((0, 1, 2),))[-1]["parameters_sha256"] for _ in range(2)}
    assert len(rings) == 1


class Failing(HybridExchange):
    """Raises on one worker, in the middle of an iteration."""

    def give(self, unit: Unit) -> None:
        if self.end.job.worker == 1 and self._iteration == 1 and unit.number == 2:
            raise WorkloadError("out of numbers")
        super().give(unit)


def test_the_server_names_the_member_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workloads.exchange.hybrid.HybridExchange", Failing)
    with pytest.raises(WorkloadError, match=r"iteration 1: worker1: gave up: .*out of numbers"):
        trained(tmp_path, HYBRID, ((0, 1, 2), (3, 4, 5)))


def demands_on(topology: Topology, schedule: Schedule, model: Model) -> tuple[Members, Demands]:
    workers = tuple(host.name for host in topology.hosts if host.name != "ps")
    members = members_of(topology, Placement(("ps",), workers), schedule)
    return members, Demands(topology, tuple(HybridExchange.demands(members, model)))


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "mobilenet"])
def test_a_trunk_carries_each_gradient_once_a_group(name: str) -> None:
    model = load_model(name)
    topology = trunk(3)
    _, demands = demands_on(topology, HYBRID, model)
    for port in demands.crossed:
        carried = sum(one.bytes for one in demands.through(port))
        workers = {"switch1", "switch0", "ps"}
        if {port.node, port.peer} <= workers:
            assert carried == model.bytes
        else:
            assert carried == pytest.approx(5 / 3 * model.bytes, rel=0.02)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("racks", [5]),
        (2, [2, 2, 1]),
        (9, [5]),
    ],
)
def test_groups_are_racks_or_of_a_size(groups: Any, expected: list[int]) -> None:
    members, _ = demands_on(trunk(5), replace(HYBRID, groups=groups), load_model("alexnet"))
    assert [len(group) for group in members.groups] == expected
    assert [worker for group in members.groups for worker in group] == list(members.workers)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {
                "synchronisation": "stale-synchronous",
                "staleness": 1,
                "averaging": "local",
                "every": 2,
            },
            "averaging: takes the mean of all workers",
        ),
        ({"place": "switch", "switch_order": "worker"}, "place: switches order by worker"),
        ({"groups": 0}, "groups: must be 'racks' or at least 1, found 0"),
        ({"servers": 2}, "servers: goes with the exchange 'parameter-server'"),
        ({"exchange": "ring", "groups": 3}, "groups: goes with the exchange 'hybrid'"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(HYBRID, **changes)
