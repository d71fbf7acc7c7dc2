"""A trial as its directory has it, with the times that a test asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

from orchestrator.predict import goodput_bps
from orchestrator.records.network import (
    CapsRecord,
    LinkSamplesRecord,
    NetworkRecord,
    UseRecord,
)
from orchestrator.records.trial import BesideRecord, ScaleRecord, TrialRecord
from orchestrator.spec import Choices, Demand
from tests.unit.analysis.record_builder import connection, network_record, port_record
from tests.unit.analysis.spans_builder import layout_record, server_record, spans_records
from workloads.models.profiles import load_model
from workloads.process.process_records import (
    CodingTime,
    CompetingRecord,
    ConnectionEnd,
    EvaluationRecord,
    JobRecord,
    ProcessRecord,
    PsEnd,
    PsIteration,
    TrainingCpuUse,
    WorkerEnd,
    WorkerIteration,
    WorkerSpans,
)
from workloads.schedule.kinds import SynchronisationName
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import Layout

SECOND = 1_000_000_000


@dataclass
class FakeTrial:
    """A trial of undisturbed iterations; every field can be set to disturb it.

    `imgs_per_sec` is the real system's; iterations last as long as it takes to get it.
    """

    model: str = "alexnet"
    schedule: str = "none"
    repeat: int = 0
    index: int = 0
    attempt: int = 1
    imgs_per_sec: float = 0.24
    workers: int = 3
    batch: int = 1
    iterations: int = 5
    warm_up: int = 2
    cool_down: int = 1
    rates: float = 1
    time: float = 0.5
    seed: int = 1
    slow: Mapping[int, float] = field(default_factory=dict)  # iteration -> times as long
    pull: Sequence[int] | None = None  # bytes by worker at first done, of every iteration
    push: Sequence[int] | None = None
    payload: int = 100_000_000  # bytes, in each direction, of an iteration
    idle: float = 0.6
    cpu: Sequence[tuple[int, float]] | None = None
    others: float | None = None  # of two cores, what other programs had; None: not recorded
    switch_cpu: Sequence[tuple[int, float]] = ()
    input_drops: int = 0
    retransmits: int = 0
    retransmits_namespaces: int = 0
    drops: int = 0
    packets: int = 1_000_000
    link_share: float | None = None  # of what switch0->switch1 can carry; None: not sampled
    management: int = 1000
    parameters: str = "aa" * 32
    congestion_controls: Sequence[str] = ("cubic",)
    kept_differs: Sequence[str] = ()
    caps: Mapping[str, CapsRecord] = field(default_factory=dict)
    # Without a step barrier: per worker and iteration, when its backward pass was done (ns).
    backward_done: Sequence[Sequence[int]] | None = None
    synchronisation: SynchronisationName = "per-slice"  # of a trial without a step barrier
    staleness: int | None = None
    behind: Mapping[int, int] | None = None  # updates by others in between -> how often
    competing_seconds: float = 0.0  # for which all pulled, or pushed, at a time
    outcome: Literal["finished", "failed"] = "finished"
    error: str | None = None
    spans: bool = False
    chosen: Mapping[str, str] = field(default_factory=dict)  # choices besides model and schedule
    server: bool = True  # whether there is a parameter server
    communication: Schedule | None = None  # what the schedule stands for; None: as its name says
    demands: tuple[Demand, ...] | None = None  # what it sent in an iteration
    steps: CodingTime | None = None
    coding: CodingTime | None = None  # of the last worker; the others took half as long
    losses: Sequence[float] = ()  # of real training; a worker's are its number more
    accuracies: Mapping[int, float] = field(default_factory=dict)  # iteration -> held-out accuracy
    target: float | None = None
    # Jobs beside, and the records of their processes, whose times are from the trial's begin.
    beside: Sequence[tuple[BesideRecord, Mapping[str, Sequence[ProcessRecord]]]] = ()

    @property
    def names(self) -> list[str]:
        return [f"worker{n}" for n in range(self.workers)]

    @property
    def all_iterations(self) -> int:
        return self.warm_up + self.iterations + self.cool_down

    def releases(self) -> list[int]:
        """Nanoseconds of the barrier releases, one more than there are iterations."""
        length = self.workers * self.batch / self.imgs_per_sec * self.time
        times = [10 * SECOND]
        measured = range(self.warm_up, self.warm_up + self.iterations)
        for iteration in range(self.all_iterations):
            # The others are slower, so that a measure that counts them is wrong.
            factor = self.slow.get(iteration, 1.0) if iteration in measured else 3.0
            times.append(times[-1] + round(length * factor * SECOND))
        return times

    def write(self, run: Path) -> Path:
        """Write the records under `run`; returns the trial's directory."""
        place = run / "trials" / self._trial().directory
        place.mkdir(parents=True)
        dump(place / "trial.json", self._trial().as_json())
        if self.outcome == "finished":
            dump(place / "network.json", self._network().as_json())
            if self.server:
                write_lines(place / "ps.jsonl", "ps", self._ps())
            for number, worker in enumerate(self.names):
                write_lines(place / f"{worker}.jsonl", worker, self._worker(number))
        for _, left in self.beside:
            for process, records in left.items():
                write_lines(place / f"{process}.jsonl", process, records)
        return place

    def _trial(self) -> TrialRecord:
        return TrialRecord(
            index=self.index,
            choices=Choices(model=self.model, schedule=self.schedule, **self.chosen),
            repeat=self.repeat,
            attempt=self.attempt,
            outcome=self.outcome,
            error=self.error,
            seconds=60.0,
            communication=self._communication(),
            servers=("ps",) if self.server else (),
            demands=self.demands,
            workers=tuple(self.names),
            batch=self.batch,
            iterations=self.iterations,
            warm_up=self.warm_up,
            cool_down=self.cool_down,
            scale=ScaleRecord(rates=self.rates, time=self.time),
            switch="linux-bridge",
            target_accuracy=self.target,
            beside=tuple(record for record, _ in self.beside),
        )

    def _communication(self) -> Schedule:
        if self.communication is not None:
            return self.communication
        if self.backward_done is not None:
            return Schedule(
                name=self.schedule,
                source="a test",
                synchronisation=self.synchronisation,
                slice_bytes=4096 if self.synchronisation == "per-slice" else None,
                staleness=self.staleness,
            )
        if self.schedule == "none":
            return Schedule(name="none", source="a test")
        return Schedule(name=self.schedule, source="a test", place="switch", switch_order="worker")

    def _network(self) -> NetworkRecord:
        begin, end = self.releases()[0], self.releases()[-1]
        cpu = self.cpu
        if cpu is None:
            # Busy before and after: a measure that looks there is wrong.
            inside = [(t, self.idle) for t in range(begin, end + 1, SECOND)]
            cpu = [(begin - SECOND, 0.0), *inside, (end + 2 * SECOND, 0.0)]
        times = range(begin - SECOND, end + 2 * SECOND, SECOND) if self.others is not None else ()
        packets, links = self.packets, None
        if self.link_share is not None:
            # As tc counts them; the interface has counted headers of few packets.
            payload = self.link_share * goodput_bps(1e9) / 8 * (end - begin) / SECOND
            packets = round(payload / (1500 - 66))
            samples = ((begin, 0), (end, packets * 1400))
            links = LinkSamplesRecord(ports=("switch0->switch1",), samples=samples)
        return network_record(
            caps=dict(self.caps),
            use=UseRecord(cores=2, samples=tuple((t, 0.5, self.others or 0.0, 0.0) for t in times)),
            ports=(
                port_record("switch0->switch1", packets, self.drops),
                port_record("switch1->switch0", self.packets),
            ),
            management_bytes={"ps": self.management},
            tcp_retransmits={"ps": self.retransmits_namespaces},
            cpu=tuple(cpu),
            switch_cpu=tuple(self.switch_cpu),
            switch_input_drops={"switch0->switch1": self.input_drops},
            kept_differs=tuple(self.kept_differs),
            links=links,
        )

    def _ps(self) -> list[ProcessRecord]:
        fair = [self.payload // self.workers] * self.workers
        releases = self.releases()
        nobody = [0] * self.workers
        rounds = self._trial().rounds
        iterations = [
            PsIteration(
                iteration=number,
                released_ns=releases[rounds.first(number)],
                pull_sent_ns=nobody,
                push_first_ns=nobody,
                push_done_ns=nobody,
                applied_ns=releases[rounds.last(number) + 1],
                next_release_ns=releases[rounds.last(number) + 1],
                pull_bytes_at_first_done=list(self.pull or fair),
                push_bytes_at_first_done=list(self.push or fair),
                pull_competing=CompetingRecord(self.competing_seconds, list(self.pull or fair)),
                push_competing=CompetingRecord(self.competing_seconds, list(self.push or fair)),
                payload_in=self.payload,
                payload_out=self.payload,
            )
            for number in range(rounds.count)
        ]
        end = PsEnd(
            cpu_seconds=2.0,
            max_rss_bytes=1,
            training_cpu=TrainingCpuUse(1.75, 0.25),
            parameters_sha256=self.parameters,
            staleness=self.behind,
            payload_in=self.payload * self.all_iterations,
            payload_out=self.payload * self.all_iterations,
            connections=[ConnectionEnd(self.retransmits, n, 0) for n in range(self.workers)],
        )
        kept = [connection(n, value) for n, value in enumerate(self.congestion_controls)]
        return [
            JobRecord(self.seed, "cubic"),
            *kept,
            *iterations,
            *self._ps_spans(),
            end,
        ]

    def _worker(self, number: int) -> list[ProcessRecord]:
        coding = self.coding
        if coding is not None and number < self.workers - 1:
            coding = CodingTime(coding.planned_ns // 2, coding.excess_ns // 2)
        end = WorkerEnd(
            coding=coding,
            steps=self.steps,
            cpu_seconds=0.5 + number,
            max_rss_bytes=1,
            training_cpu=TrainingCpuUse(0.25 + number, 0.125),
            retransmits=0,
            connections=[
                ConnectionEnd(
                    0, bytes_received=2 * self.payload // self.workers * self.all_iterations
                )
            ],
        )
        spans = self._spans_of(number) if self.spans else []
        iterations = [
            WorkerIteration(
                iteration=index,
                started_ns=begin,
                pull_done_ns=done,
                forward_done_ns=done,
                backward_done_ns=done,
                push_sent_ns=done,
                ended_ns=end,
                loss=self.losses[index] + number if self.losses else None,
            )
            for index, (done, (begin, end)) in enumerate(
                zip(self.done(number), self.lasted(number), strict=True)
            )
        ]
        kept = [connection(number, value) for value in self.congestion_controls[-1:]]
        # Parameters have come when half of the iteration is over.
        judged = [
            EvaluationRecord(index, sum(self.lasted(0)[index]) // 2, 0.5, accuracy)
            for index, accuracy in ({} if number else self.accuracies).items()
        ]
        return [JobRecord(self.seed, "cubic"), *kept, *iterations, *spans, *judged, end]

    def done(self, worker: int) -> Sequence[int]:
        """When each of a worker's backward passes was done (ns)."""
        if self.backward_done is not None:
            return self.backward_done[worker]
        if self.spans:
            return [
                record.origin_ns + sum(record.backward[-2:]) for record in self._spans_of(worker)
            ]
        return [begin + round(0.9 * (end - begin)) for begin, end in pairwise(self.releases())]

    def lasted(self, worker: int) -> list[tuple[int, int]]:
        """When each of a worker's iterations began and ended (ns).

        With a step barrier, the first worker learns of a release at once, each other one 1 ms later
        than the one before. (All spans begin with the release.)
        """
        first = self.releases()[0]
        if self.backward_done is not None:
            done = self.backward_done[worker]
            return list(pairwise([min(first, done[0] - 1), *done]))
        late = 0 if self.spans else worker * SECOND // 1000
        return list(pairwise(release + late for release in self.releases()))

    def _ps_spans(self) -> list[ProcessRecord]:
        if not self.spans:
            return []
        workers = [self._spans_of(number) for number in range(self.workers)]
        model = load_model(self.model)
        return [
            layout_record(model, Layout(model, self.rates, self.time)),
            *(server_record(list(records)) for records in zip(*workers, strict=True)),
        ]

    def _spans_of(self, worker: int) -> list[WorkerSpans]:
        model = load_model(self.model)
        layout = Layout(model, self.rates, self.time)
        return [
            spans_records(model, layout, worker, number, times)
            for number, times in enumerate(pairwise(self.releases()))
        ]


def dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))


def write_lines(path: Path, process: str, records: Sequence[ProcessRecord]) -> None:
    path.write_text("".join(record.line(process) for record in records))
