"""Every schedule trains to the same parameters: made-up models, schedules drawn at random."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestrator.orders import ORDERS, incompatibility
from tests.unit.workloads import own_codecs as codecs
from tests.unit.workloads.exchanges import EVERYONE, digests_together
from tests.unit.workloads.in_process import model_of, train
from tests.unit.workloads.own_codecs import named
from tests.unit.workloads.reference import averaged, trained
from workloads.library import IDENTITY, PARAMETER_SERVER
from workloads.models.profiles import Model
from workloads.schedule.kinds import SynchronisationName
from workloads.schedule.library import SCHEDULES, get_schedule
from workloads.schedule.schedule import Place, Schedule
from workloads.schedule.units import CHUNK_BYTES, Layout

EXACT = (codecs.Negated, codecs.Packed)  # of which one makes payloads of another length
WHOLE = ("low-rank:2", "low-rank:1+feedback")
CODECS = (
    *[IDENTITY] * 4, *map(named, EXACT), named(codecs.Halved), "float16", "bfloat16+feedback",
    "fixed-point:8:stochastic", "fixed-point:16+feedback", "top-k:10%", "top-k:1%+feedback",
    "codebook:3", "sign", "sign+feedback",
)  # fmt: skip
OUTER: dict[str, Any] = {"outer_learning_rate": 0.7, "outer_momentum": 0.9}
AVERAGINGS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.builds(
        lambda every, outer: {"averaging": "local", "every": every, **outer},
        st.integers(1, 3), st.sampled_from(({}, OUTER)),
    ),
    st.builds(
        lambda every, alpha: {"averaging": "elastic", "every": every, "alpha": alpha, "beta": 0.9},
        st.integers(1, 3), st.floats(0.01, 1.0),
    ),
)  # fmt: skip
SIZES = st.one_of(st.integers(1, 40), st.integers(1, 3000))  # elements of a tensor
MATRICES = st.tuples(st.integers(1, 60), st.integers(1, 60))
TENSORS = st.one_of(SIZES, MATRICES)
MODELS = st.lists(st.lists(TENSORS, max_size=2), min_size=1, max_size=4).filter(any)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any combination of the choices that is one."""
    exchange = draw(st.sampled_from((*[PARAMETER_SERVER] * 7, EVERYONE)))
    if exchange != PARAMETER_SERVER:
        # An exchange between workers heeds no other choice.
        return Schedule(name="drawn", source="a test", exchange=exchange)
    synchronisation = draw(st.sampled_from(get_args(SynchronisationName)))
    stale = synchronisation == "stale-synchronous"
    apart = synchronisation in ("stale-synchronous", "asynchronous")
    barrier = synchronisation == "step-barrier"
    place = draw(st.sampled_from(get_args(Place)))
    at_switch = place in ("switch", "both")
    flows = draw(st.none() | st.integers(2, 4)) if at_switch else None
    servers = None if apart else draw(st.none() | st.integers(1, 3))
    sizes = st.one_of(st.integers(100, 1000), st.integers(100, 20_000))
    may_slice = barrier or apart
    sliced = synchronisation == "per-slice" or (may_slice and draw(st.booleans()))
    any_order = Schedule(
        name="drawn",
        source="a test",
        place=place,
        slice_bytes=draw(sizes) if sliced else None,
        window_bytes=None if barrier or stale or flows else draw(st.none() | sizes),
        not_sent_limit_bytes=draw(st.none() | sizes),
        synchronisation=synchronisation,
        staleness=draw(st.integers(0, 2)) if stale else None,
        switch_order=("layer" if flows else "worker") if at_switch else None,
        flows=flows,
        servers=servers,
        push_codec=draw(st.sampled_from((*CODECS, *([] if sliced else WHOLE)))),
        pull_codec=draw(st.sampled_from([one for one in CODECS if "top-k" not in one])),
    )
    averaging = {} if apart else draw(AVERAGINGS)
    any_order = replace(any_order, **averaging)
    orders = [name for name, order in ORDERS.items() if not incompatibility(any_order, order)]
    return replace(any_order, order=draw(st.sampled_from(orders)))


