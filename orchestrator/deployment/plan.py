"""What a deployment is asked to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ProcessPlan:
    """One process of a trial.

    Attributes:
        job: what it is told, ready for JSON; the deployment adds where its records go.
        opens: the event by which it says that others may start, such as "listening"; empty: nobody
            waits for it.
        heartbeat: whether it must tell something all the time, from its start on; one that opens
            must in any case, and any other one from its first iteration on.
        files: beside the workload's code, by place: what the job needs of somebody else's code.
    """

    job: Mapping[str, Any]
    opens: str = ""
    heartbeat: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
