"""Whether as many iterations are measured as whole rounds of every averaging have."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.overrides import Overrides
from orchestrator.spec.values.text import counted
from orchestrator.spec.yaml.document import Document
from workloads.schedule.schedule import Schedule


def check_rounds(
    document: Document,
    file: ExperimentFile,
    schedules: Mapping[str, Schedule],
    overrides: Overrides,
) -> None:
    """Adds a problem if the measured iterations are not whole rounds.

    An iteration that exchanges takes longer than others, so that imgs/sec of a part of a round
    would say which part it was.

    Args:
        document: of the experiment.
        file: what was read of it.
        schedules: all that it may name.
        overrides: what the command line says.
    """
    names = file.schedules if overrides.schedules is None else overrides.schedules
    beside = (job.schedule for job in file.jobs.values() if job.schedule is not None)
    asked = file.iterations if overrides.iterations is None else overrides.iterations
    for name in dict.fromkeys((*names, *beside)):
        every = (schedules[name].every if name in schedules else None) or 1
        if not asked % every:
            continue
        message = (
            f"{counted(asked, 'measured iteration')}, and {name} exchanges once in {every}: "
            "its figure would be of a part of a round"
        )
        ours = ("iterations",) in document.keys and overrides.iterations is None
        option = "" if overrides.iterations is None else "--"
        hint = f"{option}iterations{' ' if option else ': '}{-(-asked // every) * every}"
        document.report_at(("iterations" if ours else "schedules",), message, hint)
        return
