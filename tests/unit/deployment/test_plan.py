"""Plans of processes: what makes them impossible."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.deployment.plan import After, ProcessPlan, problems

ONE = ProcessPlan("one", "a", ("it",))
TWO = replace(ONE, name="two", after=(After("one", "event", "listening"),))


def test_nothing_is_wrong() -> None:
    lines = replace(ONE, name="lines", events=False, after=(After("two", "exit"),))
    last = replace(ONE, name="last", after=(After("lines", "printed", "ready"), After("one")))
    assert problems([last, TWO, ONE, lines], ["a", "b"]) == []


@pytest.mark.parametrize(
    ("plans", "problem"),
    [
        ([ONE, ONE], "two processes have the name 'one'"),
        ([TWO], "process 'two': waits for 'one', which is not there"),
        (
            [TWO, replace(ONE, after=(After("two", "exit"),))],
            "processes wait for each other: 'two' after 'one' after 'two'",
        ),
        (
            [replace(ONE, events=False), TWO],
            "process 'two': waits for 'one', which tells lines only",
        ),
        (
            [ONE, replace(TWO, after=(After("one", "printed", "x"),))],
            "process 'two': waits for 'one', which tells events only",
        ),
        (
            [ONE, replace(TWO, after=(After("one", "event"),))],
            "process 'two': waits for 'one' to say nothing",
        ),
        ([replace(ONE, host="c")], "process 'one': there is no host 'c'"),
        ([replace(ONE, name="..")], "process '..': its name is not one of a directory"),
        ([replace(ONE, argv=())], "process 'one': no program to run"),
        (
            [replace(ONE, files={"../x": b""})],
            "process 'one': '../x' is no path inside its directory",
        ),
        (
            [replace(ONE, records="/x")],
            "process 'one': '/x' is no path inside its directory",
        ),
        ([replace(ONE, limit_seconds=0)], "process 'one': its limits must be positive"),
    ],
)
def test_what_is_wrong(plans: list[ProcessPlan], problem: str) -> None:
    (only,) = problems(plans, ["a", "b"])
    assert only == problem
