"""What a machine shows in between what disturbs it.

Other programs, and other tenants of the same computer, take time from what is measured; nobody adds
any. So no disturbance makes a link faster, a cap wider or a delay shorter: tests hold every attempt
to that. And what a link carries shows as soon as nobody disturbs it for a moment: tests look for
such a moment, and a link that carries less has none, however often it is tried.
"""

from __future__ import annotations

from collections.abc import Callable

ATTEMPTS = 10


def until_shown(attempt: Callable[[], str]) -> None:
    """Try again until an attempt shows what it should.

    Args:
        attempt: says what it has not shown; nothing, if it has shown all.
    """
    missed: list[str] = []
    while len(missed) < ATTEMPTS:
        missing = attempt()
        if not missing:
            return
        missed.append(missing)
        print("not shown:", missing)  # pytest prints it if the test fails
    raise AssertionError("never shown:\n" + "\n".join(missed))
