"""How much of a model takes which way where several are open at once: a linear programme (pure).

A way carries any share of the model, and what it then demands of links is that share of what it
would demand for all. The shares that are asked for leave the fullest link as little as can be:

    minimise t, where for every port: sum over ways of share x bytes / rate <= t; the shares are 1.

On the published topology: all through the server take 3 u of the trunk and 1 u of each worker's
link, all round the ring 4/3 u of each worker's link. With two fifths through the server and three
fifths round the ring all of these links take 1.2 u.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.spec.traffic.demands import Demands

_LEAST = 1e-4
"""A share below that is less than a slice of any model."""


class Split(NamedTuple):
    """The best shares of several ways.

    Attributes:
        shares: of the model, by way; they add up to 1.
        bit_seconds: for which the fullest link is busy, for each bit of the model's size on the
            ways, at the links' rates.
    """

    shares: Mapping[str, float]
    bit_seconds: float


def split(ways: Mapping[str, Demands], model_bytes: int) -> Split:
    """The shares with which the fullest link is busy for the least time.

    Args:
        ways: by name, what each demands if all of the model takes it.
        model_bytes: of that model.
    """
    # Only where it is asked for: every command loads this module.
    from scipy.optimize import linprog

    names = list(ways)
    crossed = dict.fromkeys(port for one in ways.values() for port in one.crossed)
    busy = [
        [
            sum(demand.bytes for demand in ways[name].through(port)) / model_bytes / port.rate_bps
            for name in names
        ]
        for port in crossed
    ]
    if not busy:
        return Split({name: 1 / len(names) for name in names}, 0.0)
    # In units of the slowest single way, so that all figures are near 1.
    unit = max(max(row) for row in busy)
    found = linprog(
        [0.0] * len(names) + [1.0],
        A_ub=[[*(each / unit for each in row), -1.0] for row in busy],
        b_ub=[0.0] * len(busy),
        A_eq=[[1.0] * len(names) + [0.0]],
        b_eq=[1.0],
        bounds=[(0.0, None)] * (len(names) + 1),
    )
    if found.x is None:
        raise ValueError(f"no split of the model over its ways: {found.message}")
    *shares, most = map(float, found.x)
    # What the solver leaves of a way that is worth nothing is none.
    some = [share if share > _LEAST else 0.0 for share in shares]
    return Split(
        {name: share / sum(some) for name, share in zip(names, some, strict=True)}, most * unit
    )
