"""Who of several looks after which unit of a model (pure)."""

from __future__ import annotations

from workloads.schedule.units import Layout


def owners(layout: Layout, count: int) -> tuple[int, ...]:
    """Per unit, which of `count` owners adds it up and applies it.

    In forward order each unit goes to the owner that has least, so that all have equal parts of the
    model's bytes, up to a unit, and every part of the model is spread over all of them.

    Args:
        layout: how the model is cut.
        count: of owners, at least 1.
    """
    owned = [0] * count
    found = []
    for unit in layout.units:
        owner = owned.index(min(owned))
        owned[owner] += unit.length
        found.append(owner)
    return tuple(found)
