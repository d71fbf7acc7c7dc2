"""The measures of one trial, from its records.

Times and rates are the real system's unless a name says `emulated`: the emulation stretches time by
D, so a real second lasts D emulated ones, and imgs/sec (real) = imgs/sec (emulated) x D.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median

from orchestrator.analysis.measures.beside import BesideMeasure, measure_beside
from orchestrator.analysis.measures.learning import Learnt, learnt
from orchestrator.analysis.measures.links import LinkUse
from orchestrator.analysis.measures.machine.conditions import (
    HostUse,
    PortDrops,
    drops_of,
    host_use,
    idle_within,
)
from orchestrator.analysis.measures.machine.cpu_seconds import (
    TrainingCpu,
    device_times,
    training_cpu,
)
from orchestrator.analysis.measures.machine.disturbance import Use, disturbances, use_within
from orchestrator.analysis.measures.shared_links import LinkGoodput, link_goodputs
from orchestrator.analysis.measures.shares import Rates, Shares, rates_of, shares_of
from orchestrator.analysis.reading.records import Trial
from orchestrator.predict import lead_of
from orchestrator.spec import Demand
from orchestrator.spec.experiment.choices import Choices, Chosen
from orchestrator.spec.experiment.programs import IMGS_PER_SEC
from workloads.schedule.averaging import Averaged
from workloads.schedule.schedule import Schedule

PAYLOAD_PER_SEGMENT = 1448
"""Bytes of payload in a full TCP segment at MTU 1500 with timestamps."""

_NS = 1e9


@dataclass(frozen=True)
class TrialMeasure(Chosen):
    """Everything that is known of one trial.

    Attributes:
        choices: what it is of.
        imgs_per_sec: total over the workers, warm-up and cool-down left out, from the workers' own
            records; see `orchestrator.analysis.reading.course`. Of a program its throughput, in its
            `unit`.
        iteration_seconds: real seconds of each measured iteration; without a step barrier of the
            slowest worker.
        iteration_seconds_emulated: the same on this machine's clock.
        iteration_seconds_median: median of `iteration_seconds`; of rounds, if not every iteration
            exchanges: what an iteration takes in each of them on average.
        pull_shares: None if nothing was pulled by all at a time, or if workers have paces of
            their own.
        push_shares: the same of pushes.
        pull_rates: of every measured iteration in which all pulled at a time: each worker's rate
            then.
        push_rates: the same of pushes.
        idle_mean: idle share of the machine's CPUs over the measured iterations; None: no sample.
        idle_worst: idle share of the worst second in it.
        switch_idle_mean: as `idle_mean`, of the busiest thread of the switches' own processes; None
            where the kernel itself switches.
        switch_idle_worst: the same in its worst second.
        retransmissions_records: TCP retransmissions that the processes read from their sockets,
            warm-up and cool-down included.
        retransmissions_namespaces: the same from the counters of the hosts' network namespaces
            (which count the management network too).
        segments: full segments that the payload of all iterations needs.
        drops: packets dropped, by port; those that were lost between a port's link and the switch
            behind it have a separate entry, `ps->switch0 (input)`.
        management_bytes: bytes on the management network during training, all hosts.
        records_bytes: of these, what the processes wrote down, without what SSH adds.
        shipped_bytes: of these, the code and files that they got; None: not recorded.
        parameters_sha256: of the parameters at the end, the parameter server's or those of all
            workers; None: nobody kept them, or they differ.
        agreed: whether all workers that say so ended with the same parameters.
        payload: bytes delivered, warm-up and cool-down included.
        payload_in: bytes of gradients received by the parameter server, warm-up and cool-down
            included; None: there was none.
        payload_out: bytes of parameters sent by it, as `payload_in`.
        cpu_seconds_ps: user + system time of the parameter server; None: there was none.
        cpu_seconds_workers: the same, sum of the workers.
        cpu_seconds_per_gigabyte: of all processes, per 1e9 bytes of payload delivered, their start
            included.
        training_cpu: without the start, the arithmetic apart; None: nothing was delivered.
        congestion_controls: what the kernel reported, of any connection.
        processes: how many left records.
        bulk_synchronous: whether gradients of all workers were applied together.
        exact: whether all such trials of a training must end with the same parameters.
        sums: the schedule in whose own order gradients are added up, or digests made, so that
            others may end with other ones; empty: as with one parameter server.
        sends_model: whether every worker sent all of the model to a parameter server and back,
            uncoded, in each iteration: what bounds are of.
        demands: where something else is sent: who sent how much to whom in each iteration, on
            average; None: not known.
        communication: the schedule; None: a program ran.
        barrier: whether the workers waited for each other after every iteration.
        ordered: whether hosts or switches put an order in effect.
        lead: how many iterations a worker could do for one of the slowest worker's.
        staleness: where they were not: how many updates by others had been applied to a unit
            between a worker's pull and its push -> how often.
        hosts: what every host used of its caps.
        use: whose the CPUs were; None: not recorded.
        learnt: loss and accuracy; None: gradients were made up.
        resumed_after: iterations of an earlier run after which it continued.
        beside: what the jobs beside it had meanwhile.
        links: what the links that jobs share carried meanwhile; none: nobody has sampled them.
        unit: of `imgs_per_sec`.
        pairs: of a program, payload in bytes that each of its hosts sent to each other one.
        rule_pairs: the same by the rules of switches under a controller; empty: there are none.
        said_pairs: the same by what its processes say themselves, of hosts all of whose processes
            say it; None: nobody is asked.
        loopback: of a program, bytes that each of its hosts sent to itself.
        left: of a program, what it left on hosts, and was ended then.
        fullest: of a program, how full the fullest link was.
        coding_seconds: in which the device of the worker that coded most did so, per iteration;
            None: nothing was coded.
        coding_excess_seconds: by how much longer this machine took, per iteration of the worker
            for which that was most: it held the figure up.
        steps_excess_seconds: by how much workers' own steps were late, for which a device takes no
            time; None: they take none.
    """

    index: int
    choices: Choices
    repeat: int
    attempt: int
    workers: int
    batch: int
    iterations: int
    warm_up: int
    cool_down: int
    seed: int
    scale_rates: float
    scale_time: float
    switch: str
    imgs_per_sec: float
    iteration_seconds: tuple[float, ...]
    iteration_seconds_emulated: tuple[float, ...]
    iteration_seconds_median: float
    pull_shares: Shares | None
    push_shares: Shares | None
    pull_rates: tuple[Rates, ...]
    push_rates: tuple[Rates, ...]
    idle_mean: float | None
    idle_worst: float | None
    switch_idle_mean: float | None
    switch_idle_worst: float | None
    retransmissions_records: int
    retransmissions_namespaces: int
    segments: int
    drops: tuple[PortDrops, ...]
    management_bytes: int
    parameters_sha256: str | None
    payload: int
    payload_in: int | None
    payload_out: int | None
    cpu_seconds_ps: float | None
    cpu_seconds_workers: float
    cpu_seconds_per_gigabyte: float | None
    congestion_control: str
    congestion_controls: frozenset[str]
    kept_differs: tuple[str, ...]
    hosts: tuple[HostUse, ...] = ()
    records_bytes: int = 0
    shipped_bytes: int | None = None
    processes: int = 1
    bulk_synchronous: bool = True
    exact: bool = True
    sums: str = ""
    agreed: bool = True
    sends_model: bool = True
    demands: tuple[Demand, ...] | None = None
    communication: Schedule | None = None
    barrier: bool = True
    ordered: bool = False
    lead: float = 1.0
    training_cpu: TrainingCpu | None = None
    staleness: Mapping[int, int] = field(default_factory=dict)
    use: Use | None = None
    learnt: Learnt | None = None
    resumed_after: int = 0
    unit: str = IMGS_PER_SEC
    pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    rule_pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    said_pairs: Mapping[tuple[str, str], int] | None = None
    loopback: Mapping[str, int] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    fullest: LinkUse | None = None
    coding_seconds: float | None = None
    coding_excess_seconds: float = 0.0
    steps_excess_seconds: float | None = None
    beside: tuple[BesideMeasure, ...] = ()
    links: tuple[LinkGoodput, ...] = ()

    @property
    def every(self) -> int:
        """Iterations from one exchange to the next."""
        return (self.communication and self.communication.every) or 1

    @property
    def averaged(self) -> Averaged:
        """How: trials that differ in it end with different parameters."""
        return self.communication.averaged if self.communication else ()

    @property
    def round_seconds(self) -> tuple[float, ...]:
        """Real seconds of an iteration in each measured round, on average."""
        return _of_rounds(self.iteration_seconds, self.every)

    @property
    def program(self) -> str:
        """The program that ran; empty: a training. Of one what counts iterations is empty or 0."""
        return self.choices.program

    @property
    def disturbances(self) -> tuple[str, ...]:
        """What other programs and the hypervisor did to it; empty if nothing that matters."""
        return disturbances(self.use, self.idle_mean)

    @property
    def staleness_mean(self) -> float | None:
        """Updates by others, on average over all pushes; None: none can be in between."""
        pushes = sum(self.staleness.values())
        if not pushes:
            return None
        return sum(behind * count for behind, count in self.staleness.items()) / pushes

    @property
    def retransmissions(self) -> int:
        """The larger of the two counts: they see the same events, so they are not added."""
        return max(self.retransmissions_records, self.retransmissions_namespaces)

    @property
    def retransmission_share(self) -> float:
        """Retransmissions per segment of payload."""
        return self.retransmissions / self.segments if self.segments else 0.0

    @property
    def coding_excess_share(self) -> float:
        """Of an iteration's time."""
        return self.coding_excess_seconds / fmean(self.iteration_seconds)

    @property
    def steps_excess_share(self) -> float:
        """Of an iteration's time."""
        return (self.steps_excess_seconds or 0.0) / fmean(self.iteration_seconds)

    @property
    def throttled_share(self) -> float:
        """Of the host that was throttled most."""
        return max((host.throttled_share or 0.0 for host in self.hosts), default=0.0)

    @property
    def total_drops(self) -> int:
        """Packets dropped at all ports."""
        return sum(port.drops for port in self.drops)


