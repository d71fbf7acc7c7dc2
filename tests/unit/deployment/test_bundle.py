from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.deployment import bundle
from orchestrator.errors import MachineError


def test_a_package_is_its_code_and_data(tmp_path: Path) -> None:
    root = tmp_path / "workloads"
    (root / "sub" / "__pycache__").mkdir(parents=True)
    (root / "__init__.py").write_bytes(b"")
    (root / "models.json").write_bytes(b"{}")
    (root / "sub" / "deep.py").write_bytes(b"x = 1")
    (root / "sub" / "__pycache__" / "deep.pyc").write_bytes(b"\0")
    (root / "notes.txt").write_bytes(b"no")
    assert bundle.read_package(root) == {
        "workloads/__init__.py": b"",
        "workloads/models.json": b"{}",
        "workloads/sub/deep.py": b"x = 1",
    }


def test_the_workload_is_shipped_as_it_is_here() -> None:
    files = bundle.code_bundle()
    assert "workloads/models/models.json" in files
    root = Path(__file__).parents[3]
    assert files["workloads/__init__.py"] == (root / "workloads" / "__init__.py").read_bytes()


def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "PACKAGE", "no_such_package")
    with pytest.raises(MachineError, match="no_such_package is not installed"):
        bundle.code_bundle()
