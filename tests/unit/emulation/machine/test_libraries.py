"""Libraries that only real training needs."""

from __future__ import annotations

from importlib.machinery import ModuleSpec

import pytest

from orchestrator.emulation.machine import libraries
from orchestrator.emulation.machine.libraries import missing_for, require_for
from orchestrator.errors import MachineError
from workloads.models.learning import Learning

DIGITS = Learning("torch", "digits")


def installed(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    monkeypatch.setattr(
        libraries, "find_spec", lambda name: ModuleSpec(name, None) if name in packages else None
    )


def test_what_is_missing_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    require_for(Learning())
    with pytest.raises(MachineError) as caught:
        require_for(DIGITS)
    assert str(caught.value) == (
        "`compute: torch` needs PyTorch, which is not installed; `data: digits` needs "
        "scikit-learn, which is not installed (`make setup-torch` brings it)"
    )
    installed(monkeypatch, "torch")
    assert missing_for(Learning("torch")) == ()
    assert len(missing_for(DIGITS)) == 1
    installed(monkeypatch, "torch", "sklearn")
    require_for(DIGITS)
