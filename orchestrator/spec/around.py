"""The iterations around the measured ones, which a schedule without a step barrier needs."""

from __future__ import annotations

from collections.abc import Iterable

from workloads.schedule.library import Schedule


def around(schedules: Iterable[Schedule], warm_up: int, cool_down: int) -> tuple[int, int, str]:
    """The warm-up and cool-down that the measured time needs, at least one iteration each.

    Without a step barrier the measured time goes from the end of one backward pass to that of
    another one. The push after the first of them is in it, as the push after the last is not; so
    there must be an iteration before. And pulls for the iteration after are in it, under elastic
    averaging with a step barrier too.

    Args:
        schedules: of the experiment. All of its trials have the same number of iterations, so that
            their final parameters can be compared.
        warm_up: as asked for.
        cool_down: as asked for.

    Returns:
        Warm-up and cool-down, and in one line what was added and why; empty: nothing.
    """
    overlapping = [
        schedule.name
        for schedule in schedules
        if not schedule.barrier or schedule.averaging == "elastic"
    ]
    if not overlapping or (warm_up and cool_down):
        return warm_up, cool_down, ""
    added = [
        f"{name}: 1 instead of 0"
        for name, asked in (("warm_up", warm_up), ("cool_down", cool_down))
        if not asked
    ]
    why = (
        f"without a step barrier ({', '.join(overlapping)}) a push overlaps with the next iteration"
    )
    return max(1, warm_up), max(1, cool_down), f"{', '.join(added)}: {why}"
