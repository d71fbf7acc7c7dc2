"""From the files that people write to typed, validated objects.

load_topology, load_experiment, load_any    read a file, or raise InputError with all problems
shown_path                                  how messages name it
Topology, Host, Link, Direction             the parts of a topology
Placement                                   which part of the training runs on which host
Port, Flow, ports, path, flows_through,     who sends over which end of which link
contended_switch_ports, flows, flow_path
ClassPlan, class_plan, worker_dscp, flow_dscp   which class every flow has
LINUX_BRIDGE, OVS_KERNEL, OVS_USER, ...     kinds of switch, and why one may not carry a topology
Experiment, Overrides                       what is run
Sweep, Point, conditions                    what of it is varied, and what is run at each point
Scale, AutoScale                            at which scale, or with R still to be chosen
SocketBuffers, window_bytes                 how much may be on its way
SshAccess                                   how to reach a host
parse_rate, parse_size, parse_duration      quantities with units
rate_text, number_text                      rates and other figures for people, of any size
"""

from orchestrator.spec.access import SshAccess
from orchestrator.spec.experiment import Experiment, Overrides, Point
from orchestrator.spec.fields import AUTO, PACKET_BYTES, SWITCH_KINDS
from orchestrator.spec.load import load_any, load_experiment, load_topology, shown_path
from orchestrator.spec.placement import Placement
from orchestrator.spec.scale import AutoScale, Scale
from orchestrator.spec.sweep import Conditions, Sweep, conditions
from orchestrator.spec.switch_kinds import (
    KINDS,
    LINUX_BRIDGE,
    OPENFLOW_KINDS,
    OVS_KERNEL,
    OVS_USER,
)
from orchestrator.spec.text import number_text
from orchestrator.spec.topology import Direction, Host, Link, Topology
from orchestrator.spec.traffic.class_plan import (
    DATA_DSCP,
    ClassPlan,
    class_plan,
    flow_dscp,
    unfit,
    worker_dscp,
)
from orchestrator.spec.traffic.graph import (
    Flow,
    Port,
    contended_switch_ports,
    flow_path,
    flows,
    flows_through,
    path,
    ports,
)
from orchestrator.spec.traffic.windows import (
    FRAME_BYTES,
    INITIAL_SEGMENTS,
    KEPT,
    PAYLOAD_BYTES,
    SocketBuffers,
    emulated_send_bytes,
    host_burst_segments,
    packet_segments,
    payload_share,
    port_burst_segments,
    queueing_seconds,
    round_trip_us,
    window_bytes,
)
from orchestrator.spec.units import QuantityError, parse_duration, parse_rate, parse_size, rate_text

__all__ = [
    "AUTO",
    "AutoScale",
    "ClassPlan",
    "Conditions",
    "DATA_DSCP",
    "Direction",
    "Experiment",
    "FRAME_BYTES",
    "Flow",
    "Host",
    "INITIAL_SEGMENTS",
    "KEPT",
    "KINDS",
    "LINUX_BRIDGE",
    "Link",
    "OPENFLOW_KINDS",
    "OVS_KERNEL",
    "OVS_USER",
    "Overrides",
    "PACKET_BYTES",
    "PAYLOAD_BYTES",
    "Placement",
    "Point",
    "Port",
    "QuantityError",
    "SWITCH_KINDS",
    "Scale",
    "SocketBuffers",
    "SshAccess",
    "Sweep",
    "Topology",
    "class_plan",
    "conditions",
    "contended_switch_ports",
    "emulated_send_bytes",
    "flow_dscp",
    "flow_path",
    "flows",
    "flows_through",
    "host_burst_segments",
    "load_any",
    "load_experiment",
    "load_topology",
    "number_text",
    "packet_segments",
    "parse_duration",
    "parse_rate",
    "parse_size",
    "path",
    "payload_share",
    "port_burst_segments",
    "ports",
    "queueing_seconds",
    "rate_text",
    "round_trip_us",
    "shown_path",
    "unfit",
    "window_bytes",
    "worker_dscp",
]
