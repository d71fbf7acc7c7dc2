"""The records of a program's trial: its readings, which are the values of its throughput."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from orchestrator.errors import RunError
from orchestrator.records.directory import TrialDirectory
from orchestrator.records.files import read_object, read_text
from orchestrator.records.network import NetworkRecord
from orchestrator.records.program import PrintedLine, ProgramRecord, load_lines
from orchestrator.records.trial import TrialRecord
from orchestrator.spec.programs import Throughput, is_throughput
from orchestrator.spec.text import counted


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
        warm_ns: when the warm-up of all processes that have readings was over, monotonic.
        records_bytes: what crossed the management network to and from the processes: the lines
            that they printed, and the files that they got.
    """

    trial: TrialRecord
    program: ProgramRecord
    network: NetworkRecord
    readings: tuple[tuple[Reading, ...], ...]
    warm_ns: int
    records_bytes: int

    @property
    def throughput(self) -> float:
        """Per second of this machine's clock."""
        of_ranks = [fmean(one.value for one in own) for own in self.readings if own]
        return sum(of_ranks) if self.program.throughput.per_rank == "sum" else of_ranks[0]

    @property
    def window(self) -> tuple[int, int]:
        """The time that the readings are of, monotonic ns: from the end of the warm-up on."""
        times = [one.t_ns for own in self.readings for one in own if one.t_ns is not None]
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


def read_program(place: TrialDirectory, trial: TrialRecord, program: ProgramRecord) -> ProgramTrial:
    """Read the records of a finished trial of a program.

    Raises:
        RunError: a file is missing or broken, or there is no throughput.
    """
    readings, size = [], 0
    for name in program.processes:
        path = place.process(name)
        content = read_text(path)
        size += len(content.encode())
        readings.append(readings_of(program.throughput, load_lines(str(path), content)))
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
                *(one.t_ns for own in readings for one in own[: program.warm_up] if one.t_ns),
            ]
        ),
        records_bytes=size + program.shipped_bytes * len(program.processes),
    )
