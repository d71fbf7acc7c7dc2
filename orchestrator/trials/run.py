"""`dmlbed run` seen from outside the box: check, start the box, hand on how it ended."""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.emulation.box import run_in_box
from orchestrator.emulation.caps import host_caps, require_room, this_machine
from orchestrator.emulation.cgroups import Layout, find_layout
from orchestrator.emulation.machine import require_for_run
from orchestrator.emulation.run_groups import run_groups
from orchestrator.errors import DmlbedError, Interrupted, MachineError, RunError
from orchestrator.spec import Experiment
from orchestrator.trials.plan import memory_bytes
from orchestrator.trials.request import RunRequest
from orchestrator.trials.results import check_writable

_KILLED = 128 + 9


def check_machine(experiment: Experiment, out: Path, layout: Layout) -> None:
    """See that this machine can carry the experiment.

    Raises:
        MachineError: it cannot; the message says what is missing and the remedy.
    """
    delay = any(
        direction.delay_us
        for link in experiment.topology.links
        for direction in (link.forward, link.reverse)
    )
    machine = require_for_run(
        delay=delay, congestion_control=experiment.congestion_control, results=out
    )
    check_writable(out)
    room = this_machine(layout.missing)
    require_room(host_caps(experiment.topology, experiment.scale, room), room)
    needed = memory_bytes(experiment)
    if needed > machine.memory_bytes:
        raise MachineError(
            f"the largest model needs {needed / 2**30:.1f} GiB of memory, "
            f"{machine.memory_bytes / 2**30:.1f} GiB are free",
            "a smaller D/R in --scale, or fewer --models",
        )


def run(request: RunRequest) -> None:
    """Run an experiment in a box of its own; call it on the main thread.

    Raises:
        DmlbedError: the run did not end well; the message has been printed inside the box
            unless the error carries one.
    """
    experiment = request.load()
    layout = find_layout()
    check_machine(experiment, request.out, layout)
    with run_groups(layout) as groups:
        conductor = [sys.executable, "-m", "orchestrator.trials.conductor"]
        status = run_in_box([*conductor, request.to_json(), groups.to_json()])
    if status == 0:
        return
    if status == _KILLED:
        raise RunError(
            "the testbed's conductor was killed; all of it has been taken down, and the trials "
            f"that had finished are in {request.out / experiment.name}"
        )
    raise AlreadySaid(status)


class AlreadySaid(DmlbedError):
    """The box ended with an error that it has printed itself; only the exit code is left."""

    def __init__(self, status: int) -> None:
        super().__init__("")
        self.exit_code = Interrupted.exit_code if status in (130, 143) else status

    def lines(self) -> list[str]:
        return []
