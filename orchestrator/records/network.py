"""network.json: what the testbed counted over a trial, and how it was set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.records.files import Record

_TO = "to "


def counted_class(destination: str) -> str:
    """The name of the class, at a host's port, of what it sends to a destination.

    No other class has a name with a space.
    """
    return f"{_TO}{destination}"


class ClassRecord(Record):
    """One class of a port: its place, and what it sent and dropped over the trial."""

    name: str
    classid: str
    priority: int
    bytes: int = Field(ge=0)
    packets: int = Field(ge=0)
    drops: int = Field(ge=0)


class PortRecord(Record):
    """One sending end of a link: how it was shaped (emulated), and its counters over the trial."""

    port: str
    device: str
    rate_bps: int
    queue_bytes: int
    delay_us: int
    burst_segments: int
    bytes: int = Field(ge=0)
    packets: int = Field(ge=0)
    drops: int = Field(ge=0)
    classes: tuple[ClassRecord, ...]

    def counted(self) -> dict[str, ClassRecord]:
        """By destination, what this port's host has sent there, as far as it was counted apart.

        Acknowledgements without data are in a class of their own.
        """
        return {one.name.removeprefix(_TO): one for one in self.classes if one.name.startswith(_TO)}


class FlowRecord(Record):
    """A rule of a switch, and what it counted over the trial; `flow` says what it is for.

    None: any address or port, no marking, to the controller or flooded.
    """

    switch: str
    flow: str
    priority: int
    src: str | None
    dst: str | None
    dscp: int | None
    output: int | None
    packets: int
    bytes: int
    tcp_src: int | None = None
    tcp_dst: int | None = None


class OpenFlowPortRecord(Record):
    """What a switch itself counted at one of its ports over the trial."""

    switch: str
    port: str
    number: int
    rx_packets: int
    rx_bytes: int
    rx_dropped: int
    tx_packets: int
    tx_bytes: int
    tx_dropped: int


class TrafficRecord(Record):
    """The counters of a testbed over a trial.

    Attributes:
        management_bytes: per host, received and sent on its management link.
        loopback_bytes: per host, sent to itself.
        tcp_retransmits: per host, segments sent again by anything in its network namespace.
        switch_input_drops: by port, packets that were lost between its link and the next switch.
        switch_cpu_seconds: processor time of the switches' own processes.
    """

    ports: tuple[PortRecord, ...]
    management_bytes: dict[str, int]
    loopback_bytes: dict[str, int] = Field(default_factory=dict)
    tcp_retransmits: dict[str, int]
    switch_input_drops: dict[str, int]
    switch_cpu_seconds: float
    flows: tuple[FlowRecord, ...]
    openflow_ports: tuple[OpenFlowPortRecord, ...]


class LossRecord(Record):
    """What was lost, and when (monotonic ns): the controller, or a switch's way to it."""

    what: str
    t_ns: int


class ControllerRecord(Record):
    """How the switches' controller fared."""

    losses: tuple[LossRecord, ...] = ()


class LimitsRecord(Record):
    """The caps of a host; None: not capped."""

    cores: float | None
    memory_bytes: int | None
    cpuset: tuple[int, ...]


class CpuUseRecord(Record):
    """What a host used of its CPU cap; seconds None: not counted by the kernel."""

    cpu_seconds: float | None
    periods: int = Field(ge=0)
    throttled_periods: int = Field(ge=0)
    throttled_seconds: float = Field(ge=0)


class MeasuredUseRecord(CpuUseRecord):
    """The same over the measured iterations, `seconds` of this machine's clock."""

    seconds: float = Field(gt=0)


class CapsRecord(CpuUseRecord):
    """A host's caps and what it used of them over the trial.

    Attributes:
        why_not: a line for every cap that is not enforced as asked.
        cpuset_by: what keeps its processes on their CPUs; None: nothing does.
        memory_peak_bytes: emulated; None: not counted by the kernel.
        memory_peak_of: over which time the peak was taken.
        measured: None: the measured iterations did not finish.
    """

    asked: LimitsRecord
    enforced: LimitsRecord
    why_not: tuple[str, ...]
    cpuset_by: str | None
    memory_peak_bytes: int | None
    memory_peak_of: Literal["trial", "run"]
    oom_kills: int = Field(ge=0)
    measured: MeasuredUseRecord | None


class UseRecord(Record):
    """Whose the CPUs were. A sample: monotonic ns, and how many of the machine's `cores` the
    testbed's processes, all others and the hypervisor had since the sample before."""

    cores: int = Field(ge=1)
    samples: tuple[tuple[int, float, float, float], ...]


class LinkSamplesRecord(Record):
    """Bytes that ports have sent over time: interfaces counted what they got at once with
    one header. A sample: monotonic ns, and the bytes of each of `ports` since the first sample.
    `period`: seconds between two of them; the more ports and the longer the trial, the longer."""

    ports: tuple[str, ...]
    samples: tuple[tuple[int, ...], ...]
    period: float | None = None


class NetworkRecord(TrafficRecord):
    """network.json.

    Attributes:
        switch: the kind of switches.
        cpu: (monotonic ns, idle share of the machine since the sample before).
        switch_cpu: the same of the busiest thread of the switches' own processes.
        use: whose the CPUs were.
        awake_cpus: how many were kept awake, for they are virtual.
        caps: by host.
        caps_notes: what a person should know of the caps.
        kept_differs: what the kernel kept otherwise than it was asked.
        commands: that shaped the ports, as argument lists.
        links: how full they were; None: not sampled.
    """

    switch: str
    controller: ControllerRecord
    cpu: tuple[tuple[int, float], ...]
    switch_cpu: tuple[tuple[int, float], ...]
    use: UseRecord
    caps: dict[str, CapsRecord]
    caps_notes: tuple[str, ...]
    kept_differs: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    links: LinkSamplesRecord | None = None
    awake_cpus: int = 0
