"""What others may have spoilt is measured again, and not without end."""

from __future__ import annotations

import pytest

from orchestrator.session.inner.undisturbed import TIMES, Made, Watch, undisturbed

GOOD, BAD = Made("good", good=True, disturbed=""), Made("bad", good=False, disturbed="")
GOOD_THOUGH = Made("good", good=True, disturbed="others")
SPOILT = Made("spoilt", good=False, disturbed="others")


@pytest.mark.parametrize(
    ("made", "taken"),
    [
        ([GOOD], 0),
        ([BAD], 0),
        ([GOOD_THOUGH], 0),
        ([SPOILT, GOOD], 1),
        ([SPOILT, BAD, GOOD], 1),
        ([SPOILT] * TIMES + [GOOD], TIMES - 1),
    ],
)
def test_what_others_made_fail_is_measured_again(made: list[Made[str]], taken: int) -> None:
    left = iter(made)
    lines: list[str] = []
    waits: list[int] = []

    def wait(_say: object) -> bool:
        waits.append(1)
        return True

    assert undisturbed(lambda: next(left), lines.append, wait=wait) is made[taken]
    assert lines == ["disturbed: others; once more"] * taken
    assert len(waits) == taken


def test_on_a_machine_that_stays_busy_once_must_do() -> None:
    assert undisturbed(lambda: SPOILT, lambda _: None, times=1) is SPOILT


def test_a_watch_outside_of_a_box_sees_nobody() -> None:
    with Watch(()) as watch:
        pass
    assert watch.disturbed() == ""
