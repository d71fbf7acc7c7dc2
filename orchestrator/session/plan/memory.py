"""What the processes of an experiment hold in memory (pure)."""

from __future__ import annotations

from orchestrator.memory import worker_arrays
from orchestrator.spec import Experiment, Neighbour
from workloads.library import HYBRID, RING, SPLIT
from workloads.models.profiles import BYTES_PER_ELEMENT, load_model


def memory_bytes(experiment: Experiment) -> int:
    """Memory that the largest model's processes hold at once, in bytes.

    The parameter server keeps the parameters, its optimizer's state and one gradient per worker,
    each worker its parameters and its gradient. In a ring each worker keeps sums that come and
    parameters that go on, and without a server a state of its own; with one, that keeps a gradient
    of each group. Several servers share what one would keep, and each has all parameters while it
    makes those that it begins with. Where workers train parameters of their own, each keeps these,
    what all share and its optimizer's state, and who averages keeps a momentum. 64 MiB per process
    for Python and numpy, with PyTorch 384. Jobs beside come on top. What programs need is unknown.
    """
    workers = len(experiment.placement.workers)
    schedules = [experiment.schedule(name) for name in experiment.schedules]
    servers = max((one.servers or 1 for one in schedules), default=1)
    wide = experiment.learning.element_bytes // BYTES_PER_ELEMENT
    largest = wide * max((load_model(model).bytes for model in experiment.models), default=0)
    states = experiment.learning.optimizer.states
    # Probes exchange with one parameter server, whatever is measured.
    arrays = 1 + workers + states + 2 * workers + (servers if servers > 1 else 0)
    for schedule in schedules:
        of_servers = 1 + workers + states + (servers if servers > 1 else 0)
        if schedule.exchange in (RING, SPLIT):
            of_servers = 0
        elif schedule.exchange == HYBRID:
            of_servers = 1 + len(experiment.members(schedule.name).groups) + states
        of_servers += schedule.averages  # a momentum
        arrays = max(arrays, of_servers + workers * worker_arrays(schedule, states))
    each = (384 if experiment.learning.real else 64) * 2**20
    own = arrays * experiment.scale.bytes(largest) + (workers + servers) * each
    return own + sum(_of_job(experiment, job) for job in experiment.jobs.values())


def _of_job(experiment: Experiment, job: Neighbour) -> int:
    if job.training is not None:
        return memory_bytes(experiment.of_job(job.name))
    return 2 * 64 * 2**20 if job.traffic else 0
