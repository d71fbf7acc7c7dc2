"""From a schedule and a topology to the shaping of every port (pure).

`none` and every other schedule that does not act in the switch: all data in one class.
`switch-priority`: at every contended switch port one class per worker, in the workers' fixed order,
served strictly; all other ports as under `none`.

Switches under a controller always have the classes of the workers at contended ports, and the
controller's rules say by DSCP which class a packet goes to: another schedule is then another set of
rules, and no queue is touched.
"""

from __future__ import annotations

from orchestrator.emulation.addresses import host_addresses, port_devices
from orchestrator.emulation.shaping import DscpMatch, Match, PortShape, TrafficClass
from orchestrator.spec import (
    ClassPlan,
    Flow,
    Port,
    Scale,
    Topology,
    class_plan,
    contended_switch_ports,
    flows_through,
    ports,
    worker_dscp,
)
from workloads.schedules import Schedule

DATA_CLASS = "data"


def worker_classes(
    topology: Topology, port: Port, *, by_dscp: bool = False
) -> tuple[TrafficClass, ...]:
    """One class per worker whose flow crosses the port, first worker first; the rest last.

    Args:
        by_dscp: a worker's packets are known by their DSCP instead of by its address.
    """
    addresses = host_addresses(topology)
    order = {worker.name: number for number, worker in enumerate(topology.workers)}

    def match(flow: Flow) -> Match | DscpMatch:
        if by_dscp:
            return DscpMatch(worker_dscp(topology, flow.worker))
        return Match("dst" if flow.direction == "pull" else "src", addresses[flow.worker].data)

    flows = sorted(flows_through(topology, port), key=lambda flow: order[flow.worker])
    return (
        *(TrafficClass(flow.worker, (match(flow),)) for flow in flows),
        TrafficClass(DATA_CLASS),
    )


def schedule_plan(topology: Topology, schedule: Schedule) -> ClassPlan:
    """The class of every flow under a schedule."""
    return class_plan(topology, by_worker=schedule.at_switch)


def port_shapes(
    topology: Topology, scale: Scale, schedule: Schedule, *, by_dscp: bool = False
) -> tuple[PortShape, ...]:
    """How every port of the topology sends under a schedule, in emulated rates and bytes.

    Args:
        by_dscp: the switches are under a controller; the shapes are then the same for all
            schedules.
    """
    devices = port_devices(topology)
    scheduled = {str(port) for port in contended_switch_ports(topology)}
    shapes = []
    for port in ports(topology):
        by_worker = (by_dscp or schedule.at_switch) and str(port) in scheduled
        shapes.append(
            PortShape(
                port=str(port),
                device=devices[port.node, port.peer],
                rate_bps=scale.rate(port.rate_bps),
                queue_bytes=scale.queue_bytes(port.queue_bytes),
                delay_us=round(scale.seconds(port.delay_us)),
                burst_segments=scale.burst_segments,
                classes=worker_classes(topology, port, by_dscp=by_dscp)
                if by_worker
                else (TrafficClass(DATA_CLASS),),
            )
        )
    return tuple(shapes)
