"""The programs and the parts of the kernel that a testbed needs, and what for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """What needs a feature or program of the machine."""

    RUN = "run"
    PUBLISHED = "published"
    DELAY = "delay"
    CAPS = "caps"
    OPENFLOW = "openflow"
    BENCH = "bench"
    TORCH = "torch"
    LATER = "later"


@dataclass(frozen=True)
class Program:
    """A program, the Debian package that brings it, and what it is for."""

    name: str
    package: str
    needed_for: str
    need: Need = Need.RUN


@dataclass(frozen=True)
class Feature:
    """A part of the kernel.

    Attributes:
        name: what `ip` or `tc` calls it.
        option: the kernel's configuration option, without `CONFIG_`.
        tool: `ip` or `tc`.
        lines: what `tool -batch` can do, in an empty network namespace, only with this part.
        needed_for: for people.
        need: what cannot do without it.
    """

    name: str
    option: str
    tool: str
    lines: tuple[str, ...]
    needed_for: str
    need: Need = Need.RUN


NOT_YET = "not needed yet"

OVS_PROGRAMS = tuple(
    Program(name, "openvswitch-switch", "Open vSwitch", Need.OPENFLOW)
    for name in (
        "ovs-vswitchd",
        "ovs-vsctl",
        "ovs-appctl",
        "ovs-dpctl",
        "ovsdb-server",
        "ovsdb-tool",
    )
)

PROGRAMS = (
    Program("mnexec", "mininet", "starting hosts"),
    Program("ifconfig", "net-tools", "host addresses"),
    Program("sshd", "openssh-server", "deployment over SSH"),
    Program("ip", "iproute2", "links and routes"),
    Program("tc", "iproute2", "rates and queues"),
    Program("ping", "iputils-ping", "checking a new network"),
    Program("sysctl", "procps", "host settings"),
    Program("setpriv", "util-linux", "leaving nothing behind"),
    Program("unshare", "util-linux", "private namespaces"),
    Program("nsenter", "util-linux", "commands inside a host"),
    Program("mount", "mount", "private run state"),
    *OVS_PROGRAMS,
    Program("iperf3", "iperf3", "dmlbed bench", Need.BENCH),
)

_INGRESS = "qdisc add dev lo ingress"
_U32 = "filter add dev lo parent ffff: protocol ip u32 match u32 0 0 flowid 1:1"
_HTB = "qdisc add dev lo root handle 1: htb default 1"
_HTB_CLASS = "class add dev lo parent 1: classid 1:1 htb rate 100mbit quantum 1514"


def _link(kind: str) -> tuple[str]:
    # `name` is needed: `ip link add a type ...` takes the `a` for `address`.
    return (f"link add name a0 type {kind}",)


def _qdisc(kind: str) -> tuple[str]:
    return (f"qdisc add dev lo root {kind}",)


FEATURES = (
    Feature("veth", "VETH", "ip", _link("veth peer name a1"), "links"),
    Feature("bridge", "BRIDGE", "ip", _link("bridge"), "switches"),
    Feature("htb", "NET_SCH_HTB", "tc", (_HTB, _HTB_CLASS), "rates and priorities"),
    Feature("bfifo", "NET_SCH_FIFO", "tc", _qdisc("bfifo limit 100000"), "queue limits"),
    Feature("u32", "NET_CLS_U32", "tc", (_INGRESS, _U32), "sorting into classes"),
    Feature("netem", "NET_SCH_NETEM", "tc", _qdisc("netem delay 1ms"), "link delays", Need.DELAY),
    Feature(
        "mirred",
        "NET_ACT_MIRRED",
        "tc",
        (_INGRESS, f"{_U32} action mirred egress redirect dev lo"),
        NOT_YET,
        Need.LATER,
    ),
    Feature("tap", "TUN", "ip", ("tuntap add mode tap name a0",), "ovs-user", Need.OPENFLOW),
    Feature("ifb", "IFB", "ip", _link("ifb"), NOT_YET, Need.LATER),
    Feature("prio", "NET_SCH_PRIO", "tc", _qdisc("prio"), NOT_YET, Need.LATER),
    Feature("fq_codel", "NET_SCH_FQ_CODEL", "tc", _qdisc("fq_codel"), NOT_YET, Need.LATER),
)
