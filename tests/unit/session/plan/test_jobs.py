"""Jobs, judged by the workload that has to accept them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.deployment import ARCHIVE, PYTHON, After
from orchestrator.session.plan.jobs import Work, order_setting, plans_of_trial, silence_seconds
from orchestrator.session.plan.slow_links import SILENCE_MARGIN_SECONDS, patience_seconds
from orchestrator.session.plan.trials import iteration_seconds, plan_trials
from orchestrator.spec import Experiment, Link, Scale, SocketBuffers, load_experiment
from tests.unit.predict.clusters import with_rate
from tests.unit.session.examples import TRIAL, experiment
from tests.unit.session.jobs_read import job_of, read
from workloads.process.training import ServerJob, TrainingJob, WorkerJob
from workloads.schedule.library import get_schedule, schedule_names

ROOT = Path(__file__).parents[4]
ADDRESSES = {
    "ps": "10.10.0.1",
    "worker0": "10.10.0.2",
    "worker1": "10.10.0.3",
    "worker2": "10.10.0.4",
}


def accepted(made: Experiment) -> dict[str, TrainingJob]:
    """The jobs of a trial as the processes read them."""
    iteration = iteration_seconds(made, TRIAL.model, TRIAL.schedule)
    trial = replace(TRIAL, iteration_seconds=iteration)
    return {name: read(plan) for name, plan in plans_of_trial(made, trial, ADDRESSES).items()}


def test_the_workload_accepts_every_job_of_every_trial(tmp_path: Path) -> None:
    on_one = [name for name in schedule_names() if (get_schedule(name).servers or 1) == 1]
    made = replace(experiment(tmp_path), schedules=tuple(on_one))
    for trial in plan_trials(made):
        for name, plan in plans_of_trial(made, trial, ADDRESSES).items():
            parsed = read(plan)
            assert (parsed.host, parsed.model.name, parsed.schedule.name, parsed.repeat) == (
                name,
                trial.model,
                trial.schedule,
                trial.repeat - 1,
            )


def test_one_job_per_host_the_servers_first(tmp_path: Path) -> None:
    jobs = accepted(experiment(tmp_path))
    assert list(jobs) == ["ps", "worker0", "worker1", "worker2"]
    assert [job.program for job in jobs.values()] == ["server", "worker", "worker", "worker"]
    assert jobs["ps"].workers == ("worker0", "worker1", "worker2")


def test_a_ring_plans_its_order_with_what_its_links_carry(tmp_path: Path) -> None:
    """4/3 of the model over each worker's link, where three pull it over the trunk."""
    made = experiment(tmp_path)
    work = Work("googlenet", "ring", 10.0)
    ring, served = (
        order_setting(made, replace(work, schedule=name)) for name in ("ring", "planned-order")
    )
    goodput = 1e9 * 1448 / 1514 / 8
    assert ring.seconds_per_byte == pytest.approx(4 / 3 / goodput)
    assert served.seconds_per_byte == pytest.approx(3 / goodput)


def test_each_of_several_servers_has_a_process_and_is_itself_the_place_to_meet() -> None:
    made = load_experiment(ROOT / "experiments" / "two-servers.yaml")
    made = replace(made, asked_scale=Scale(64, 1))
    hosts = [host.name for host in made.topology.hosts]
    addresses = {name: f"10.0.0.{number}" for number, name in enumerate(hosts, 1)}
    jobs = {}
    for trial in plan_trials(made)[:2]:
        plans = plans_of_trial(made, trial, addresses)
        jobs[trial.schedule] = {name: read(plan) for name, plan in plans.items()}
    workers = made.placement.workers
    assert list(jobs["planned-order"]) == ["ps0", *workers]
    assert list(jobs["two-servers"]) == ["ps0", "ps1", *workers]
    for name, job in jobs["two-servers"].items():
        assert job.members.servers == ("ps0", "ps1")
        assert job.server_host == ("ps1" if name == "ps1" else "ps0")
        assert len(job.send_buffers) == (6 if name in job.members.servers else 2)


