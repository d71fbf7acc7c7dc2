"""From the files that people write to typed, validated objects.

load_topology, load_experiment, load_any    read a file, or raise InputError with all problems
shown_path                                  how messages name it
Topology, Host, Link, Direction             the parts of a topology
Placement                                   which part of the training runs on which host
Port, ports, path                           the ends of links, and ways over them
Demand, Demands, united                     who sends how much to whom, over which links
Members, members_of                         who takes part in an exchange, in which ring and groups
ServerExchange, exchange_of                 a parameter server and its workers, and their demands
CodedModel, coded_model, leaves_vectors     what codecs make of a model, unit by unit
exchange_class                              what says the programs and the demands of an exchange
ClassPlan, class_plan, flow_dscp            which DSCP every class of traffic has
LINUX_BRIDGE, OVS_KERNEL, OVS_USER, ...     kinds of switch, and why one may not carry a topology
Experiment, Overrides                       what is run
Neighbour, Traffic, Training                what runs beside the measured job
Choices, CHOICES, COMPARED                  what one of its trials is of
Program, Throughput, pair_demands           users' commands, and how their figures are read
Sweep, Point, conditions                    what of it is varied, and what is run at each point
Scale, AutoScale                            at which scale, or with R still to be chosen
SocketBuffers, window_bytes                 how much may be on its way
SshAccess                                   how to reach a host
parse_rate, parse_size, parse_duration      quantities with units
rate_text, number_text                      rates and other figures for people, of any size
"""

from orchestrator.spec.access import SshAccess
from orchestrator.spec.experiment.choices import (
    CHOICES,
    COMPARED,
    EVERY_CHOICE,
    Choices,
    Chosen,
    all_choices,
)
from orchestrator.spec.experiment.experiment import Experiment
from orchestrator.spec.experiment.jobs import FIRST_PORT, Neighbour, Traffic, Training
from orchestrator.spec.experiment.programs import (
    IMGS_PER_SEC,
    Program,
    Throughput,
    pair_demands,
    program_demands,
)
from orchestrator.spec.load import load_any, load_experiment, load_topology, shown_path
from orchestrator.spec.overrides import Overrides
from orchestrator.spec.placement import Placement
from orchestrator.spec.scale import AutoScale, Scale
from orchestrator.spec.sweep import Conditions, Point, Sweep, Values, Variable, conditions, sweep_of
from orchestrator.spec.topology import Direction, Host, Link, Topology
from orchestrator.spec.traffic.class_plan import (
    DATA_DSCP,
    ClassPlan,
    class_plan,
    flow_dscp,
    unfit,
)
from orchestrator.spec.traffic.coded import (
    CodedModel,
    OwnCodecs,
    coded_model,
    leaves_vectors,
    sent_demands,
)
from orchestrator.spec.traffic.demands import Demand, Demands, united
from orchestrator.spec.traffic.exchange_demands import exchange_class
from orchestrator.spec.traffic.graph import Port, path, ports
from orchestrator.spec.traffic.members import members_of, ring_order, ring_ways, too_few_servers
from orchestrator.spec.traffic.server_exchange import WAYS, ServerExchange, Way, exchange_of
from orchestrator.spec.traffic.turns import without_order
from orchestrator.spec.traffic.windows import (
    FRAME_BYTES,
    INITIAL_SEGMENTS,
    KEPT,
    PAYLOAD_BYTES,
    SocketBuffers,
    emulated_queue_bytes,
    emulated_send_bytes,
    host_burst_segments,
    packet_segments,
    payload_share,
    port_burst_segments,
    queueing_seconds,
    window_bytes,
)
from orchestrator.spec.values.fields import AUTO, PACKET_BYTES, SWITCH_KINDS
from orchestrator.spec.values.switch_kinds import (
    KINDS,
    LINUX_BRIDGE,
    OPENFLOW_KINDS,
    OVS_KERNEL,
    OVS_USER,
)
from orchestrator.spec.values.text import number_text
from orchestrator.spec.values.units import (
    QuantityError,
    parse_duration,
    parse_rate,
    parse_size,
    rate_text,
)

__all__ = [
    "AUTO",
    "CHOICES",
    "COMPARED",
    "AutoScale",
    "Choices",
    "Chosen",
    "ClassPlan",
    "CodedModel",
    "Conditions",
    "DATA_DSCP",
    "EVERY_CHOICE",
    "Demand",
    "Demands",
    "Direction",
    "Experiment",
    "FIRST_PORT",
    "FRAME_BYTES",
    "Host",
    "IMGS_PER_SEC",
    "INITIAL_SEGMENTS",
    "KEPT",
    "KINDS",
    "LINUX_BRIDGE",
    "Link",
    "Neighbour",
    "OPENFLOW_KINDS",
    "OVS_KERNEL",
    "OVS_USER",
    "Overrides",
    "OwnCodecs",
    "PACKET_BYTES",
    "PAYLOAD_BYTES",
    "Placement",
    "Point",
    "Port",
    "Program",
    "QuantityError",
    "SWITCH_KINDS",
    "Scale",
    "ServerExchange",
    "SocketBuffers",
    "SshAccess",
    "Sweep",
    "Throughput",
    "Topology",
    "Traffic",
    "Training",
    "WAYS",
    "Way",
    "all_choices",
    "class_plan",
    "Values",
    "Variable",
    "coded_model",
    "conditions",
    "sent_demands",
    "sweep_of",
    "emulated_send_bytes",
    "exchange_class",
    "exchange_of",
    "flow_dscp",
    "emulated_queue_bytes",
    "host_burst_segments",
    "leaves_vectors",
    "load_any",
    "load_experiment",
    "load_topology",
    "members_of",
    "number_text",
    "packet_segments",
    "pair_demands",
    "parse_duration",
    "parse_rate",
    "parse_size",
    "path",
    "payload_share",
    "port_burst_segments",
    "ports",
    "program_demands",
    "queueing_seconds",
    "rate_text",
    "ring_order",
    "ring_ways",
    "shown_path",
    "too_few_servers",
    "unfit",
    "united",
    "window_bytes",
    "without_order",
]
