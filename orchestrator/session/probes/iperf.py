"""iperf3 between two hosts of a testbed, over SSH, on their data addresses.

Routes, windows and congestion control are the testbed's; buffers are those that iperf3 takes by
itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from orchestrator.deployment import RemoteHost, RemoteProcess
from orchestrator.errors import RunError

PORT = 5201
WAYS: Mapping[str, tuple[str, ...]] = {"push": (), "pull": ("--reverse",), "both": ("--bidir",)}
"""By name, what iperf3's client is told: to the parameter server, from it, both at once."""
_START_SECONDS = 10.0
_MARGIN_SECONDS = 20.0


def server_argv(address: str) -> list[str]:
    """Arguments of a server that ends after one client."""
    return ["iperf3", "--server", "--one-off", "--forceflush",
            "--bind", address, "--port", str(PORT)]  # fmt: skip


def client_argv(server: str, own: str, way: str, ramp: float, seconds: float) -> list[str]:
    """Arguments of the client; it prints its report as JSON.

    Args:
        server: the server's address.
        own: the client's.
        way: one of `WAYS`.
        ramp: seconds left out at the beginning, in whole seconds.
        seconds: that are measured, in whole seconds.
    """
    return ["iperf3", "--client", server, "--bind", own, "--port", str(PORT), "--json",
            "--omit", f"{ramp:.0f}", "--time", f"{seconds:.0f}", *WAYS[way]]  # fmt: skip


def run_iperf(
    hosts: tuple[RemoteHost, RemoteHost],
    addresses: tuple[str, str],
    way: str,
    ramp: float,
    seconds: float,
) -> dict[str, Any]:
    """Run iperf3 once; its report.

    Args:
        hosts: the server's and the client's.
        addresses: their data addresses.
        way: one of `WAYS`.
        ramp: see `client_argv`.
        seconds: see `client_argv`.

    Raises:
        RunError: it failed.
    """
    server = hosts[0].start(server_argv(addresses[0]), directory="/")
    try:
        _wait_until_listening(server)
        argv = client_argv(*addresses, way, ramp, seconds)
        done = hosts[1].run(argv, timeout=ramp + seconds + _MARGIN_SECONDS)
    finally:
        server.stop()
    return parse_report(done.stdout, done.stderr)


def parse_report(text: str, errors: str) -> dict[str, Any]:
    """A client's report, out of what it printed.

    Raises:
        RunError: it says why it failed, or is no report.
    """
    try:
        report = json.loads(text)
    except ValueError:
        said = (errors or text).strip() or "it printed nothing"
        raise RunError(f"iperf3 has left no report: {said}") from None
    if not isinstance(report, dict) or "end" not in report or "error" in report:
        why = report.get("error") if isinstance(report, dict) else None
        raise RunError(f"iperf3 failed: {why or 'no figures in its report'}")
    return report


def _wait_until_listening(server: RemoteProcess) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not any("listening" in line for line in server.tail()):
        if server.ended or time.monotonic() > deadline:
            said = "; ".join(server.tail()) or "it printed nothing"
            raise RunError(f"{server.name}: iperf3 does not listen: {said}")
        time.sleep(0.02)
