"""Jobs beside the processes of a run, which last as long as these do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.deployment.plan import ProcessPlan


@dataclass(frozen=True)
class Company:
    """What runs beside, by job; a run ends them when its own processes have ended.

    One that fails is ended by itself: the run and the other jobs go on, also where they waited for
    it to start.

    Attributes:
        plans: the processes of each job.
        errors: filled in: of a job that ended before the run did, why; its first line by itself
            says what happened.
        records: filled in: of each job what its processes left, by their names; of a process that
            was never started, nothing.
    """

    plans: Mapping[str, Sequence[ProcessPlan]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    records: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def all(self) -> tuple[ProcessPlan, ...]:
        """The processes of all jobs."""
        return tuple(plan for plans in self.plans.values() for plan in plans)

    def job_of(self, process: str) -> str | None:
        """Whose process it is; None: the run's own."""
        for job, plans in self.plans.items():
            if any(plan.name == process for plan in plans):
                return job
        return None
