"""From a schedule and a topology to the shaping of every port (pure).

`none` and every other schedule that does not act in the switch: all data in one class.
`switch-priority`: at every contended switch port one class per worker, in the workers' fixed order,
served strictly; all other ports as under `none`.
"""

from __future__ import annotations

from orchestrator.emulation.addresses import host_addresses, port_devices
from orchestrator.emulation.shaping import Match, PortShape, TrafficClass
from orchestrator.spec import Port, Scale, Topology, contended_switch_ports, flows_through, ports
from workloads.schedules import Schedule

DATA_CLASS = "data"


def worker_classes(topology: Topology, port: Port) -> tuple[TrafficClass, ...]:
    """One class per worker whose flow crosses the port, first worker first; the rest last."""
    addresses = host_addresses(topology)
    order = {worker.name: number for number, worker in enumerate(topology.workers)}
    flows = sorted(flows_through(topology, port), key=lambda flow: order[flow.worker])
    return (
        *(
            TrafficClass(
                flow.worker,
                (Match("dst" if flow.direction == "pull" else "src", addresses[flow.worker].data),),
            )
            for flow in flows
        ),
        TrafficClass(DATA_CLASS),
    )


def port_shapes(topology: Topology, scale: Scale, schedule: Schedule) -> tuple[PortShape, ...]:
    """How every port of the topology sends under a schedule, in emulated rates and bytes."""
    devices = port_devices(topology)
    scheduled = {str(port) for port in contended_switch_ports(topology)}
    shapes = []
    for port in ports(topology):
        by_worker = schedule.place == "switch" and str(port) in scheduled
        shapes.append(
            PortShape(
                port=str(port),
                device=devices[port.node, port.peer],
                rate_bps=scale.rate(port.rate_bps),
                queue_bytes=scale.bytes(port.queue_bytes),
                delay_us=round(scale.seconds(port.delay_us)),
                classes=worker_classes(topology, port)
                if by_worker
                else (TrafficClass(DATA_CLASS),),
            )
        )
    return tuple(shapes)
