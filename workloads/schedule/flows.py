"""Which flow a unit travels on, where a worker has several in each direction.

Switches serve the flows in strict priority, so the first layers, which the next forward pass needs
first, belong on the most urgent one. The units are split in forward order, every flow with the same
share of the model's bytes: in a simulation of the models here that came closer to an order of all
units than shares that grow from flow to flow.
"""

from __future__ import annotations

from workloads.schedule.units import Layout


def flow_of(end: int, whole: int, flows: int) -> int:
    """The flow, from 0, the most urgent first, that carries the bytes which end there.

    Where the last byte lies decides, so that no urgent flow has more than its share: a large tensor
    would hold up the small ones before it. A flow may be left without anything.
    """
    return (end * flows - 1) // whole


def unit_flows(layout: Layout, flows: int) -> tuple[int, ...]:
    """Per unit, its flow."""
    ends = (unit.chunks[-1].start + unit.chunks[-1].length for unit in layout.units)
    return tuple(flow_of(end, layout.bytes, flows) for end in ends)


def flow_units(unit_flow: tuple[int, ...], flows: int) -> tuple[int, ...]:
    """Per flow, how many units of the model it carries, once in one direction."""
    return tuple(map(unit_flow.count, range(flows)))
