from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import MachineError
from orchestrator.session.plan import missing
from orchestrator.session.plan.missing import require_programs, what_is_missing
from orchestrator.spec import Program, Throughput
from orchestrator.spec.experiment.programs import pack
from tests.unit.session.examples import experiment


def program(word: str) -> Program:
    return Program("own", (word, "x"), ("a",), Throughput(json="speed"))


def test_what_programs_begin_with_is_there(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    present = ("sh", "tool", "/bin/sh", "./shipped.sh", "bin/shipped")
    require_programs(map(program, present), str(tmp_path))


@pytest.mark.parametrize(
    ("word", "remedy"),
    [("torchrun", "`make setup-torch"), ("no-such", "install it"), ("/no/such", "install it")],
)
def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path, word: str, remedy: str) -> None:
    with pytest.raises(MachineError) as error:
        require_programs([program(word)], str(tmp_path))
    assert str(error.value).startswith(f"program own: there is no {word} here ({remedy}")


def test_a_plan_says_what_is_missing(tmp_path: Path) -> None:
    asked = experiment(tmp_path)
    planned = replace(asked, programs={"own": program("no-such")})
    assert what_is_missing(planned) == [
        "program own: there is no no-such here (install it, or name it by its absolute path)"
    ]
    assert what_is_missing(asked) == []


def test_a_script_that_cannot_do_without_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python3").symlink_to("/bin/sh")
    by_path = tmp_path / "train.py"
    by_path.write_text("import os\nfrom torch import nn\n")
    shipped = {
        "a.py": pack(b"import torch.distributed as dist\n"),
        "b.py": pack(b"try:\n    import torch\nexcept ImportError:\n    pass\n"),
    }

    def run(script: str) -> Program:
        return replace(program("python3"), command=("python3", script), files=shipped)

    monkeypatch.setattr(missing, "find_spec", lambda _: None)
    for script in ("a.py", "./a.py", str(by_path)):
        with pytest.raises(MachineError, match=r"imports torch, which is not here \(`make setup-t"):
            require_programs([run(script)], str(tmp_path))
    require_programs([run("b.py"), run("absent.py")], str(tmp_path))
    monkeypatch.setattr(missing, "find_spec", lambda _: object())
    require_programs([run("a.py")], str(tmp_path))
