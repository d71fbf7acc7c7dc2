"""The records of a program's trial: its readings, which are the values of its throughput."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from orchestrator.errors import RunError
from orchestrator.records.directory import TrialDirectory
from orchestrator.records.files import read_object, read_text
from orchestrator.records.network import NetworkRecord
from orchestrator.records.program import PrintedLine, ProgramRecord, load_lines
from orchestrator.records.trial import TrialRecord
from orchestrator.spec.experiment.programs import Throughput, is_throughput, sent_by_rank
from orchestrator.spec.values.text import counted


class Reading(NamedTuple):
    """One value of a process' throughput, and when it came (monotonic ns; None: not known)."""

    t_ns: int | None
    value: float


@dataclass(frozen=True)
class ProgramTrial:
    """The records of one finished trial of a program.

    Attributes:
        trial: what was tried.
        program: what ran.
        network: counters of the network.
        readings: per process, by rank, those that count: without the warm-up.
        sent: per process, by rank, what it says that it has sent: bytes by the receiver's rank;
            None: it does not say it.
        warm_ns: when the warm-up of all processes whose readings count was over, monotonic.
        records_bytes: what crossed the management network to and from the processes: the lines
            that they printed, and the files that they got.
    """

    trial: TrialRecord
    program: ProgramRecord
    network: NetworkRecord
    readings: tuple[tuple[Reading, ...], ...]
    warm_ns: int
    records_bytes: int
    sent: tuple[Mapping[int, int] | None, ...] = ()

    @property
    def throughput(self) -> float:
        """Per second of this machine's clock."""
        return sum(
            fmean(one.value for one in self.readings[rank])
            for rank in ranks_that_count(self.program.throughput, self.readings)
        )

    @property
    def window(self) -> tuple[int, int]:
        """The time that the readings are of, monotonic ns: from the end of the warm-up on."""
        ranks = ranks_that_count(self.program.throughput, self.readings)
        times = [one.t_ns for rank in ranks for one in self.readings[rank] if one.t_ns is not None]
        # The first reading that counts tells of the time since the one before it.
        end = max(times, default=self.program.ended_ns)
        return self.warm_ns, max(end, self.warm_ns + 1)


def readings_of(throughput: Throughput, lines: Iterable[PrintedLine]) -> list[Reading]:
    """All readings of a process.

    Raises:
        RunError: one is no throughput.
    """
    readings = []
    for line in lines:
        if (line.stream == "file") != (throughput.file is not None):
            continue
        value = throughput.value(line.text)
        if value is None:
            continue
        if not is_throughput(value):
            raise RunError(f"its throughput was {value:g}: {line.text.strip()[:200]}")
        readings.append(Reading(line.t_ns, value))
    return readings


def counting(program: ProgramRecord, readings: Sequence[Sequence[Reading]]) -> list[list[Reading]]:
    """The readings that count, per process.

    Raises:
        RunError: there are none.
    """
    counted_ones = [list(own[program.warm_up :]) for own in readings]
    if any(counted_ones):
        return counted_ones
    most = max(map(len, readings), default=0)
    if not most:
        where = "in what it printed" if program.throughput.file is None else "in its files"
        raise RunError(f"no throughput {where}: {program.throughput} was looked for")
    raise RunError(
        f"{counted(most, 'reading')} of its throughput, and the warm-up leaves the first "
        f"{program.warm_up} out"
    )


def ranks_that_count(
    throughput: Throughput, readings: Sequence[Sequence[Reading]]
) -> tuple[int, ...]:
    """The ranks whose readings the throughput is made of.

    Others may tell of theirs at another time, all at once at their end even.
    """
    ranks = tuple(rank for rank, own in enumerate(readings) if own)
    return ranks if throughput.per_rank == "sum" else ranks[:1]


def read_program(place: TrialDirectory, trial: TrialRecord, program: ProgramRecord) -> ProgramTrial:
    """Read the records of a finished trial of a program.

    Raises:
        RunError: a file is missing or broken, or there is no throughput.
    """
    readings, sent, size = [], [], 0
    for name in program.processes:
        path = place.process(name)
        content = read_text(path)
        size += len(content.encode())
        lines = list(load_lines(str(path), content))
        readings.append(readings_of(program.throughput, lines))
        sent.append(_last_said(program.sent, lines))
    try:
        counting_ones = counting(program, readings)
    except RunError as error:
        raise RunError(f"{place.path}: {error}") from None
    return ProgramTrial(
        trial=trial,
        program=program,
        network=read_object(place.network, NetworkRecord),
        readings=tuple(map(tuple, counting_ones)),
        warm_ns=max(
            [
                program.ready_ns,
                *(
                    one.t_ns
                    for rank in ranks_that_count(program.throughput, counting_ones)
                    for one in readings[rank][: program.warm_up]
                    if one.t_ns
                ),
            ]
        ),
        records_bytes=size + program.shipped_bytes * len(program.processes),
        sent=tuple(sent),
    )


def _last_said(key: str | None, lines: Sequence[PrintedLine]) -> Mapping[int, int] | None:
    """What a process said last that it has sent."""
    if key is None:
        return None
    sent = (sent_by_rank(key, line.text) for line in reversed(lines))
    return next((one for one in sent if one is not None), None)