def test_all_are_told_who_takes_part(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    for job in accepted(made).values():
        assert job.members == made.members(TRIAL.schedule)


@pytest.mark.parametrize(("rate", "one_queue"), [(10**9, True), (3 * 10**9, False)])
def test_one_queue_for_all_workers_where_a_shared_link_limits_them(
    tmp_path: Path, rate: int, one_queue: bool
) -> None:
    made = experiment(tmp_path)
    made = replace(made, topology=with_rate(made.topology, ("switch0", "switch1"), rate))
    trial = replace(TRIAL, choices=TRIAL.choices.under("planned-order"))
    server = read(plans_of_trial(made, trial, ADDRESSES)["ps"])
    assert isinstance(server, ServerJob)
    assert server.one_queue is one_queue


def test_workers_differ_in_name_number_and_address_only(tmp_path: Path) -> None:
    plans = plans_of_trial(experiment(tmp_path), TRIAL, ADDRESSES)
    jobs = {name: job_of(plan) for name, plan in plans.items() if name != "ps"}
    pulls = [job["section"].pop("pulls") for job in jobs.values()]
    assert pulls[0] != pulls[1] != pulls[2]  # the order is random
    own = {
        name: {
            job.pop("host"),
            job["section"].pop("worker"),
            job["endpoints"].pop("bind"),
            job.pop("records"),
        }
        for name, job in jobs.items()
    }
    assert own == {
        "worker0": {"worker0", 0, "10.10.0.2", "worker0.jsonl"},
        "worker1": {"worker1", 1, "10.10.0.3", "worker1.jsonl"},
        "worker2": {"worker2", 2, "10.10.0.4", "worker2.jsonl"},
    }
    assert jobs["worker0"] == jobs["worker1"] == jobs["worker2"]


def test_all_meet_at_the_servers_address(tmp_path: Path) -> None:
    jobs = accepted(experiment(tmp_path)).values()
    assert {(job.server.address, job.server.port) for job in jobs} == {("10.10.0.1", 5000)}


def test_each_knows_where_the_others_listen_and_what_it_may_send_them(tmp_path: Path) -> None:
    jobs = accepted(experiment(tmp_path))
    at = {name: (f"10.10.0.{number}", 5000) for number, name in enumerate(jobs, start=1)}
    for name, job in jobs.items():
        assert {other: tuple(peer.endpoint) for other, peer in job.peers.items()} == at
        sends = {other for other, peer in job.peers.items() if peer.send_buffer_bytes}
        assert sends == (set(jobs) - {"ps"} if name == "ps" else {"ps"})


def test_what_the_experiment_asks_reaches_the_processes(tmp_path: Path) -> None:
    made = replace(
        experiment(tmp_path, scale="{rates: 2, time: 0.5}"),
        batch=4, seed=9, learning_rate=0.5, congestion_control="reno",
        socket_buffers=SocketBuffers(1 << 20, 1 << 19),
    )  # fmt: skip
    for job in accepted(made).values():
        assert (job.rates, job.time) == (2, 0.5)
        assert (job.batch, job.seed, job.learning_rate) == (4, 9, 0.5)
        assert (job.warm_up, job.iterations, job.cool_down) == (1, 2, 1)
        assert job.repeat == 0
        assert job.congestion_control == "reno"
        # Emulated bytes: D/R = 1/4.
        assert (job.buffers.send, job.buffers.receive) == (1 << 18, 1 << 17)


def test_a_worker_gets_the_device_model_of_its_host(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    for job in accepted(made).values():
        if isinstance(job, WorkerJob):
            assert job.device == made.devices["published-worker-6-cores-2GHz"]


def test_a_long_way_is_waited_for(tmp_path: Path) -> None:
    """A connection takes a round trip, and so does to find out who is at its other end."""

    def patience(one: Experiment) -> float:
        return patience_seconds(one.exchange.demands, one.socket_buffers, one.scale)

    made = experiment(tmp_path, scale="{rates: 1, time: 2}")
    round_trip = 2 * 2 * 3.0  # there and back, and D
    trunk = made.topology.links[1]
    assert trunk.endpoints == ("switch0", "switch1")
    sides = (replace(side, delay_us=3 * 10**6) for side in (trunk.forward, trunk.reverse))
    links = (made.topology.links[0], Link(trunk.endpoints, *sides), *made.topology.links[2:])
    far = replace(made, topology=replace(made.topology, links=links))
    assert all(job.silence_seconds > 20 + 3 * round_trip for job in accepted(far).values())
    assert patience(made) < 21
    assert patience(far) > 20 + 3 * round_trip


def test_silence_is_longer_than_any_iteration(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    for trial in plan_trials(made):
        iteration = iteration_seconds(made, trial.model, trial.schedule)
        silence = 3 * iteration + SILENCE_MARGIN_SECONDS
        assert silence_seconds(trial) == pytest.approx(silence)
        jobs = map(read, plans_of_trial(made, trial, ADDRESSES).values())
        assert {job.silence_seconds for job in jobs} == {silence}


def test_workers_start_beside_the_server_which_must_tell_all_the_time(
    tmp_path: Path,
) -> None:
    made = experiment(tmp_path)
    server, *workers = plans_of_trial(made, TRIAL, ADDRESSES).values()
    assert (server.name, server.after, server.heartbeat) == ("ps", (), True)
    for worker in workers:
        assert worker.after == (After("ps"),)
        assert not worker.heartbeat
    for plan in (server, *workers):
        assert plan.silence_seconds == silence_seconds(TRIAL)
        assert (plan.host, plan.progress) == (plan.name, "iteration")
        assert plan.argv == (PYTHON, "-m", "workloads", "job.json")
        assert job_of(plan)["records"] == plan.records == f"{plan.name}.jsonl"
        assert ARCHIVE in plan.files


def test_hosts_compute_layers_in_the_order_of_operations(tmp_path: Path) -> None:
    made = replace(experiment(tmp_path, models="googlenet"), order_of_operations="breadth-first")
    told = accepted(made)
    plain = accepted(replace(made, order_of_operations="framework"))
    numbers = [layer.name for layer in told["worker0"].model.layers]
    assert numbers != [layer.name for layer in plain["worker0"].model.layers]
    assert told["worker0"].model.tensors == told["ps"].model.tensors
    # Each layer waits for the one before.
    assert told["worker0"].model.graph == tuple(
        (number - 1,) if number else () for number in range(len(numbers))
    )
    trained = TRIAL.model
    assert order_setting(made, Work(trained, "p3", 1)).model == told["worker0"].model
