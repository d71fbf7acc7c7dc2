from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import zipfile
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
    assert list(files) == [bundle.ARCHIVE]
    with zipfile.ZipFile(io.BytesIO(files[bundle.ARCHIVE])) as shipped:
        assert "workloads/models/library/alexnet.json" in shipped.namelist()
        root = Path(__file__).parents[3]
        here = (root / "workloads" / "__init__.py").read_bytes()
        assert shipped.read("workloads/__init__.py") == here


def test_the_shipped_workload_runs_from_its_archive(tmp_path: Path) -> None:
    (tmp_path / bundle.ARCHIVE).write_bytes(bundle.code_bundle()[bundle.ARCHIVE])
    program = (
        "import workloads.process.plugins as it, workloads.models.profiles as data\n"
        "data.load_model('squeezenet')\n"
        "print(it.__file__, it.SHIPPED)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path / bundle.ARCHIVE}"},
        capture_output=True,
        text=True,
        check=True,
    )
    place = tmp_path / bundle.ARCHIVE / "workloads" / "process" / "plugins.pyc"
    assert done.stdout.split() == [str(place), str(tmp_path / "shipped")]


@pytest.mark.parametrize("magic", [importlib.util.MAGIC_NUMBER, b"\0\0\r\n"])
def test_another_version_of_python_takes_the_sources(tmp_path: Path, magic: bytes) -> None:
    packed = bundle.archive({"here.py": b"import sys; print(__name__, sys.version_info.major)"})
    stored = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as made, zipfile.ZipFile(stored, "w") as again:
        for name in made.namelist():
            content = made.read(name)
            if name.endswith(".pyc"):
                content = magic + content[4:]
            again.writestr(name, content)
    (tmp_path / "it.zip").write_bytes(stored.getvalue())
    done = subprocess.run(
        [sys.executable, "-c", "import here"],
        env={"PYTHONPATH": f"{tmp_path / 'it.zip'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "here 3\n"


def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "PACKAGE", "no_such_package")
    with pytest.raises(MachineError, match="no_such_package is not installed"):
        bundle.code_bundle()
