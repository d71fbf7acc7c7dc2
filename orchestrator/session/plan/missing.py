"""What an experiment needs and this machine lacks, known before anything is built.

Hosts have this machine's files, and the Python that runs this.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from orchestrator.emulation.machine.libraries import SET_UP, missing_for
from orchestrator.errors import MachineError
from orchestrator.session.plan.programs import search_path
from orchestrator.spec import Experiment, Program

OWN_BINARIES = str(Path(sys.executable).parent)
"""Where the hosts' Python is."""
_PYTHON = ("python", "python3")
_IMPORTS_TORCH = re.compile(r"^(?:import|from)\s+torch\b", re.MULTILINE)
"""At the left edge: there is no way round it."""


def what_is_missing(experiment: Experiment) -> list[str]:
    """A line for each thing, with its remedy."""
    return [
        *(f"{lack} ({SET_UP})" for lack in missing_for(experiment.learning)),
        *(f"{lack} ({remedy})" for lack, remedy in _of_programs(experiment.programs.values())),
    ]


def require_programs(programs: Iterable[Program], binaries: str = OWN_BINARIES) -> None:
    """See that what programs need is installed; what else they ship is for the hosts to tell.

    Args:
        programs: of an experiment.
        binaries: folder of the Python that runs on hosts.

    Raises:
        MachineError: something is not.
    """
    for lack, remedy in _of_programs(programs, binaries):
        raise MachineError(lack, remedy)


def _of_programs(
    programs: Iterable[Program], binaries: str = OWN_BINARIES
) -> Iterator[tuple[str, str]]:
    for program in programs:
        word = program.command[0]
        shipped = "/" in word and not word.startswith("/")
        path = program.environment.get("PATH", search_path(binaries))
        if not shipped and shutil.which(word, path=path) is None:
            own = "install it, or name it by its absolute path"
            remedy = SET_UP if word == "torchrun" else own
            yield f"program {program.name}: there is no {word} here", remedy
        elif word in _PYTHON and find_spec("torch") is None:
            for script in _scripts(program):
                yield f"program {program.name}: {script} imports torch, which is not here", SET_UP


def _scripts(program: Program) -> Iterator[str]:
    """The scripts of a command that cannot do without torch."""
    shipped = program.contents()
    for word in program.command[1:]:
        place = Path(word)
        if place.as_posix() in shipped:
            text = shipped[place.as_posix()].decode(errors="replace")
        elif place.is_absolute() and place.suffix == ".py" and place.is_file():
            text = place.read_text(errors="replace")
        else:
            continue
        if _IMPORTS_TORCH.search(text):
            yield word
