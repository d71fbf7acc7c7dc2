"""`dmlbed run` seen from outside the box: check, start the box, hand on how it ended."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from orchestrator.emulation.box import run_in_box
from orchestrator.emulation.caps import host_caps, require_room, this_machine
from orchestrator.emulation.cgroups import Layout, find_layout
from orchestrator.emulation.machine import require_for_run
from orchestrator.emulation.run_groups import run_groups
from orchestrator.errors import (
    DmlbedError,
    InputError,
    Interrupted,
    MachineError,
    RunError,
    UnusableError,
)
from orchestrator.spec import Experiment
from orchestrator.trials.plan import memory_bytes
from orchestrator.trials.request import RunRequest
from orchestrator.trials.results import check_writable

# A process that signal n ended has the exit status 128 + n.
_SIGNAL = 128
_SAID = {
    error.exit_code for error in (InputError, MachineError, RunError, UnusableError, Interrupted)
}


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
    check_writable(out / experiment.name)
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
    kept = f"the trials that had finished are in {request.out / experiment.name}"
    conductor = [sys.executable, "-m", "orchestrator.trials.conductor"]
    try:
        with run_groups(layout) as groups:
            status = run_in_box([*conductor, request.to_json(), groups.to_json()])
    except Interrupted as error:
        raise Interrupted(f"{error}; {kept}") from error
    if status == 0:
        return
    if status not in _SAID:
        # With the box's first process, unshare may be all that is left to say anything.
        signals = {_SIGNAL + number: number.name for number in signal.Signals}
        end = f"was killed ({signals[status]})" if status in signals else "ended unexpectedly"
        raise RunError(f"the testbed {end}; all of it has been taken down, and {kept}")
    raise AlreadySaid(status)


class AlreadySaid(DmlbedError):
    """The box ended with an error that it has printed itself; only the exit code is left."""

    def __init__(self, status: int) -> None:
        super().__init__("")
        self.exit_code = status

    def lines(self) -> list[str]:
        return []
