"""What is left of a run, from how its attempts ended."""

from __future__ import annotations

import pytest

from orchestrator.session.plan.trials import Trial
from orchestrator.session.store.attempts import Tried
from orchestrator.session.store.left import lost_before, what_is_left
from orchestrator.spec import Choices

CHOSEN = Choices(model="alexnet", schedule="none")
TRIALS = [Trial(index, CHOSEN, index) for index in range(1, 5)]
ENDS = {"o": Tried(failed=False), "d": Tried(False, ("others",)), "x": Tried(failed=True)}


def left(*attempts: str, retries: int = 2) -> list[tuple[int, int]]:
    """(index, attempts) of what is left; o: well, d: disturbed, x: failed."""
    made = {number: [ENDS[end] for end in ends] for number, ends in enumerate(attempts, 1) if ends}
    return [(one.trial.index, one.attempts) for one in what_is_left(TRIALS, made, retries)]


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ((), [(1, 0), (2, 0), (3, 0), (4, 0)]),
        (("o", "o", "o", "o"), []),
        (("o", "o"), [(3, 0), (4, 0)]),
        # In the middle of repeating a disturbed one; and beyond it.
        (("o", "d"), [(2, 1), (3, 0), (4, 0)]),
        (("o", "ddd"), [(3, 0), (4, 0)]),
        (("o", "do"), [(3, 0), (4, 0)]),
        (("d", "o"), [(3, 0), (4, 0)]),
        # On a busy machine trials are tried once.
        (("ddd", "ddd", "d"), [(4, 0)]),
        (("ddd", "o", "d"), [(3, 1), (4, 0)]),
        # What failed, wherever it is, is tried once more.
        (("x", "o", "xx", "o"), [(1, 1), (3, 2)]),
        (("dx", "o", "o", "o"), []),
    ],
)
def test_what_is_left(attempts: tuple[str, ...], expected: list[tuple[int, int]]) -> None:
    assert left(*attempts) == expected


def test_how_many_were_lost_in_a_row() -> None:
    made = {1: [ENDS["d"]], 2: [ENDS["o"]], 3: [ENDS["d"]] * 3, 4: [ENDS["d"], ENDS["o"]]}
    assert [lost_before(TRIALS, made, trial) for trial in TRIALS] == [0, 1, 0, 1]
