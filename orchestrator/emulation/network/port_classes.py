"""From a schedule and demands to the shaping of every port (pure).

`none` and every other schedule that does not act in the switch: all data in one class.
`switch-priority`: at every contended switch port one class per class of the demands that cross it,
in the demands' fixed order, served strictly; all other ports as under `none`. With a parameter
server that is one per worker. Where a worker has several flows (`geryon`), it is also one class per
flow, for that flow of all workers, told by the DSCP that hosts wrote.

Switches under a controller always have the classes of the demands at contended ports, and the
controller's rules say by DSCP which class a packet goes to: another schedule is then another set of
rules, and no queue is touched, unless one of the two has classes of flows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.emulation.network.addresses import data_addresses, port_devices
from orchestrator.emulation.ports.shaping import (
    AnyMatch,
    DscpMatch,
    JobMatch,
    Match,
    PairMatch,
    PortShape,
    TrafficClass,
)
from orchestrator.records.network import counted_class
from orchestrator.spec import (
    ClassPlan,
    Demand,
    Demands,
    Port,
    Scale,
    class_plan,
    emulated_queue_bytes,
    flow_dscp,
    host_burst_segments,
    port_burst_segments,
    ports,
)
from workloads.schedule.schedule import Schedule

DATA_CLASS = "data"


def demand_classes(
    demands: Demands, port: Port, *, by_dscp: bool = False
) -> tuple[TrafficClass, ...]:
    """One class per class of the demands that cross the port, the first one first; the rest last.

    Args:
        by_dscp: packets are known by their DSCP instead of by their addresses.
    """
    crossing = demands.through(port)
    present = {one.traffic_class for one in crossing}
    names = [name for name in demands.classes if name in present]
    if by_dscp:
        plan = class_plan(demands, by_class=True)
        classes = (TrafficClass(name, (DscpMatch(plan.dscp[name]),)) for name in names)
    else:
        match = _matching(demands, crossing)
        classes = (
            TrafficClass(
                name,
                tuple(told for one in crossing if one.traffic_class == name for told in match(one)),
            )
            for name in names
        )
    return (*classes, TrafficClass(DATA_CLASS))


def _matching(
    demands: Demands, crossing: Sequence[Demand]
) -> Callable[[Demand], tuple[AnyMatch, ...]]:
    """What tells the demands at a port apart: the host at one end if that does, else both.

    Of several jobs on the same two hosts, it is the job's port at either end.
    """
    addresses = data_addresses(demands.topology)
    receivers = {one.destination for one in crossing}
    senders = {one.source for one in crossing}

    def match(one: Demand) -> tuple[AnyMatch, ...]:
        source, destination = addresses[one.source], addresses[one.destination]
        if len(receivers) == len(crossing):
            return (Match("dst", destination),)
        if len(senders) == len(crossing):
            return (Match("src", source),)
        if one.port and len(demands.between(one.source, one.destination)) > 1:
            ends = ("sport", "dport")
            return tuple(JobMatch(source, destination, one.port, end) for end in ends)
        return (PairMatch(source, destination),)

    return match


def flow_classes(schedule: Schedule) -> tuple[TrafficClass, ...]:
    """One class per flow that a worker has, the most urgent first; the rest last."""
    return (
        *(
            TrafficClass(f"flow{number}", (DscpMatch(dscp),))
            for number, dscp in enumerate(flow_dscp(schedule))
        ),
        TrafficClass(DATA_CLASS),
    )


def schedule_plan(demands: Demands, schedule: Schedule) -> ClassPlan:
    """The DSCP of every class under a schedule."""
    if schedule.flows is not None:
        return ClassPlan(by_hosts=True)
    return class_plan(demands, by_class=schedule.at_switch)


def port_shapes(
    demands: Demands,
    scale: Scale,
    schedule: Schedule,
    *,
    by_dscp: bool = False,
    counted: bool = False,
) -> tuple[PortShape, ...]:
    """How every port of the topology sends under a schedule, in emulated rates and bytes.

    Args:
        by_dscp: the switches are under a controller; the shapes are then the same for all
            schedules of which a worker has one flow.
        counted: hosts have a class for every demand that they send, named by `counted_class`.
    """
    devices = port_devices(demands.topology)
    by_flow = schedule.flows is not None
    contended = demands.contended(least_classes=1 if by_flow else 2)
    scheduled = {str(port) for port in contended if by_dscp or schedule.at_switch}

    def classes(port: Port) -> tuple[TrafficClass, ...]:
        if str(port) not in scheduled:
            return (TrafficClass(DATA_CLASS),)
        return flow_classes(schedule) if by_flow else demand_classes(demands, port, by_dscp=by_dscp)

    bursts = host_burst_segments(demands, scale)
    shapes = []
    for port in ports(demands.topology):
        shapes.append(
            PortShape(
                port=str(port),
                device=devices[port.node, port.peer],
                rate_bps=scale.rate(port.rate_bps),
                queue_bytes=emulated_queue_bytes(demands, port, scale),
                delay_us=round(scale.seconds(port.delay_us)),
                burst_segments=bursts.get(port.node, port_burst_segments(port, scale)),
                classes=classes(port),
                counted=_counted(demands, port) if counted else (),
            )
        )
    return tuple(shapes)


def _counted(demands: Demands, port: Port) -> tuple[TrafficClass, ...]:
    """A class for each demand that starts at a port."""
    addresses = data_addresses(demands.topology)
    return tuple(
        TrafficClass(counted_class(one.destination), (Match("dst", addresses[one.destination]),))
        for one in demands.through(port)
        if one.source == port.node
    )
