"""Codecs, exchanges and programs that an experiment brings: found, tried, taken along."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from orchestrator.deployment import ARCHIVE, After
from orchestrator.errors import InputError
from orchestrator.session.plan.jobs import plans_of, plans_of_trial
from orchestrator.session.plan.trials import Trial
from orchestrator.session.probes.probe import Probe
from orchestrator.session.testbed.controller import planned_rules
from orchestrator.spec import Choices, ClassPlan, Experiment, load_experiment
from tests.unit.session.examples import write_experiment
from tests.unit.session.jobs_read import job_of

ADDRESSES = {name: f"10.0.0.{n}" for n, name in enumerate(("ps", "worker0", "worker1", "worker2"))}

CODE = """
import numpy as np
from workloads.codecs import Codec
from workloads.exchange import Demand, Exchange
from workloads.programs.program import Program
import beside


class Negated(Codec):
    exact = True

    def encode(self, chunk, values):
        return -values

    def decode(self, chunk, payload, out):
        np.negative(np.frombuffer(payload, np.float32), out=out)


class Misspelt(Negated):
    def encoded(self, chunk, values):
        return values


class Lacking(Codec):
    def encoded(self, chunk, values):
        return values

    def decode(self, chunk, payload, out):
        out[:] = 0


class Inexact(Negated):
    def encode(self, chunk, values):
        return values


class Lazy(Negated):
    def decode(self, chunk, payload, out):
        out[:-1] = 0


class Raising(Negated):
    def encode(self, chunk, values):
        return values / beside.missing


class Sized(Negated):
    def encode(self, chunk, values):
        return values[:chunk.element]


class Empty(Codec):
    pass


class Quiet(Exchange):
    pass


class Nothing(Exchange):
    def wait(self, layers):
        return layers[0], 0

    def give(self, unit):
        pass


class Served(Nothing):
    @classmethod
    def programs(cls, members):
        idle = dict.fromkeys(members.servers, "own:Idle")
        return {**idle, **dict.fromkeys(members.workers, "worker")}


class Lost(Nothing):
    @classmethod
    def programs(cls, members):
        return {"elsewhere": "worker"}


class Unknown(Nothing):
    @classmethod
    def programs(cls, members):
        return dict.fromkeys(members.workers, "wroker")


class Summing(Negated):
    additive = True


class Offset(Summing):
    def decode(self, chunk, payload, out):
        np.subtract(1, np.frombuffer(payload, np.float32), out=out)


class Forgetful(Nothing):
    def wait(self, layers):
        layers[0]


class Narrow(Nothing):
    def give(self):
        pass


class Sliced(Nothing):
    honours = frozenset({"slice"})


class Dreamer(Nothing):
    honours = frozenset({"slcie"})


def demanding(demands_of):
    class Demanding(Nothing):
        @classmethod
        def demands(cls, members, model):
            return demands_of(members.workers, model)
    return Demanding


Astray = demanding(lambda workers, model: [Demand("ps", "elsewhere", 1)])
Twice = demanding(lambda workers, model: 2 * [Demand(*workers[:2], model.bytes)])
Tuples = demanding(lambda workers, model: [(*workers[:2], 1)])
Number = demanding(lambda workers, model: 0)
Broken = demanding(lambda workers, model: workers[7])
Chain = demanding(lambda workers, model: [Demand(*workers[:2], model.bytes, "urgent")])


class Idle(Program):
    opens = "ready"

    def run(self, job, records):
        pass
