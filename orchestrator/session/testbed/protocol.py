"""What a session needs of a testbed, and no more: emulated now, another kind of it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from orchestrator.emulation.limits.capped import CapsMeter
from orchestrator.emulation.network.strays import Strays
from orchestrator.emulation.ports.counters import Counters
from orchestrator.emulation.ports.link_sampler import LinkSampler
from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.records.network import LossRecord
from orchestrator.spec import Demands, Scale, SshAccess
from workloads.schedule.schedule import Schedule


class Testbed(Protocol):
    """A network that is up, with hosts to reach over SSH."""

    @property
    def switch_kind(self) -> str:
        """The kind of its switches."""
        ...

    @property
    def addresses(self) -> Mapping[str, str]:
        """Where every host is reached by training traffic, by name."""
        ...

    @property
    def interfaces(self) -> Mapping[str, str]:
        """Every host's device on the data network."""
        ...

    @property
    def work_directory(self) -> str:
        """On every host, where the workload's files may lie."""
        ...

    def description(self) -> str:
        """One line: what it is."""
        ...

    def warnings(self) -> Sequence[str]:
        """What a person should know of the limits of its hosts."""
        ...

    def notes(self) -> Sequence[str]:
        """The warnings, and what is only recorded of those limits."""
        ...

    def accesses(self) -> Mapping[str, SshAccess]:
        """How to reach every host over SSH, apart from training traffic."""
        ...

    def set_scale(self, scale: Scale) -> None:
        """Let the next `set_schedule` shape the ports at another scale."""
        ...

    def set_schedule(
        self, schedule: Schedule, demands: Demands | None = None, *, counted: bool = False
    ) -> tuple[PortShape, ...]:
        """Shape every port as a schedule asks, and see that it was kept; or raise a RunError.

        `demands` are those of its exchange; None: a parameter server's. `counted`: hosts count
        apart what they send to each destination.
        """
        ...

    def differences(self) -> Sequence[str]:
        """Where ports and switches now differ from what was asked."""
        ...

    def counters(self) -> Counters:
        """Read all counters now; RunError if one cannot be read."""
        ...

    def meter(self, first: int, last: int) -> CapsMeter:
        """Begin to measure what hosts use in a trial, its iterations `first` to `last` apart."""
        ...

    @property
    def strays(self) -> Strays:
        """What programs leave on hosts."""
        ...

    def link_sampler(self) -> LinkSampler:
        """Samples how full the links are, as long as it is entered."""
        ...

    def switch_threads(self) -> Mapping[int, float]:
        """Processor seconds of each thread of the switches' own processes."""
        ...

    def losses(self, since_ns: int) -> Sequence[LossRecord]:
        """What was lost since then (monotonic clock) that a run goes on without."""
        ...

    def check(self) -> None:
        """See that everything still runs, or raise a RunError that names what does not."""
        ...
