"""Records of one trial as a run would leave them; a test says what is not plain in them."""

from __future__ import annotations

from typing import Any

from orchestrator.records.network import (
    CapsRecord,
    ControllerRecord,
    LimitsRecord,
    MeasuredUseRecord,
    NetworkRecord,
    PortRecord,
    UseRecord,
)
from workloads.process.process_records import ConnectionRecord

SECOND = 1_000_000_000


def port_record(port: str, packets: int = 0, drops: int = 0) -> PortRecord:
    return PortRecord(
        port=port,
        device="switch0-eth2",
        rate_bps=1_000_000_000,
        queue_bytes=524_288,
        delay_us=0,
        burst_segments=1,
        bytes=1_500 * packets,
        packets=packets,
        drops=drops,
        classes=(),
    )


def caps_record(
    cores: float | None = None,
    *,
    throttled: float | None = None,
    seconds: float = 1.0,
    memory_peak_bytes: int | None = None,
    oom_kills: int = 0,
) -> CapsRecord:
    """A host that was throttled for some of the measured seconds; None: not measured."""
    limits = LimitsRecord(cores=cores, memory_bytes=None, cpuset=())
    none: dict[str, Any] = {"cpu_seconds": None, "periods": 0, "throttled_periods": 0}
    measured = None
    if throttled is not None:
        measured = MeasuredUseRecord(seconds=seconds, throttled_seconds=throttled, **none)
    return CapsRecord(
        asked=limits,
        enforced=limits,
        why_not=(),
        cpuset_by=None,
        **none,
        throttled_seconds=0.0,
        memory_peak_bytes=memory_peak_bytes,
        memory_peak_of="trial",
        oom_kills=oom_kills,
        measured=measured,
    )


def network_record(**changes: Any) -> NetworkRecord:
    """What the testbed counted where nothing happened, but for the changes."""
    nothing: dict[str, Any] = {
        "ports": (),
        "management_bytes": {},
        "tcp_retransmits": {},
        "switch_input_drops": {},
        "switch_cpu_seconds": 0.0,
        "flows": (),
        "openflow_ports": (),
        "switch": "linux-bridge",
        "controller": ControllerRecord(),
        "cpu": (),
        "switch_cpu": (),
        "use": UseRecord(cores=2, samples=()),
        "caps": {},
        "caps_notes": (),
        "kept_differs": (),
        "commands": (),
    }
    return NetworkRecord(**{**nothing, **changes})


def connection(worker: int, congestion_control: str) -> ConnectionRecord:
    """One of whose settings only that matters."""
    return ConnectionRecord(
        worker=worker,
        flow=0,
        congestion_control=congestion_control,
        send_buffer_bytes=0,
        receive_buffer_bytes=0,
        not_sent_limit_bytes=None,
        dscp=0,
    )
