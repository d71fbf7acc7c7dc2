"""From a schedule and a topology to the shaping of every port (pure).

`none` and every other schedule that does not act in the switch: all data in one class.
`switch-priority`: at every contended switch port one class per worker, in the workers' fixed order,
served strictly; all other ports as under `none`. Where a worker has several flows (`geryon`):
likewise one class per flow, for that flow of all workers, told by the DSCP that hosts wrote.

Switches under a controller always have the classes of the workers at contended ports, and the
controller's rules say by DSCP which class a packet goes to: another schedule is then another set of
rules, and no queue is touched, unless one of the two has classes of flows.
"""

from __future__ import annotations

from orchestrator.emulation.network.addresses import host_addresses, port_devices
from orchestrator.emulation.ports.shaping import DscpMatch, Match, PortShape, TrafficClass
from orchestrator.spec import (
    ClassPlan,
    Flow,
    Port,
    Scale,
    Topology,
    contended_switch_ports,
    flow_dscp,
    flows_through,
    host_burst_segments,
    port_burst_segments,
    ports,
    worker_dscp,
)
from orchestrator.spec.traffic.class_plan import class_plan
from workloads.schedule.library import Schedule

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


def flow_classes(schedule: Schedule) -> tuple[TrafficClass, ...]:
    """One class per flow that a worker has, the most urgent first; the rest last."""
    return (
        *(
            TrafficClass(f"flow{number}", (DscpMatch(dscp),))
            for number, dscp in enumerate(flow_dscp(schedule))
        ),
        TrafficClass(DATA_CLASS),
    )


def schedule_plan(topology: Topology, schedule: Schedule) -> ClassPlan:
    """The class of every flow under a schedule."""
    if schedule.flows is not None:
        return ClassPlan(by_hosts=True)
    return class_plan(topology, by_worker=schedule.at_switch)


def port_shapes(
    topology: Topology, scale: Scale, schedule: Schedule, *, by_dscp: bool = False
) -> tuple[PortShape, ...]:
    """How every port of the topology sends under a schedule, in emulated rates and bytes.

    Args:
        by_dscp: the switches are under a controller; the shapes are then the same for all
            schedules of which a worker has one flow.
    """
    devices = port_devices(topology)
    by_flow = schedule.flows is not None
    contended = contended_switch_ports(topology, least_workers=1 if by_flow else 2)
    scheduled = {str(port) for port in contended if by_dscp or schedule.at_switch}

    def classes(port: Port) -> tuple[TrafficClass, ...]:
        if str(port) not in scheduled:
            return (TrafficClass(DATA_CLASS),)
        return (
            flow_classes(schedule) if by_flow else worker_classes(topology, port, by_dscp=by_dscp)
        )

    bursts = host_burst_segments(topology, scale)
    shapes = []
    for port in ports(topology):
        shapes.append(
            PortShape(
                port=str(port),
                device=devices[port.node, port.peer],
                rate_bps=scale.rate(port.rate_bps),
                queue_bytes=scale.queue_bytes(port.queue_bytes),
                delay_us=round(scale.seconds(port.delay_us)),
                burst_segments=bursts.get(port.node, port_burst_segments(port, scale)),
                classes=classes(port),
            )
        )
    return tuple(shapes)
