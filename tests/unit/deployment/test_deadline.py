from __future__ import annotations

import threading

import pytest

from orchestrator.deployment.deadline import on_all, within
from orchestrator.errors import RunError


def test_a_result_in_time() -> None:
    assert within(10, "adding", lambda: 1 + 1) == 2


def test_an_error_comes_through() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        within(10, "reading", lambda: int("x"))


def test_a_call_that_hangs() -> None:
    release = threading.Event()
    with pytest.raises(RunError, match=r"waiting did not end within 0 s"):
        within(0, "waiting", release.wait)
    release.set()


def test_calls_on_all_hosts_run_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=10)

    def meet() -> None:
        barrier.wait()

    assert on_all(10, {"a": meet, "b": meet}) == []


def test_problems_of_hosts_are_collected() -> None:
    release = threading.Event()

    def fail() -> None:
        raise RunError("b: no space left")

    problems = on_all(0.01, {"a": lambda: None, "b": fail, "c": lambda: void(release.wait())})
    assert problems == ["b: no space left", "c: did not answer within 0.01 s"]
    release.set()


def void(_value: object) -> None:
    return None


def test_a_mistake_in_the_program_is_not_a_problem_of_a_host() -> None:
    def mistake() -> None:
        raise TypeError("mistake")

    with pytest.raises(TypeError, match="mistake"):
        on_all(10, {"a": mistake})
