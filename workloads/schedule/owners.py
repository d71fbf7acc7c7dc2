"""Who of several looks after which unit of a model (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from workloads.library import HYBRID, SPLIT
from workloads.models.profiles import BYTES_PER_ELEMENT, Model
from workloads.schedule.members import Members
from workloads.schedule.units import LARGE_ELEMENTS, Layout, Unit
from workloads.schedule.ways import SERVER, ways


def owners(layout: Layout, count: int, units: Sequence[Unit] | None = None) -> tuple[int, ...]:
    """Per unit, which of `count` owners adds it up and applies it.

    In forward order each unit goes to the owner that has least, so that all have equal parts of the
    model's bytes, up to a unit, and every part of the model is spread over all of them.

    Args:
        layout: how the model is cut.
        count: of owners, at least 1.
        units: those that they share, in forward order; None: all. Of others the owner is 0.
    """
    owned = [0] * count
    found = [0] * len(layout.units)
    for unit in layout.units if units is None else units:
        owner = owned.index(min(owned))
        owned[owner] += unit.length
        found[unit.number] = owner
    return tuple(found)


def layout_of(
    model: Model,
    members: Members,
    rates: float = 1,
    time: float = 1,
    element_bytes: int = BYTES_PER_ELEMENT,
) -> Layout:
    """How a model is cut for those who take part.

    Args:
        model: what is trained.
        members: those who take part.
        rates: R.
        time: D.
        element_bytes: 4: float32, 8: float64.
    """
    schedule, parts = members.schedule, members.owners
    # Of a bucket every owner has a part, however small its tensors are.
    large = LARGE_ELEMENTS if schedule.bucket_bytes is None else 0
    size = schedule.slice_bytes
    return Layout(model, rates, time, size, element_bytes, parts=parts, large=large)


def units_of(layout: Layout, members: Members, server: str) -> tuple[Unit, ...]:
    """The units that one of the parameter servers looks after."""
    number = members.servers.index(server)
    if members.schedule.exchange == SPLIT:
        return ways(layout, members.shares)[SERVER]
    return owned(layout, owners(layout, len(members.servers)), number)


def contributors(layout: Layout, members: Members) -> tuple[tuple[int, ...], ...]:
    """Per unit, the numbers of the workers whose gradients of it come to its server, ascending.

    Where groups add theirs up, these are the unit's owners in each group.
    """
    if members.schedule.exchange != HYBRID:
        return (tuple(range(len(members.workers))),) * len(layout.units)
    numbers = [[members.workers.index(name) for name in group] for group in members.groups]
    of_groups = [owners(layout, len(group)) for group in numbers]
    together = list(zip(numbers, of_groups, strict=True))
    return tuple(
        tuple(sorted(group[owner[unit.number]] for group, owner in together))
        for unit in layout.units
    )


def owned(layout: Layout, owner: Sequence[int], number: int) -> tuple[Unit, ...]:
    """The units of one owner, by the owners of all."""
    return tuple(unit for unit in layout.units if owner[unit.number] == number)


def member_shares(members: Members, model: Model) -> dict[str, int]:
    """By worker, the bytes of the parameters that it owns in its group, in the real system."""
    layout = layout_of(model, members)
    shares = dict.fromkeys(members.workers, 0)
    for group in members.groups:
        for unit, owner in zip(layout.units, owners(layout, len(group)), strict=True):
            shares[group[owner]] += unit.length
    return shares


def server_shares(members: Members, model: Model) -> dict[str, int]:
    """By parameter server, the bytes of the parameters that it looks after, in the real system.

    Raises:
        ValueError: there are fewer units than servers.
    """
    shares = dict.fromkeys(members.servers, 0)
    if len(shares) == 1:
        return dict.fromkeys(shares, model.bytes)
    layout = layout_of(model, members)
    if len(layout.units) < len(shares):
        raise ValueError(f"{model.name} has {len(layout.units)} units for {len(shares)} servers")
    for unit, owner in zip(layout.units, owners(layout, len(shares)), strict=True):
        shares[members.servers[owner]] += unit.length
    return shares
