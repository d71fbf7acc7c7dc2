from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import MachineError
from orchestrator.session.launch.resolve import require_programs
from orchestrator.spec import Program, Throughput


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
    [("torchrun", "make setup-torch"), ("no-such", "install it"), ("/no/such", "install it")],
)
def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path, word: str, remedy: str) -> None:
    with pytest.raises(MachineError) as error:
        require_programs([program(word)], str(tmp_path))
    assert str(error.value).startswith(f"program own: there is no {word} here ({remedy}")
