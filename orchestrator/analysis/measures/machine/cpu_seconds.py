"""CPU seconds of a trial's processes while they train, the arithmetic apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workloads.process.process_records import CodingTime, PsEnd, WorkerEnd


@dataclass(frozen=True)
class TrainingCpu:
    """What parameter server and workers used from their begin of training to its end.

    Attributes:
        ps: of the parameter servers, in CPU seconds.
        aggregation: of these, for summing and applying gradients.
        workers: of all workers together.
        gradients: of these, for making gradients.
        gigabytes: 1e9 bytes of payload delivered, both directions.
    """

    ps: float
    aggregation: float
    workers: float
    gradients: float
    gigabytes: float

    @property
    def transport(self) -> float:
        """CPU seconds per gigabyte of all processes, the server's arithmetic left out."""
        return (self.ps - self.aggregation + self.workers) / self.gigabytes

    @property
    def aggregation_per_gigabyte(self) -> float:
        """CPU seconds per gigabyte of the server's arithmetic."""
        return self.aggregation / self.gigabytes

    @property
    def gradients_per_gigabyte(self) -> float:
        """CPU seconds per gigabyte of the workers' arithmetic."""
        return self.gradients / self.gigabytes


def training_cpu(
    servers: Sequence[PsEnd], workers: Sequence[WorkerEnd], payload: int
) -> TrainingCpu | None:
    """What the last records tell; None if nothing was delivered.

    Args:
        payload: bytes delivered, both directions.
    """
    if not payload:
        return None
    of_servers = [end.training_cpu for end in servers]
    of_workers = [end.training_cpu for end in workers]
    return TrainingCpu(
        ps=sum(used.seconds for used in of_servers),
        aggregation=sum(used.arithmetic_seconds for used in of_servers),
        workers=sum(used.seconds for used in of_workers),
        gradients=sum(used.arithmetic_seconds for used in of_workers),
        gigabytes=payload / 1e9,
    )


@dataclass(frozen=True)
class DeviceTimes:
    """What coding or steps took an iteration, in the real system's seconds.

    Attributes:
        planned: of the worker whose device took most.
        excess: by how much longer this machine took, of the worker for which that was most.
    """

    planned: float
    excess: float


def device_times(
    times: Iterable[CodingTime | None], iterations: int, stretch: float
) -> DeviceTimes | None:
    """What workers recorded of it; None: nothing.

    Args:
        times: by worker.
        iterations: of the training; older versions counted all.
        stretch: D.
    """
    counted = [(one, 1e9 * stretch * (one.iterations or iterations)) for one in times if one]
    if not counted:
        return None
    return DeviceTimes(
        max(one.planned_ns / ns for one, ns in counted),
        max(one.excess_ns / ns for one, ns in counted),
    )