"""


def loaded(folder: Path, choices: str) -> Experiment:
    (folder / "own.py").write_text(CODE)
    (folder / "beside.py").write_text("import math\n")
    file = write_experiment(folder)
    text = file.read_text().replace("switch-priority", "mine")
    file.write_text(f"{text}custom_schedules:\n  mine: {{{choices}}}\n")
    return load_experiment(file)


def trial(made: Experiment) -> Trial:
    return Trial(1, Choices(model=made.models[0], schedule="mine"), 1)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ("codec: 'own:Lacking'", "Lacking lacks encode(), which every codec has"),
        ("codec: 'own:Empty'", "Empty overrides nothing of Codec: exact, additive, needs_whole"),
        ("codec: 'own:Nothing'", "own: 'Nothing' is not a subclass of workloads.codecs.Codec"),
        ("codec: 'own:Negate'", "own has no 'Negate'"),
        ("codec: identty", "unknown codec 'identty'"),
        ("codec: 'own:Inexact'", "says that it is exact, but decode() does not restore"),
        ("codec: 'own:Lazy'", "left 1 of 1 values unwritten (assign to `out[:]`, not to `out`)"),
        (
            "codec: 'own:Sized'",
            "(did you mean 'elements'?) (tried with 1 values)",
        ),
        ("exchange: 'own:Quiet'", "(every exchange has give(), wait())"),
        ("exchange: 'own:Number'", "demands() returned 0, and no list of Demand (it is empty if"),
        (
            "codec: 'own:Raising'",
            "encode() raised AttributeError: module 'beside' has no attribute 'missing' (own.py",
        ),
        (
            "exchange: 'own:Negated'",
            "own: 'Negated' is not a subclass of workloads.exchange.Exchange",
        ),
        ("exchange: 'own:Lost'", "must return programs by the names of hosts"),
        ("exchange: 'own:Unknown'", "unknown program 'wroker'"),
        ("exchange: paramter-server", "unknown exchange 'paramter-server'"),
        ("codec: 'own:Offset'", "the sum of two payloads does not decode to the sum of their"),
        ("exchange: 'own:Forgetful'", "wait() returns nothing; it must return the layer"),
        ("exchange: 'own:Narrow'", "give() must take (unit), found ()"),
        ("exchange: 'own:Nothing', slice: 64 KiB", "does not heed slice: leave that out"),
        (
            "exchange: ring, order: layer, place: host, window: 4 MB, synchronisation: per-tensor",
            "in a ring it counts buckets that have not come back; say `bucket`",
        ),
        ("exchange: 'own:Dreamer'", "no choice with 'slcie' (did you mean 'slice'?)"),
        ("exchange: 'own:Astray'", "'elsewhere' is not one of the hosts that it was given"),
        ("exchange: 'own:Twice'", "both go from worker0 to worker1"),
        ("exchange: 'own:Tuples'", "is no Demand"),
        ("exchange: 'own:Broken'", "demands() raised IndexError: tuple index out of range (own.py"),
    ],
)
def test_what_is_wrong_is_said_before_it_runs(tmp_path: Path, choices: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        loaded(tmp_path, choices)
    assert message in str(raised.value)


def test_a_near_miss_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'encode'"):
        loaded(tmp_path, "codec: 'own:Lacking'")


def test_source_and_digest_travel(tmp_path: Path) -> None:
    made = loaded(tmp_path, "codec: 'own:Negated'")
    again = Experiment.from_resolved(made.to_json())
    assert again == made
    assert made.resolved()["own_code"] == {
        "codec own:Negated": again.own_code.codecs["own:Negated"].digest
    }
    (tmp_path / "own.py").write_text(CODE.replace("return -values", "return 0 - values"))
    changed = load_experiment(made.source)
    assert changed.digest() != made.digest()
    plans = plans_of_trial(again, trial(again), ADDRESSES)
    for plan in plans.values():
        shipped = {path: data for path, data in plan.files.items() if path.startswith("shipped/")}
        assert shipped == {
            "shipped/own.py": CODE.encode(),
            "shipped/beside.py": b"import math\n",
        }
        assert job_of(plan)["section"]["schedule"]["push_codec"] == "own:Negated"


def test_an_exchange_without_a_server_runs_workers_only(tmp_path: Path) -> None:
    made = loaded(tmp_path, "exchange: 'own:Nothing'")
    plans = plans_of_trial(made, trial(made), ADDRESSES)
    assert list(plans) == ["worker0", "worker1", "worker2"]
    assert all(plan.heartbeat and not plan.after for plan in plans.values())
    # What is probed is the network, whatever the exchange.
    probe = Probe("googlenet", "mine", 2.0, 30.0)
    assert list(plans_of(made, probe.work, ADDRESSES)) == list(ADDRESSES)


def test_an_exchange_names_a_program_of_its_own(tmp_path: Path) -> None:
    made = loaded(tmp_path, "exchange: 'own:Served'")
    plans = plans_of_trial(made, trial(made), ADDRESSES)
    assert [job_of(plan)["program"] for plan in plans.values()] == ["own:Idle", *3 * ["worker"]]
    ready = (After("ps", "event", "ready"),)
    assert [plan.after for plan in plans.values()] == [(), *3 * [ready]]
    assert "shipped/own.py" in plans["ps"].files


def test_the_library_needs_nothing_beside(tmp_path: Path) -> None:
    made = loaded(tmp_path, "codec: identity, exchange: parameter-server")
    assert list(made.own_code) == []
    plans = plans_of_trial(made, trial(made), ADDRESSES)
    assert {path for plan in plans.values() for path in plan.files} == {ARCHIVE, "job.json"}
    assert replace(made.schedule("mine"), name="none").sends_model


def test_an_additive_codec_is_one(tmp_path: Path) -> None:
    assert list(loaded(tmp_path, "codec: 'own:Summing'").own_code.codecs) == ["own:Summing"]


def test_a_choice_that_an_exchange_heeds_is_allowed(tmp_path: Path) -> None:
    made = loaded(tmp_path, "exchange: 'own:Sliced', slice: 64 KiB")
    assert made.schedule("mine").slice_bytes == 64 * 1024


def test_demands_reach_jobs_ports_and_rules(tmp_path: Path) -> None:
    made = loaded(tmp_path, "exchange: 'own:Chain'")
    model = made.models[0]
    (only,) = made.demands("mine", model)
    assert (only.source, only.destination) == ("worker0", "worker1")
    # The probes' traffic is a parameter server's, whatever the schedules.
    assert made.networks[0] == made.exchange.demands
    assert only in {one for each in made.networks[1:] for one in each}
    jobs = {name: job_of(one) for name, one in plans_of_trial(made, trial(made), ADDRESSES).items()}
    assert list(jobs) == ["worker0", "worker1", "worker2"]
    for name, job in jobs.items():
        peers = job["endpoints"]["peers"]
        assert {one: peers[one]["address"] for one in peers} == {
            one: ADDRESSES[one] for one in jobs
        }
        sends = {one for one in peers if "send_buffer_bytes" in peers[one]}
        assert sends == ({"worker1"} if name == "worker0" else set())
    # A class alone has nobody to compete with; rules lead there and, for answers, back.
    rules = planned_rules(made.demands("mine", model), ClassPlan())
    assert {rule.flow for rules in rules.values() for rule in rules} == {
        "worker0 to worker1",
        "answers to worker0 to worker1",
        "all else",
    }


def test_who_does_not_say_may_send_to_everybody(tmp_path: Path) -> None:
    made = loaded(tmp_path, "exchange: 'own:Nothing'")
    demands = made.demands("mine", made.models[0])
    assert not demands.declared
    assert {(one.source, one.destination) for one in demands} == set(permutations(ADDRESSES, 2))
    assert not demands.classes
