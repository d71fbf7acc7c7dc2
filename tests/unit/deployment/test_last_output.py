"""Which lines of a process a message shows."""

from __future__ import annotations

import pytest

from orchestrator.deployment.last_output import last_output

CAUSE = ["Traceback (most recent call last):", '  File "t.py", line 2', "ValueError: my cause"]
MARKS = [
    "E1127 11:55:31.551000 6973 torch/distributed/elastic/multiprocessing/api.py:1002] failed "
    "(exitcode: 1) local_rank: 0 (pid: 7718) of binary: python3.11",
    "ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: 1) local_rank: 0",
]


@pytest.mark.parametrize("mark", MARKS)
def test_under_torchrun_the_script_has_the_last_word(mark: str) -> None:
    lines = [f"step {n}" for n in range(50)] + CAUSE + [mark, *["by torchrun"] * 30]
    shown = last_output(lines)
    assert shown[-4:] == [*CAUSE, "(then 31 lines by torchrun, without the reason)"]
    assert len(shown) == 21


def test_torchrun_alone_has_its_own_last_word() -> None:
    assert last_output([MARKS[0], "by torchrun"]) == [MARKS[0], "by torchrun"]


def test_the_last_lines_without_blank_ones_and_events() -> None:
    lines = ["first", *['{"event": "iteration"}', " "] * 30, *map(str, range(20))]
    assert last_output(lines) == [str(n) for n in range(20)]
