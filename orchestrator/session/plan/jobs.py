"""The processes of a trial or of a probe, each with its job (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from orchestrator.deployment import After, ProcessPlan
from orchestrator.memory import FRAMEWORK, ordered
from orchestrator.orders import Setting, computation, ranks_of, setting_of
from orchestrator.plugins import OwnCode
from orchestrator.predict import fullest, is_shared, link_loads, phase_seconds, worker_devices
from orchestrator.session.plan.process import workload_process
from orchestrator.session.plan.slow_links import SILENCE_MARGIN_SECONDS
from orchestrator.session.plan.trials import Trial
from orchestrator.spec import (
    FIRST_PORT,
    Demand,
    Demands,
    Experiment,
    emulated_send_bytes,
    exchange_class,
    flow_dscp,
)
from workloads.library import IDENTITY, RING
from workloads.models.profiles import load_model
from workloads.process.checkpoints import Checkpoints
from workloads.schedule.members import Members
from workloads.schedule.owners import layout_of

PORT = FIRST_PORT
SHIPPED = "shipped"
"""Where hosts look for user-defined modules (`workloads.process.plugins`)."""


@dataclass(frozen=True)
class Work:
    """What a parameter server and workers do together.

    Attributes:
        model: its name.
        schedule: its name.
        silence_seconds: how long a process may say nothing, in seconds on the clock.
        repeat: from 1.
        tensors: R and D at which the model is cut; None: those of the network.
        workers: who takes part, by name; None: all.
        programs: of the parameter server, and of a worker; None: those of the schedule's exchange.
        seconds: how long they do it; None: a training, which ends by itself.
        checkpoints: of a training; None: it keeps none.
        port: at which they are reached; other jobs on the same network have other ones.
        network: all demands on the network, if there are other jobs beside this one.
    """

    model: str
    schedule: str
    silence_seconds: float
    repeat: int = 1
    tensors: Mapping[str, float] | None = None
    workers: tuple[str, ...] | None = None
    programs: tuple[str, str] | None = None
    seconds: float | None = None
    checkpoints: Checkpoints | None = None
    port: int = PORT
    network: Demands | None = None

    @property
    def quiet_seconds(self) -> float:
        """How long a process may tell nothing: an exchange tells nothing while it lasts."""
        if self.seconds is None:
            return self.silence_seconds
        return self.seconds + 2 * self.silence_seconds


def silence_seconds(trial: Trial, every: int = 1) -> float:
    """How long a process of a trial may say nothing: three iterations as planned, and a margin.

    Between exchanges workers say nothing to each other: one from `every` to `every` iterations.
    """
    return (every + 2) * trial.iteration_seconds + SILENCE_MARGIN_SECONDS


def order_setting(experiment: Experiment, work: Work) -> Setting:
    """What the order of a schedule is made for."""
    scale, batch = experiment.scale, experiment.batch
    model = ordered(load_model(work.model), experiment.order_of_operations)
    schedule = experiment.schedule(work.schedule)
    served = bool(experiment.placement.servers) and schedule.exchange != RING
    devices = worker_devices(experiment.exchange, experiment.devices).values()
    return setting_of(
        model,
        layout_of(
            model,
            experiment.members(work.schedule),
            scale.rates,
            scale.time,
            experiment.learning.element_bytes,
        ),
        stretch=scale.rates / scale.time,
        workers=[computation(model, device, batch) for device in devices],
        seconds_per_byte=_seconds_per_byte(experiment, work),
        shared=served and is_shared(experiment.exchange, "pull"),
        barrier=schedule.barrier,
        seed=experiment.seed,
        repeat=work.repeat - 1,  # orders count from 0
    )


def _told(experiment: Experiment, model: str) -> str | dict[str, Any]:
    """What hosts are told of a model: its name where they have it, else all of it."""
    own = experiment.own_models.get(model)
    if own is not None and experiment.order_of_operations == FRAMEWORK:
        return dict(own.profile)
    if experiment.order_of_operations == FRAMEWORK:
        return model
    return experiment.model(model).to_json()


def _seconds_per_byte(experiment: Experiment, work: Work) -> float:
    """Of a model's bytes on the fullest link, while all workers send."""
    if experiment.schedule(work.schedule).one_server:
        # A model of 1 GB, so that rounding does not matter.
        return phase_seconds(experiment.exchange, 10**9, "pull") / 1e9
    loads = link_loads(experiment.demands(work.schedule, work.model))
    return fullest(loads)[0].seconds / load_model(work.model).bytes if loads else 0.0


