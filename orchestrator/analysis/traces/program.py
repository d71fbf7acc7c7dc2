"""A program's trial as a trace: how full links were, and when its readings came.

The format is that of `orchestrator.analysis.traces.training`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.analysis.measures.links import link_uses
from orchestrator.analysis.reading.program_trial import ProgramTrial

_NETWORK, _FIRST = 1, 2  # numbers of processes; those of the program follow the network
_USED = 0.001
"""Mean share from which on a link is shown."""


def program_trace(trial: ProgramTrial) -> dict[str, Any]:
    """A program's trace, ready to be dumped as JSON."""
    program = trial.program
    events = [*_links(trial), *_readings(trial)]
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            **trial.trial.choices,
            "repeat": trial.trial.repeat,
            "command": list(program.command),
            "R": trial.trial.scale.rates,
            "D": trial.trial.scale.time,
        },
    }


def _links(trial: ProgramTrial) -> Iterator[dict[str, Any]]:
    start, end = trial.program.began_ns, trial.program.ended_ns
    yield _name(_NETWORK, "network: percent of each link's rate")
    for use in link_uses(trial.network, start, end):
        if use.mean >= _USED:
            for t_ns, share in zip(use.times, use.shares, strict=True):
                yield {
                    "ph": "C",
                    "pid": _NETWORK,
                    "name": use.port,
                    "ts": (t_ns - start) / 1000,
                    "args": {"%": round(100 * share, 1)},
                }


def _readings(trial: ProgramTrial) -> Iterator[dict[str, Any]]:
    start, unit = trial.program.began_ns, trial.program.throughput.unit
    for rank, (name, readings) in enumerate(
        zip(trial.program.processes, trial.readings, strict=True)
    ):
        yield _name(_FIRST + rank, f"{name} (rank {rank})")
        for reading in readings:
            if reading.t_ns is not None:
                yield {
                    "ph": "C",
                    "pid": _FIRST + rank,
                    "name": unit,
                    "ts": (reading.t_ns - start) / 1000,
                    "args": {unit: reading.value * trial.trial.scale.time},
                }


def _name(pid: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}
