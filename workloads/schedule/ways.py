"""Which way each unit takes where several are open at once (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from workloads.schedule.units import Layout, Unit

SERVER, RING = "server", "ring"
"""The ways of the exchange `split`."""


def ways(layout: Layout, shares: Mapping[str, float]) -> dict[str, tuple[Unit, ...]]:
    """The units of each way, in forward order.

    In forward order each unit takes the way that is farthest behind its share of the bytes, so that
    every part of the model takes all of them, and none is ever without work while others have some.
    Each that has a share at all has a unit.

    Args:
        layout: how the model is cut.
        shares: of the bytes, by way; at least one above 0.

    Raises:
        ValueError: there are fewer units than ways with a share.
    """
    carried = dict.fromkeys(shares, 0)
    taken: dict[str, list[Unit]] = {way: [] for way in shares}
    open_ways = [way for way in shares if shares[way] > 0]
    for unit in layout.units:
        way = min(open_ways, key=lambda one: (carried[one] + unit.length) / shares[one])
        carried[way] += unit.length
        taken[way].append(unit)
    if len(layout.units) < len(open_ways):
        raise ValueError(f"the model has {len(layout.units)} units for {len(open_ways)} ways")
    while lacking := next((way for way in open_ways if not taken[way]), None):
        fullest = max(open_ways, key=lambda one: len(taken[one]))
        taken[lacking].append(taken[fullest].pop())
    return {way: tuple(units) for way, units in taken.items()}
