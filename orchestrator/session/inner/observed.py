"""What a testbed counts and records while processes run on it, whatever they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.emulation.limits.awake import Awake, cpus_to_keep_awake
from orchestrator.emulation.limits.capped import CapsMeter
from orchestrator.emulation.limits.idle import IdleSampler
from orchestrator.emulation.limits.use import UseSampler, use_record
from orchestrator.emulation.ports.counters import network_record
from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.errors import RunError
from orchestrator.records.directory import NETWORK, TRIAL, process_file
from orchestrator.records.network import ControllerRecord, NetworkRecord
from orchestrator.records.trial import TrialRecord
from orchestrator.session.store.results import json_file
from orchestrator.session.testbed.protocol import Testbed


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        trial: what was tried, and how it ended (trial.json).
        network: the network's record (network.json).
        records: per process name, its JSONL records; of a training none if it failed.
    """

    trial: TrialRecord
    network: NetworkRecord
    records: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        """Why it failed; None if it finished."""
        return self.trial.error

    def files(self) -> dict[str, bytes]:
        """The files of the trial's directory."""
        return {
            TRIAL: json_file(self.trial.as_json()),
            NETWORK: json_file(self.network.as_json()),
            **{process_file(name): content for name, content in self.records.items()},
        }


@dataclass(frozen=True)
class Observed:
    """What was seen while processes ran.

    Attributes:
        error: None if they ended well.
        seconds: on the clock, from before the ports were made ready.
        network: the network's record.
        records: of the processes, by name; none if they failed.
        span: of the processes, monotonic ns.
    """

    error: str | None
    seconds: float
    network: NetworkRecord
    records: Mapping[str, bytes]
    span: tuple[int, int]


def observed(
    testbed: Testbed,
    shape: Callable[[], tuple[PortShape, ...]],
    measured: tuple[int, int],
    act: Callable[[CapsMeter], Mapping[str, bytes]],
) -> Observed:
    """Let processes run on a testbed, and keep what is counted meanwhile.

    Args:
        testbed: where they run.
        shape: makes its ports ready.
        measured: the first and the last of the iterations that are measured.
        act: runs them, tells the meter of their iterations, and returns their records. A RunError
            that it raises is the outcome's error.

    Raises:
        RunError: the network could not be set as asked, or is gone.
    """
    started, started_ns = time.monotonic(), time.monotonic_ns()
    shapes = shape()
    before = testbed.counters()
    meter = testbed.meter(*measured)
    error: str | None = None
    records: Mapping[str, bytes] = {}
    use = UseSampler()
    began_ns = time.monotonic_ns()
    with (
        Awake(cpus_to_keep_awake(testbed.switch_kind)) as awake,
        IdleSampler(threads=testbed.switch_threads, use=use, awake=awake.used_seconds) as sampler,
    ):
        try:
            records = act(meter)
        except RunError as caught:
            error = str(caught)
    ended_ns = time.monotonic_ns()
    try:
        after = testbed.counters()
    except RunError as gone:
        # The testbed itself is gone; what the processes said of it must not be.
        raise RunError("\n".join([str(gone), *([] if error is None else [error])])) from gone
    caps, killed = meter.finish()
    if error is not None:
        # The reason before what it looks like from outside: a signal, a lost connection.
        error = "\n".join([*killed, error])
    network = NetworkRecord(
        **dict(network_record(shapes, before, after)),
        switch=testbed.switch_kind,
        controller=ControllerRecord(losses=tuple(testbed.losses(started_ns))),
        cpu=tuple(sampler.samples),
        switch_cpu=tuple(sampler.switch_samples),
        use=use_record(use.samples),
        awake_cpus=len(awake.cpus),
        caps=caps,
        caps_notes=tuple(testbed.notes()),
        kept_differs=tuple(testbed.differences()),
        commands=tuple(tuple(command) for shape in shapes for command in shape.commands()),
    )
    seconds = time.monotonic() - started
    return Observed(error, seconds, network, records, (began_ns, ended_ns))