def measure(trial: Trial) -> TrialMeasure:
    """Compute the measures of a finished trial of a training."""
    what, network = trial.trial, trial.network
    stretch = what.scale.time
    servers, schedule = trial.servers, what.communication
    ends = [server.end for server in servers]
    digests = _digests(trial)
    # Of several servers each sees a part of what a worker moves: shares are of one that sees all.
    seen = servers[0].iterations if schedule.one_server and servers else ()
    measured = [seen[number] for number in what.measured_rounds] if seen else []
    pulls = [one.pull_competing for one in measured]
    pushes = [one.push_competing for one in measured]
    course = trial.course
    window, pace = course.window(), course.images_per_sec(what.images)
    if window is None or pace is None:
        raise ValueError("a trial without a measured time")
    begin, end = window
    emulated = tuple((after - before) / _NS for before, after in pairwise(course.moments()))
    real = tuple(seconds / stretch for seconds in emulated)
    idle_mean, idle_worst = idle_within(network.cpu, begin, end)
    switch_idle_mean, switch_idle_worst = idle_within(network.switch_cpu, begin, end)
    payload = _payload(trial)
    iterations = what.warm_up + what.iterations + what.cool_down
    coding = device_times((end.coding for end in trial.worker_ends), iterations, stretch)
    steps = device_times((end.steps for end in trial.worker_ends), iterations, stretch)
    cpu_workers = sum(worker.cpu_seconds for worker in trial.worker_ends)
    cpu_servers = sum(end.cpu_seconds for end in ends)
    return TrialMeasure(
        index=what.index,
        choices=what.choices,
        repeat=what.repeat,
        attempt=what.attempt,
        workers=len(what.workers),
        batch=what.batch,
        iterations=what.iterations,
        warm_up=what.warm_up,
        cool_down=what.cool_down,
        seed=trial.job.seed,
        scale_rates=what.scale.rates,
        scale_time=stretch,
        switch=what.switch,
        imgs_per_sec=pace * stretch,
        iteration_seconds=real,
        iteration_seconds_emulated=emulated,
        iteration_seconds_median=median(_of_rounds(real, schedule.every or 1)),
        pull_shares=shares_of(pulls) if schedule.bulk_synchronous else None,
        push_shares=shares_of(pushes) if schedule.bulk_synchronous else None,
        pull_rates=rates_of(pulls, what.scale.rates),
        push_rates=rates_of(pushes, what.scale.rates),
        idle_mean=idle_mean,
        idle_worst=idle_worst,
        switch_idle_mean=switch_idle_mean,
        switch_idle_worst=switch_idle_worst,
        retransmissions_records=sum(worker.retransmits for worker in trial.worker_ends)
        + sum(each.retransmits for end in ends for each in end.connections),
        retransmissions_namespaces=sum(network.tcp_retransmits.values()),
        segments=-(-payload // PAYLOAD_PER_SEGMENT),
        drops=drops_of(network),
        management_bytes=sum(network.management_bytes.values()),
        parameters_sha256=digests[0] if len(digests) == 1 else None,
        agreed=len(digests) < 2,
        payload=payload,
        payload_in=sum(end.payload_in for end in ends) if ends else None,
        payload_out=sum(end.payload_out for end in ends) if ends else None,
        cpu_seconds_ps=cpu_servers if ends else None,
        cpu_seconds_workers=cpu_workers,
        cpu_seconds_per_gigabyte=(cpu_servers + cpu_workers) / (payload / 1e9) if payload else None,
        congestion_control=trial.job.congestion_control,
        congestion_controls=trial.congestion_controls,
        kept_differs=network.kept_differs,
        records_bytes=trial.records_bytes,
        shipped_bytes=what.shipped_bytes,
        processes=len(what.all_processes),
        bulk_synchronous=schedule.bulk_synchronous,
        exact=all(end.exact for end in ends) if ends else bool(digests),
        sums="" if schedule.one_server else what.choices.schedule,
        sends_model=bool(ends) and schedule.sends_model,
        demands=None if schedule.sends_model else what.demands,
        communication=schedule,
        barrier=schedule.barrier,
        ordered=schedule.place != "nowhere",
        lead=lead_of(schedule.bulk_synchronous, schedule.staleness, what.iterations),
        training_cpu=training_cpu(ends, trial.worker_ends, payload),
        staleness=(ends[0].staleness if ends else None) or {},
        hosts=tuple(host_use(name, caps) for name, caps in network.caps.items()),
        use=use_within(network.use, network.cpu, begin, end),
        learnt=learnt(trial),
        resumed_after=what.resumed_after,
        beside=measure_beside(trial.beside, what.scale, window, network),
        links=link_goodputs(network, begin, end, what.scale.rates),
        coding_seconds=coding.planned if coding else None,
        coding_excess_seconds=coding.excess if coding else 0.0,
        steps_excess_seconds=steps.excess if steps else None,
    )


def _of_rounds(seconds: Sequence[float], every: int) -> tuple[float, ...]:
    """Means of as many as lie between two exchanges; what is left over is left out."""
    rounds = max(1, len(seconds) // every) if seconds else 0
    return tuple(fmean(seconds[number * every : (number + 1) * every]) for number in range(rounds))


def _payload(trial: Trial) -> int:
    """Bytes delivered: what servers counted, and what workers received from each other."""
    counted = sum(one.end.payload_in + one.end.payload_out for one in trial.servers)
    connections = (each for end in trial.worker_ends for each in end.connections)
    between = (each for each in connections if not trial.servers or each.worker is not None)
    return counted + sum(each.bytes_received or 0 for each in between)


def _digests(trial: Trial) -> tuple[str, ...]:
    """Of the parameters that it ended with, each once: more than one if workers disagree.

    Where several have a part of them, servers and the workers together, it is the digest of their
    digests.
    """
    told = (end.parameters_sha256 for end in trial.worker_ends)
    of_workers = tuple(dict.fromkeys(digest for digest in told if digest is not None))
    if len(of_workers) > 1:
        return of_workers
    digests = (*(one.end.parameters_sha256 for one in trial.servers), *of_workers)
    if len(digests) < 2:
        return digests
    return (hashlib.sha256(" ".join(digests).encode()).hexdigest(),)
