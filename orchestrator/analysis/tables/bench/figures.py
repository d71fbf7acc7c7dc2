"""The figures of a bench, from what it left in its directory, and the aims that they are held to.

iperf3's own reports (`push`, `pull`, `both`), our transport between the parameter server and one
worker, both ways, urgent units behind a full queue, from the worker to the server, the idle share
of the machine during each of these, and trainings, as in any run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter

from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.measures.programs.measure import measure_any
from orchestrator.analysis.reading.exchange_records import Traffic
from orchestrator.analysis.reading.records import Run, read_run
from orchestrator.analysis.reading.urgent import read_urgent
from orchestrator.errors import RunError
from orchestrator.predict import goodput_bps
from orchestrator.records.bench import BenchRecord
from orchestrator.records.directory import RunDirectory
from orchestrator.records.files import Record, read_object, read_text

GOODPUT_PERCENT = 97.0
"""Of iperf3's in one direction, at least, in both directions at once."""
CPU_SECONDS_PER_GIGABYTE = 1.5
"""At most, of parameter server and workers together, the server's arithmetic left out."""
URGENT_SLICES = 2.0
"""At most, median, in the time that one slice takes at the link's goodput."""


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what was measured.
        value: the figure.
        unit: its unit.
        least: the aim, if it is to be at least that.
        most: the aim, if it is to be at most that.
        idle: idle share of the machine meanwhile; None: not sampled.
    """

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None
    idle: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.least is not None:
            return self.value >= self.least
        return None if self.most is None else self.value <= self.most

    def as_json(self) -> dict[str, Any]:
        """The figure for a program to read."""
        return {**asdict(self), "met": self.met}


class _Run(Record):
    bench: BenchRecord


class _Sum(Record):
    bits_per_second: float = Field(ge=0)


class _End(Record):
    sum_received: _Sum
    sum_received_bidir_reverse: _Sum | None = None


class _Iperf(Record):
    end: _End


_IDLE = TypeAdapter(dict[str, float])


def bench_figures(directory: Path) -> tuple[Figure, ...]:
    """All figures of a bench.

    Raises:
        RunError: a record is missing or broken.
    """
    layout = RunDirectory(directory)
    what = read_object(layout.run, _Run).bench
    idle = _IDLE.validate_json(read_text(layout.idle))
    return (
        *_goodput(layout, what, idle),
        *_urgent(layout, what, idle),
        *_cpu(read_run(directory)),
    )


def _goodput(layout: RunDirectory, what: BenchRecord, idle: dict[str, float]) -> Iterator[Figure]:
    ways: dict[Literal["push", "pull"], str] = {
        "push": f"{what.worker} -> {what.server}",
        "pull": f"{what.server} -> {what.worker}",
    }
    reference = {}
    for way, name in ways.items():
        reference[way] = _received(layout.iperf(way))[0]
        yield _mbit(f"iperf3, {name}", reference[way], what, idle.get(f"iperf3-{way}"))
    both = _received(layout.iperf("both"))
    for name, bps in zip(ways.values(), both, strict=True):
        yield _mbit(f"iperf3, both at once, {name}", bps, what, idle.get("iperf3-both"))
    exchange = layout.exchange("goodput")
    traffic = Traffic(
        what.server,
        (what.worker,),
        {name: exchange.process(name).read_bytes() for name in (what.server, what.worker)},
    )
    span = traffic.span(what.ramp_seconds, what.seconds)
    ours = {way: traffic.received_bps(way, *span)[0] for way in ways}
    for way, name in ways.items():
        yield _mbit(f"transport, both at once, {name}", ours[way], what, idle.get("goodput"))
    share = min(ours[way] / reference[way] for way in ways)
    yield Figure(
        "transport, the lesser of both in iperf3's one-way figures",
        100 * share,
        "%",
        least=GOODPUT_PERCENT,
        idle=idle.get("goodput"),
    )


def _received(report: Path) -> tuple[float, ...]:
    """Emulated bit/s that iperf3's receivers counted: to the parameter server, from it."""
    end = read_object(report, _Iperf).end
    sums = [one for one in (end.sum_received, end.sum_received_bidir_reverse) if one]
    if not all(one.bits_per_second for one in sums):
        raise RunError(f"{report}: nothing was received")
    return tuple(one.bits_per_second for one in sums)


def _mbit(name: str, bps: float, what: BenchRecord, idle: float | None) -> Figure:
    return Figure(name, bps * what.rates / 1e6, "Mbit/s", idle=idle)


def _urgent(layout: RunDirectory, what: BenchRecord, idle: dict[str, float]) -> Iterator[Figure]:
    urgent = read_urgent(layout.exchange("urgent"), what.server, what.worker, what.samples)
    slice_ns = what.slice_bytes * 8e9 / goodput_bps(what.link_bps)
    share = idle.get("urgent")
    name = "urgent tensor"
    yield Figure(
        f"{name}, first byte out of the host, median of {len(urgent.left)}",
        urgent.slices(slice_ns),
        "slices",
        most=URGENT_SLICES,
        idle=share,
    )
    worst, arrived = max(urgent.left), sorted(urgent.arrived)[len(urgent.arrived) // 2]
    yield Figure(
        f"{name}, first byte out of the host, worst", worst / slice_ns, "slices", idle=share
    )
    yield Figure(f"{name}, at the receiver, median", arrived / slice_ns, "slices", idle=share)
    yield Figure(f"{name}, one slice on its link lasts", slice_ns / 1e6, "ms")
    if urgent.lost:
        yield Figure(f"{name}, packets that were not seen", urgent.lost, "packets")


def _cpu(run: Run) -> Iterator[Figure]:
    for trial in map(measure_any, run.trials):
        yield from _trial_cpu(trial)


def _trial_cpu(trial: TrialMeasure) -> Iterator[Figure]:
    used = trial.training_cpu
    if used is None:
        raise RunError(f"{trial.choices}: its records do not tell its CPU time")
    name, unit, idle = f"CPU, {trial.choices}", "s/GB", trial.idle_mean
    yield Figure(
        name,
        used.transport,
        unit,
        most=CPU_SECONDS_PER_GIGABYTE,
        idle=idle,
    )
    yield Figure(f"{name}, in it the workers' arithmetic", used.gradients_per_gigabyte, unit)
    yield Figure(f"{name}, not in it the server's arithmetic", used.aggregation_per_gigabyte, unit)
