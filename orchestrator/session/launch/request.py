"""What a person asks for with `dmlbed run` or `dmlbed bench`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.spec import Experiment


@dataclass(frozen=True)
class RunRequest:
    """An experiment that is to be run, and how.

    Attributes:
        experiment: with what the command line changes in it.
        out: directory that the run's directory is made in.
        as_json: end with one JSON object on standard output; tables go to standard error.
        recalibrate: measure what the machine carries although it is remembered.
        force: run at the scale given although the machine does not carry it.
        switch: the switches of a plan that is run anew; None: they are still to be chosen.
    """

    experiment: Experiment
    out: Path
    as_json: bool = False
    recalibrate: bool = False
    force: bool = False
    switch: SwitchChoice | None = None
