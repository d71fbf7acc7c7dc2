"""iperf3 between two hosts of a testbed, over SSH, on their data addresses.

Routes, windows and congestion control are the testbed's; buffers are those that iperf3 takes by
itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.deployment import After, ProcessPlan
from orchestrator.errors import RunError

PORT = 5201
WAYS: Mapping[str, tuple[str, ...]] = {"push": (), "pull": ("--reverse",), "both": ("--bidir",)}
"""By name, what iperf3's client is told: to the parameter server, from it, both at once."""
CLIENT = "iperf3-client"
"""The process that prints the report."""
_SERVER = "iperf3-server"
_START_SECONDS = 10.0
_MARGIN_SECONDS = 20.0


def iperf_plans(
    server: str,
    client: str,
    addresses: Mapping[str, str],
    *,
    way: str,
    ramp: float,
    seconds: float,
) -> tuple[ProcessPlan, ProcessPlan]:
    """A server that ends after one client, and that client, which prints its report as JSON.

    Args:
        server: the server's host.
        client: the client's host.
        addresses: every host's address on the data network.
        way: one of `WAYS`.
        ramp: seconds left out at the beginning, in whole seconds.
        seconds: that are measured, in whole seconds.
    """
    limit = ramp + seconds + _MARGIN_SECONDS
    port = ("--port", str(PORT))
    listens = ProcessPlan(
        _SERVER,
        server,
        ("iperf3", "--server", "--one-off", "--forceflush", "--bind", addresses[server], *port),
        events=False,
        start_seconds=_START_SECONDS,
        limit_seconds=_START_SECONDS + limit,
    )
    asks = ProcessPlan(
        CLIENT,
        client,
        ("iperf3", "--client", addresses[server], "--bind", addresses[client], *port, "--json",
         "--omit", f"{ramp:.0f}", "--time", f"{seconds:.0f}", *WAYS[way]),
        after=(After(_SERVER, "printed", "listening"),),
        events=False,
        start_seconds=_START_SECONDS,
        limit_seconds=limit,
    )  # fmt: skip
    return listens, asks


def parse_report(printed: bytes) -> dict[str, Any]:
    """A client's report, out of what it printed.

    Raises:
        RunError: it says why it failed, or is no report.
    """
    text = printed.decode(errors="replace")
    try:
        report = json.loads(text)
    except ValueError:
        output = text.strip() or "it printed nothing"
        raise RunError(f"iperf3 has left no report: {output}") from None
    if not isinstance(report, dict) or "end" not in report or "error" in report:
        why = report.get("error") if isinstance(report, dict) else None
        raise RunError(f"iperf3 failed: {why or 'no figures in its report'}")
    return report
