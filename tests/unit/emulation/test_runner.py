"""The runner, with real processes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestrator.emulation import runner
from orchestrator.emulation.runner import SubprocessRunner, run_together
from orchestrator.errors import MachineError, RunError


def test_what_a_command_printed() -> None:
    assert SubprocessRunner()(["echo", "one", "two"]) == "one two\n"
    assert SubprocessRunner()(["true"]) == ""


def test_a_command_reads_nothing() -> None:
    assert SubprocessRunner()(["cat"]) == ""


def test_a_command_reads_what_it_is_given() -> None:
    assert SubprocessRunner()(["cat"], given="one\ntwo\n") == "one\ntwo\n"


class Program:
    """Runs the lines that it is given until one says `bad`, and says of it what `tc` would."""

    def __init__(self) -> None:
        self.called: list[tuple[list[str], int | None]] = []

    def __call__(
        self, argv: Sequence[str], *, namespace: int | None = None, given: str = ""
    ) -> str:
        self.called.append(([*argv], namespace))
        lines = given.splitlines()
        if "bad" in lines:
            error = f"Error: bad; Command failed -:{lines.index('bad') + 1}"
            raise RunError(f"{' '.join(argv)}: exit status 1: {error}")
        if "unheard of" in lines:
            raise RunError("no answer in 20 s")
        return given.upper()


def test_commands_of_one_program_run_together() -> None:
    program = Program()
    commands = [("tc", "qdisc", "show"), ("tc", "class", "show")]
    assert run_together(program, commands, namespace=7) == "QDISC SHOW\nCLASS SHOW\n"
    assert run_together(program, [("ip", "link")]) == "LINK\n"
    assert program.called == [
        (["tc", "-d", "-batch", "-"], 7),
        (["ip", "-batch", "-"], None),
    ]


def test_of_commands_together_the_one_that_failed_is_named() -> None:
    with pytest.raises(RunError, match=r"^tc bad: exit status 1: Error: bad$"):
        run_together(Program(), [("tc", "good"), ("tc", "bad"), ("tc", "good")])
    with pytest.raises(RunError, match=r"^no answer in 20 s$"):
        run_together(Program(), [("tc", "unheard", "of")])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["false"], "false: exit status 1: "),
        (
            ["sh", "-c", "echo answer; echo one >&2; echo two >&2; exit 3"],
            "sh -c echo answer; echo one >&2; echo two >&2; exit 3: exit status 3: one; two",
        ),
        (["sh", "-c", "echo why; exit 2"], "sh -c echo why; exit 2: exit status 2: why"),
    ],
)
def test_a_failure_is_told_with_what_was_printed(argv: list[str], message: str) -> None:
    with pytest.raises(RunError) as error:
        SubprocessRunner()(argv)
    assert str(error.value) == message


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