def digest(model: Model, schedule: Schedule, workers: int, iterations: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        records = train(Path(folder), model, schedule, workers=workers, iterations=iterations)
    end: str = records[-1]["parameters_sha256"]
    return end


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(schedules(), MODELS, st.integers(1, 3), st.integers(1, 4), st.sampled_from((0.01, 1.0)))
def test_any_schedule_ends_and_its_result_is_numpys(
    schedule: Schedule,
    layers: list[list[int | tuple[int, int]]],
    workers: int,
    iterations: int,
    rate: float,
) -> None:
    model = model_of(layers)
    units = len(Layout(model, 1, 1, schedule.slice_bytes).units)
    assume((schedule.servers or 1) <= units)
    with tempfile.TemporaryDirectory() as folder:
        if schedule.exchange == EVERYONE:
            ends = digests_together(
                Path(folder), model, schedule, workers=workers, iterations=iterations, rate=rate
            )
            assert ends == {in_numpy(model, workers, iterations, rate)}
            return
        records = train(
            Path(folder), model, schedule, workers=workers, iterations=iterations,
            learning_rate=rate,
        )  # fmt: skip
    end = records[-1]
    both = {schedule.push_codec, schedule.pull_codec}
    assert end["exact"] is (both <= {IDENTITY, *map(named, EXACT)})
    if end["exact"] and schedule.averages:
        assert end["parameters_sha256"] == averaged(
            model.tensors, schedule, seed=7, workers=workers, rate=rate, iterations=iterations
        )
    elif end["exact"] and (schedule.bulk_synchronous or workers == 1):
        assert end["parameters_sha256"] == in_numpy(model, workers, iterations, rate)
    if not schedule.bulk_synchronous:
        staleness = {int(behind): count for behind, count in end["staleness"].items()}
        # A worker that has done its iterations goes on until the slowest one has, too.
        passes, rest = divmod(sum(staleness.values()), units)
        assert not rest
        assert passes >= workers * iterations
        if schedule.staleness is not None:
            assert passes <= workers * (iterations + schedule.staleness + 1)
            # Between a worker's pull and its push another one may finish what it is ahead, what the
            # slowest is behind, and the iteration that both are in.
            assert max(staleness) <= (workers - 1) * (2 * schedule.staleness + 1)


def in_numpy(model: Model, workers: int, iterations: int, rate: float = 0.01) -> str:
    return trained(model.tensors, 1, seed=7, workers=workers, rate=rate, iterations=iterations)


EXTREMES = {
    "one tensor of one element": [[1]],
    "one tensor of many frames": [[CHUNK_BYTES]],
    "more tensors than one send takes": [[3, 1]] * 140,
    "layers without parameters": [[], [100], [], [], [7], []],
}


@pytest.mark.parametrize("layers", EXTREMES.values(), ids=EXTREMES)
def test_models_of_all_shapes(layers: list[list[int]]) -> None:
    model = model_of(layers)
    # A server needs a unit at least; that is refused before.
    whole = [
        one
        for one in SCHEDULES
        if one.sends_model or 1 < (one.servers or 1) <= sum(map(len, layers))
    ]
    ends = {schedule.name: digest(model, schedule, 3, 2) for schedule in whole}
    apart = {name for name in ends if not get_schedule(name).bulk_synchronous}
    assert apart == {"r2sp"}
    assert {ends[name] for name in ends.keys() - apart} == {in_numpy(model, 3, 2)}, ends


def test_sixteen_workers_and_stragglers(tmp_path: Path) -> None:
    model = model_of([[5000, 10], [70000], [300]])
    ends = set()
    eight = replace(get_schedule("geryon"), flows=8)
    for schedule in (*map(get_schedule, ("none", "p3", "bytescheduler")), eight):
        slow = [0.05 * (number % 3) for number in range(16)]
        records = train(tmp_path, model, schedule, workers=16, layer_seconds=slow)
        ends.add(records[-1]["parameters_sha256"])
    assert len(ends) == 1


def test_full_windows_of_different_units_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """One worker has sent the last layer when another one's first is ready at the same time."""
    schedule = Schedule(
        name="tight",
        source="a test",
        order="layer",
        place="host",
        slice_bytes=400,
        window_bytes=1,
        synchronisation="per-slice",
    )
    model = model_of([[1000]] * 8)
    records = train(tmp_path, model, schedule, layer_seconds=[0.0, 5.0, 10.0], iterations=4)
    assert records[-1]["parameters_sha256"] == in_numpy(model, 3, 4)
