"""From the records of an exchange of traffic to what the ports carried that it filled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import RunError
from orchestrator.predict import goodput_bps
from orchestrator.session.plan.jobs import plans_of
from orchestrator.session.plan.slow_links import GOODPUT_SECONDS as SECONDS
from orchestrator.session.plan.slow_links import RAMP_SECONDS
from orchestrator.session.plan.trials import plan_trials, trials_seconds
from orchestrator.session.probes.goodput import goodput_of, goodput_probe, measure_goodput
from orchestrator.session.testbed.opened import Opened
from orchestrator.spec import Experiment, Overrides, load_experiment
from tests.unit.session.examples import look_of
from tests.unit.session.jobs_read import read

ROOT = Path(__file__).parents[4]
RELEASED = 7_000_000_000
MS = 1_000_000
WORKERS = ("worker0", "worker1", "worker2")
ADDRESSES = {name: f"10.10.0.{number}" for number, name in enumerate(("ps", *WORKERS), 1)}


def experiment(tmp_path: Path, topology: str = "ps-10g-1g-3workers") -> Experiment:
    file = tmp_path / "on.yaml"
    file.write_text(
        f"name: on\ntopology: {ROOT}/topologies/{topology}.yaml\n"
        "models: [squeezenet, resnet50]\nschedules: [p3]\n"
    )
    return load_experiment(file, Overrides(scale="8,0.5"))


def process(*mbit: float, first: tuple[dict[str, Any], ...] = ()) -> bytes:
    """A window per 0.1 s; nothing at the beginning and the end, so that a look there is wrong."""
    events = list(first)
    ramp, until = round(10 * RAMP_SECONDS), round(10 * (RAMP_SECONDS + SECONDS))
    for number in range(until + 2):
        begin = RELEASED + number * 100 * MS
        some = ramp <= number < until
        counts = [round(rate * 1e5 / 8) if some else 0 for rate in mbit]
        ends = begin + 100 * MS
        window = {"begin_ns": begin, "end_ns": ends, "received": counts, "busy_us": []}
        events.append({"event": "window", **window})
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def records(push: tuple[float, ...], pull: tuple[float, ...]) -> dict[str, bytes]:
    released = {"event": "released", "released_ns": RELEASED}
    server = process(*push, first=(released,))
    names = [f"worker{number}" for number in range(len(pull))]
    return {"ps": server, **{n: process(rate) for n, rate in zip(names, pull, strict=True)}}


def test_all_that_crosses_the_trunk_is_what_it_carried(tmp_path: Path) -> None:
    goodput = goodput_of(
        experiment(tmp_path),
        look_of(experiment(tmp_path)),
        records((40, 40, 38), (30, 40, 49)),
    )
    pull, push = goodput.ports
    assert (pull.port, pull.direction) == ("switch0->switch1", "pull")
    assert (push.port, push.direction) == ("switch1->switch0", "push")
    # In the real system's rates: R is 8.
    assert [pull.bps, push.bps] == pytest.approx([8 * 119e6, 8 * 118e6])
    assert pull.nominal_bps == push.nominal_bps == pytest.approx(goodput_bps(10**9))
    assert [pull.payload_bytes, pull.seconds] == pytest.approx([SECONDS * 119e6 / 8, SECONDS])
    assert goodput.goodputs() == {"switch0->switch1": pull.bps, "switch1->switch0": push.bps}
    assert goodput.notes() == ()
    assert goodput.text() == (
        "goodput: 98.7 to 99.5 % of what the rates of switch0->switch1, switch1->switch0 carry"
    )


def test_where_every_worker_has_a_full_link_each_is_measured(tmp_path: Path) -> None:
    made = experiment(tmp_path, "star")
    rates = (100.0, 101.0, 102.0, 103.0)
    goodput = goodput_of(made, look_of(made), records(rates, rates))
    by_port = {port.port: port.bps / 8e6 for port in goodput.ports}
    # All four of them, and not the server's own link, which is faster than they are together.
    pairs = [(f"switch0->worker{n}", f"worker{n}->switch0") for n in range(4)]
    expected = {port: 100 + number for number, pair in enumerate(pairs) for port in pair}
    assert by_port == pytest.approx(expected)


def test_the_jobs_exchange_the_largest_model_in_whole_tensors(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    plans = plans_of(made, goodput_probe(made, look_of(made)).work, ADDRESSES)
    assert list(plans) == ["ps", *WORKERS]
    for parsed in map(read, plans.values()):
        assert (parsed.program.partition("-")[0], parsed.model.name) == ("traffic", "resnet50")
        assert (parsed.schedule.slice_bytes, parsed.schedule.at_switch) == (None, False)
        assert (parsed.rates, parsed.time) == (8, 0.5)


class Exchange:
    """A testbed and a deployment that ends as told."""

    def __init__(self, end: dict[str, bytes] | RunError, gone: bool = False) -> None:
        self._end = end
        self._gone = gone
        self.schedules: list[str] = []
        self.addresses = ADDRESSES

    def set_schedule(self, schedule: Any) -> None:
        self.schedules.append(schedule.name)

    def check(self) -> None:
        if self._gone:
            raise RunError("host worker1 of the testbed is gone")

    def run(self, *_: object, **__: object) -> dict[str, bytes]:
        if isinstance(self._end, RunError):
            raise self._end
        return self._end


def measured(tmp_path: Path, exchange: Exchange) -> Any:
    both: Any = exchange
    made = experiment(tmp_path)
    return measure_goodput(made, Opened(both, both), trials_seconds(plan_trials(made)))


def test_all_flows_are_in_one_class(tmp_path: Path) -> None:
    exchange = Exchange(records((40, 40, 38), (30, 40, 49)))
    assert len(measured(tmp_path, exchange).ports) == 2
    assert exchange.schedules == ["none"]


def test_an_exchange_that_fails_is_told(tmp_path: Path) -> None:
    goodput = measured(tmp_path, Exchange(RunError("worker0: killed\nmore")))
    assert (goodput.ports, goodput.goodputs()) == ((), {})
    assert goodput.notes() == (
        "doubtful: the goodput could not be measured, bounds take the rates: worker0: killed",
    )


def test_a_testbed_that_is_gone_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="host worker1 of the testbed is gone"):
        measured(tmp_path, Exchange(RunError("ps: silent"), gone=True))
