"""The runner, with real processes."""

from __future__ import annotations

import pytest

from orchestrator.emulation import runner
from orchestrator.emulation.runner import SubprocessRunner
from orchestrator.errors import MachineError, RunError


def test_what_a_command_printed() -> None:
    assert SubprocessRunner()(["echo", "one", "two"]) == "one two\n"
    assert SubprocessRunner()(["true"]) == ""


def test_a_command_reads_nothing() -> None:
    assert SubprocessRunner()(["cat"]) == ""


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["false"], "false: exit status 1: "),
        (
            ["sh", "-c", "echo answer; echo one >&2; echo two >&2; exit 3"],
            "sh -c echo answer; echo one >&2; echo two >&2; exit 3: exit status 3: one; two",
        ),
        (["sh", "-c", "echo why; exit 2"], "sh -c echo why; exit 2: exit status 2: why"),
    ],
)
def test_a_failure_is_told_with_what_was_printed(argv: list[str], said: str) -> None:
    with pytest.raises(RunError) as error:
        SubprocessRunner()(argv)
    assert str(error.value) == said


def test_a_missing_program() -> None:
    with pytest.raises(MachineError) as error:
        SubprocessRunner()(["no-such-program-of-dmlbed"])
    assert str(error.value) == "program no-such-program-of-dmlbed is missing (run make setup)"


def test_inside_a_namespace_it_is_nsenter_that_may_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MachineError, match="program nsenter is missing"):
        SubprocessRunner()(["ip", "link"], namespace=1)


def test_a_namespace_that_is_gone() -> None:
    # No process can have this number: pid_max is at most 2**22.
    with pytest.raises(RunError, match=f"true: exit status 1: .*/proc/{2**22 + 1}/ns/net"):
        SubprocessRunner()(["true"], namespace=2**22 + 1)


def test_a_command_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "COMMAND_SECONDS", 0.01)
    with pytest.raises(RunError, match=r"^tail -f /dev/null: no answer in 0 s$"):
        SubprocessRunner()(["tail", "-f", "/dev/null"])
