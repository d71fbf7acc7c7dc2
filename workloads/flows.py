"""Which flow a unit travels on, where a worker has several in each direction.

Switches serve the flows in strict priority, so the first layers, which the next forward pass needs
first, belong on the most urgent one. The units are split in forward order, every flow with the same
share of the model's bytes: in a simulation of the models here that came closer to an order of all
units than shares that grow from flow to flow.
"""

from __future__ import annotations

from workloads.layout import Layout


def unit_flows(layout: Layout, flows: int) -> tuple[int, ...]:
    """Per unit, the number of its flow, the most urgent first.

    Where a unit's last byte lies decides, so that no urgent flow has more than its share: a large
    tensor would hold up the small ones before it. A flow may be left without any unit.
    """
    return tuple(
        ((unit.slices[-1].start + unit.slices[-1].length) * flows - 1) // layout.bytes
        for unit in layout.units
    )


def flow_bytes(layout: Layout, unit_flow: tuple[int, ...], flows: int) -> tuple[int, ...]:
    """Per flow, what it carries of the whole model, once in one direction."""
    carried = [0] * flows
    for unit, flow in zip(layout.units, unit_flow, strict=True):
        carried[flow] += unit.length
    return tuple(carried)
