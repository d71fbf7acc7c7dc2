"""Find out what a torch module does: its model, and what should be known of it."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

from orchestrator.errors import InputError, MachineError, Problem
from orchestrator.plugins.plugin import users_code
from workloads.errors import nearest
from workloads.library import TORCH_PROFILE
from workloads.models.profiles import Model

_PLACE = "MODULE:FACTORY"
_CLOSE = 1e-3


def found_model(
    reference: str, shape: tuple[int, ...] | None, dtype: str | None
) -> tuple[Model, list[str]]:
    """The model of a torch module, and notes for people.

    Args:
        reference: `module:factory`; looked for in the working directory first.
        shape: of an example of its input, a batch of one included; None: the factory has one.
        dtype: of its values.

    Raises:
        InputError: it cannot be imported, built or traced.
        MachineError: PyTorch is missing.
    """
    module, colon, factory = reference.partition(":")
    if not (module and colon and factory):
        hint = "such as my_net:small, for a function small() in my_net.py"
        raise InputError([Problem(_PLACE, f"{reference!r} is not module:factory", hint)])
    if find_spec("torch") is None:
        raise MachineError("PyTorch is not installed, and imports need it", "make setup-torch")
    profiles = importlib.import_module(TORCH_PROFILE)
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        with users_code():
            profiled = profiles.imported(reference, shape, dtype)
    except ValueError as error:
        hint = "--input 1,3,224,224" if "what its input is" in str(error) else _near(module)
        raise InputError([Problem(_PLACE, str(error), hint)]) from error
    except (Exception, SystemExit) as error:
        message = f"cannot be imported: {type(error).__name__}: {error}"
        raise InputError([Problem(_PLACE, message, _near(module))]) from error
    finally:
        sys.path.remove(here)
    model: Model = profiled.model
    notes = list(profiled.notes)
    macs = sum(layer.macs for layer in model.layers)
    if abs(profiled.flops / 2 - macs) > _CLOSE * macs:
        notes.append(
            f"{macs} multiply-accumulates, and torch's FlopCounterMode halved says "
            f"{profiled.flops // 2}: some operation is counted by one of them only"
        )
    return model, notes


def _near(module: str) -> str:
    """A module beside the user whose name is like it; empty if that one is there itself."""
    beside = sorted(file.stem for file in Path().glob("*.py"))
    return "" if module in beside or find_top(module) else nearest(module, beside)


def find_top(module: str) -> bool:
    """Whether a module's package is installed."""
    try:
        return find_spec(module.partition(".")[0]) is not None
    except (ValueError, ImportError):
        return False
