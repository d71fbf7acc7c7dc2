"""The model that a command line names."""

from __future__ import annotations

from pathlib import Path

from orchestrator.cli.model.importing import found_model
from orchestrator.spec.files.model_file import model_of
from workloads.models.profiles import Model


def named_model(name: str) -> Model:
    """A model of the library, of a file, or of `module:factory`.

    Raises:
        InputError: there is none.
        MachineError: it is a torch module, and PyTorch is missing.
    """
    if ":" in name:
        return found_model(name, None, None)[0]
    return model_of(name, Path(), "MODEL")