def plans_of_trial(
    experiment: Experiment, trial: Trial, addresses: Mapping[str, str]
) -> dict[str, ProcessPlan]:
    """The processes of a trial's own job; see `plans_of`."""
    network = None
    if experiment.accompanied(trial.choices):
        network = experiment.demands_together(trial.schedule, trial.model)
    work = Work(
        trial.model,
        trial.schedule,
        silence_seconds(trial, experiment.schedule(trial.schedule).every or 1),
        trial.repeat,
        checkpoints=trial.checkpoints,
        network=network,
    )
    return plans_of(experiment, work, addresses)


def plans_of(
    experiment: Experiment, work: Work, addresses: Mapping[str, str]
) -> dict[str, ProcessPlan]:
    """One process per host that takes part, the parameter servers' first.

    Args:
        addresses: every host's address on the data network.

    Raises:
        RunError: the schedule's order fails in this setting, or answers nonsense; or it is
            one that is not ours, and cannot be had any more.
    """
    if work.programs is not None:
        experiment = experiment.probed
    topology, placement = experiment.topology, experiment.placement
    scale = experiment.scale
    schedule, order = experiment.schedule(work.schedule), experiment.order(work.schedule)
    setting = order_setting(experiment, work)
    ranks = ranks_of(order, schedule, setting, experiment.all_iterations)
    # With its number in the order's answers, which are for all workers of the placement.
    workers = [
        (number, worker)
        for number, worker in enumerate(placement.workers)
        if work.workers is None or worker in work.workers
    ]
    own_demands = _demands(experiment, work)
    network = own_demands if work.network is None else work.network
    demands = [_on_network(one, work) for one in own_demands]
    code = experiment.own_code
    model = experiment.own_models.get(work.model)
    codecs = {
        key: code.codecs[name]
        for key in ("push_codec", "pull_codec")
        if (name := getattr(schedule, key)) in code.codecs
    }
    exchange = code.exchanges.get(schedule.exchange)
    if work.programs is None:
        members = experiment.members(work.schedule)
        programs = programs_of(members, code)
    else:
        server, of_workers = work.programs
        programs = {placement.server: server, **{one: of_workers for _, one in workers}}
        members = Members((placement.server,), tuple(one for _, one in workers))
        # A probe's traffic is not coded.
        codecs, schedule = {}, replace(schedule, push_codec=IDENTITY, pull_codec=IDENTITY)
    own = [code.programs[name] for name in set(programs.values()) if name in code.programs]
    files = {
        f"{SHIPPED}/{place}": text.encode()
        for one in (*codecs.values(), exchange, model, *own)
        if one is not None
        for place, text in one.files.items()
    }
    # Hosts know no entry points.
    told = {
        **asdict(schedule),
        **{key: codec.target for key, codec in codecs.items()},
        **({} if exchange is None else {"exchange": exchange.target}),
    }
    targets = {one.name: one.target for one in own}
    training = {
        "workers": [worker for _, worker in workers],
        "members": members.as_job(),
        "model": _told(experiment, work.model),
        "schedule": told,
        "scale": dict(work.tensors or {"rates": scale.rates, "time": scale.time}),
        "batch": experiment.batch,
        "iterations": experiment.iterations,
        "warm_up": experiment.warm_up,
        "cool_down": experiment.cool_down,
        "repeat": work.repeat - 1,
        "learning_rate": experiment.learning_rate,
        "learning": asdict(experiment.learning),
        "checkpoints": None if work.checkpoints is None else work.checkpoints.as_job(),
        "turns": ranks.turns,
        **({} if work.seconds is None else {"seconds": work.seconds}),
    }
    served = {
        **training,
        "one_queue": ranks.one_queue,
        "answer_ranks": [list(ranks.answers[number]) for number, _ in workers],
    }
    servers = members.servers
    sections: dict[str, dict[str, Any]] = dict.fromkeys(servers, served)
    for place, (number, worker) in enumerate(workers):
        device = topology.host(worker).device
        if device is None:
            raise ValueError(f"worker {worker} has no device model")
        sections[worker] = {
            **training,
            "worker": place,
            "batch": topology.host(worker).batch or experiment.batch,
            "device": experiment.devices[device].to_json(),
            "cores": topology.host(worker).cores,
            "push_ranks": list(ranks.pushes[number]),
            "pulls": [list(pull) for pull in ranks.pulls[number]],
        }

    def peer(host: str, other: str) -> dict[str, Any]:
        endpoint: dict[str, Any] = {"address": addresses[other], "port": work.port}
        sent = (one for one in demands if (one.source, one.destination) == (host, other))
        for one in sent:
            endpoint["send_buffer_bytes"] = send_buffer(one)
        return endpoint

    def meeting_place(host: str) -> str | None:
        """A server's is itself; of others the first server's, if it runs anything."""
        place = host if host in servers else next(iter(servers), None)
        return place if place in programs else None

    def send_buffer(one: Demand) -> int:
        return emulated_send_bytes(network, one, experiment.socket_buffers, scale)

    def envelope(host: str) -> dict[str, Any]:
        return {
            "host": host,
            "program": targets.get(programs[host], programs[host]),
            "seed": experiment.seed,
            "congestion_control": experiment.congestion_control,
            "endpoints": {
                "server": meeting_place(host),
                "peers": {other: peer(host, other) for other in sections if other in programs},
                "bind": addresses[host],
                "receive_buffer_bytes": scale.receive_buffer_bytes(
                    experiment.socket_buffers.receive_bytes(network)
                ),
                "send_buffer_bytes": [send_buffer(one) for one in demands if one.source == host],
                "flow_dscp": list(flow_dscp(schedule)),
            },
            "limits": {"silence_seconds": work.silence_seconds},
        }

    own_events = {one.name: str(one.instance.opens) for one in own}
    # By host, what must have happened before the others start. Ours wait for our server themselves:
    # all of them import what they need meanwhile.
    opens = {
        host: After(host, "event", event) if event else After(host)
        for host, program in programs.items()
        if (event := own_events.get(program, "")) or (host in servers and program not in own_events)
    }
    opened = tuple(opens.values())
    return {
        host: workload_process(
            {**envelope(host), "section": section},
            silence_seconds=work.quiet_seconds,
            # Without a server nobody is there who would notice that another one is gone.
            heartbeat=host in opens or not programs.keys() & set(servers),
            after=() if host in opens else opened,
            files=files,
        )
        for host, section in sections.items()
        if host in programs
    }


def _demands(experiment: Experiment, work: Work) -> Demands:
    """Who sends to whom, as far as they take part: a probe is of a parameter server's traffic."""
    if work.programs is None:
        return experiment.demands(work.schedule, work.model)
    exchange, those = experiment.exchange, work.workers or experiment.placement.workers
    taking_part = {exchange.server, *those}
    return replace(
        exchange.demands,
        all=tuple(one for one in exchange.demands if {one.source, one.destination} <= taking_part),
    )


def _on_network(demand: Demand, work: Work) -> Demand:
    """One of a job's demands as the network knows it where there are several jobs."""
    if work.network is None:
        return demand
    those = work.network.between(demand.source, demand.destination)
    return next(one for one in those if one.port == work.port)


def programs_of(members: Members, code: OwnCode) -> Mapping[str, str]:
    """Which program runs on which host under the exchange of those that take part.

    Raises:
        PluginError: it is one that is not ours, and cannot be had any more.
    """
    kind = exchange_class(members.schedule.exchange, code)
    programs: Mapping[str, str] = kind.programs(members)
    return programs
