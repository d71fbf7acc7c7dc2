"""The iterations around the measured ones, which a schedule without a step barrier needs."""

from __future__ import annotations

from collections.abc import Iterable

from workloads.schedule.schedule import Schedule


def around(schedules: Iterable[Schedule], warm_up: int, cool_down: int) -> tuple[int, int, str]:
    """The warm-up and cool-down that the measured time needs.

    Without a step barrier the measured time goes from the end of one backward pass to that of
    another one. The push after the first of them is in it, as the push after the last is not; so
    there must be an iteration before. And pulls for the iteration after are in it.

    Under elastic averaging what comes overlaps with later iterations in spite of a barrier. All
    parameters are there when the first round ends, so that it waits for less than each other one:
    it is no part of the measured time.

    Args:
        schedules: of the experiment. All of its trials have the same number of iterations, so that
            their final parameters can be compared.
        warm_up: as asked for.
        cool_down: as asked for.

    Returns:
        Warm-up and cool-down, and in one line what was added and why; empty: nothing.
    """
    chosen = tuple(schedules)
    overlapping = [one.name for one in chosen if not one.barrier]
    elastic = [one for one in chosen if one.averaging == "elastic"]
    round_ = max((one.every or 1 for one in elastic), default=0)
    least = {
        "warm_up": max(round_, int(bool(overlapping))),
        "cool_down": int(bool(overlapping or elastic)),
    }
    asked = {"warm_up": warm_up, "cool_down": cool_down}
    added = [
        f"{name}: {needed} instead of {asked[name]}"
        for name, needed in least.items()
        if needed > asked[name]
    ]
    why = []
    if overlapping and not (warm_up and cool_down):
        named = ", ".join(overlapping)
        why.append(f"without a step barrier ({named}) a push overlaps with the next iteration")
    if elastic and (warm_up < round_ or not cool_down):
        named = ", ".join(one.name for one in elastic)
        why.append(f"under elastic averaging ({named}) the first round waits for nothing")
    line = f"{', '.join(added)}: {'; '.join(why)}" if added else ""
    return max(least["warm_up"], warm_up), max(least["cool_down"], cool_down), line
