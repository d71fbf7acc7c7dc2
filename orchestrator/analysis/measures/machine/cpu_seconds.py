"""CPU seconds of a trial's processes while they train, the arithmetic apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workloads.process.process_records import PsEnd, WorkerEnd


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
