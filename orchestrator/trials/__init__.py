"""Plan the matrix of trials and run it: the one conductor over all other rooms."""

from orchestrator.trials.bench import bench
from orchestrator.trials.plan import Trial, plan_trials
from orchestrator.trials.request import RunRequest
from orchestrator.trials.resume import Resumed, resume
from orchestrator.trials.run import run
from orchestrator.trials.settle import Foreseen, foresee_scale

__all__ = [
    "Foreseen",
    "Resumed",
    "RunRequest",
    "Trial",
    "bench",
    "foresee_scale",
    "plan_trials",
    "resume",
    "run",
]
