"""Python libraries that only some experiments need, beside those that set-up installs."""

from __future__ import annotations

from importlib.util import find_spec

from orchestrator.errors import MachineError
from workloads.models.learning import Learning

SET_UP = "`make setup-torch` brings it"


def missing_for(learning: Learning) -> tuple[str, ...]:
    """What real training needs and is not installed, a line each; hosts have the same libraries."""
    needed = []
    if learning.real:
        needed.append(("compute: torch", "PyTorch", "torch"))
        if learning.data == "digits":
            needed.append(("data: digits", "scikit-learn", "sklearn"))
    return tuple(
        f"`{key}` needs {name}, which is not installed"
        for key, name, package in needed
        if find_spec(package) is None
    )


def require_for(learning: Learning) -> None:
    """See that real training can run here.

    Raises:
        MachineError: a library is missing.
    """
    missing = missing_for(learning)
    if missing:
        raise MachineError("; ".join(missing), SET_UP)
