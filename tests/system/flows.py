"""Bulk TCP flows between the hosts of a testbed, and how fast each was.

What others take of the machine never makes a flow faster, but it can stop a sender, and then those
that wait for it go ahead. So what rates show of a network, they show between two disturbances, for
`WINDOW` seconds on end: see `rates_show`.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.emulation.limits.awake import Awake, cpus_to_keep_awake
from orchestrator.emulation.testbed import EmulatedTestbed
from tests.system.limits import patience
from tests.system.undisturbed import until_shown

WINDOW = 0.4
"""Seconds; some 3,000 packets at 100 Mbit/s."""
STEP = 0.05
"""Between the begins of windows that are looked at."""
TOO_FAST = 1.03
"""Times a link's goodput: a few milliseconds' worth waits in sockets and queues, and comes late."""

_BULK = Path(__file__).with_name("bulk.py")


@dataclass(frozen=True)
class Flow:
    """From one host to another, from the common start for `seconds`, marked by the host."""

    source: str
    target: str
    seconds: float
    dscp: int = 0


@dataclass(frozen=True)
class Trace:
    """What a flow's receiver saw.

    Attributes:
        start_ns: the common start of all flows.
        samples: (monotonic ns, payload bytes so far).
        congestion_control: what the sender's socket got without asking.
    """

    start_ns: int
    samples: Sequence[tuple[int, int]]
    congestion_control: str

    def rate_bps(self, begin: float, end: float) -> float:
        """Payload per second between two times (seconds after the start), in bit/s."""
        return (self._bytes_at(end) - self._bytes_at(begin)) * 8 / (end - begin)

    def _bytes_at(self, seconds: float) -> float:
        at = self.start_ns + seconds * 1e9
        if at >= self.samples[-1][0]:
            return self.samples[-1][1]  # the sender had ended before
        after = bisect_left(self.samples, (at, 0))
        (t0, b0), (t1, b1) = self.samples[after - 1 : after + 1]
        return b0 + (b1 - b0) * (at - t0) / (t1 - t0)


@dataclass(frozen=True)
class Phase:
    """What the rates of flows are to show in a window between two times.

    Attributes:
        begin: seconds after the start of the flows.
        end: the same.
        shown: by the rates of all flows, in bit/s.
    """

    begin: float
    end: float
    shown: Callable[[Sequence[float]], bool]

    def windows(self, traces: Sequence[Trace]) -> list[list[float]]:
        """The rates of all flows in every window."""
        count = int((self.end - self.begin - WINDOW) / STEP + 1e-6) + 1
        begins = [self.begin + STEP * number for number in range(count)]
        return [[trace.rate_bps(at, at + WINDOW) for trace in traces] for at in begins]


def rates_show(
    testbed: EmulatedTestbed,
    flows: Sequence[Flow],
    buffer_bytes: int,
    most_bps: float,
    *phases: Phase,
) -> list[list[Trace]]:
    """Run flows until their rates show everything in one attempt, each phase in one of its windows.

    Args:
        buffer_bytes: of every socket.
        most_bps: the goodput of the slowest link of each of them: no attempt may be faster.

    Returns:
        The traces of all attempts.
    """
    attempts: list[list[Trace]] = []

    def attempt() -> str:
        traces = run_flows(testbed, flows, buffer_bytes)
        attempts.append(traces)
        for flow, trace in zip(flows, traces, strict=True):
            begin = phases[0].begin
            rate = trace.rate_bps(begin, flow.seconds)
            assert rate <= TOO_FAST * most_bps, f"{flow}: {rate / 1e6:.2f} Mbit/s"
        missed = []
        for phase in phases:
            windows = phase.windows(traces)
            if not any(map(phase.shown, windows)):
                best = max(windows, key=lambda rates: max(rates, default=0.0))
                rates = ", ".join(f"{rate / 1e6:.2f}" for rate in best)
                missed.append(f"from {phase.begin} to {phase.end} s at best {rates} Mbit/s")
        return "; ".join(missed)

    until_shown(attempt)
    return attempts


def host_pid(testbed: EmulatedTestbed, host: str) -> int:
    """The process in whose namespaces a host's programs run."""
    return testbed.network.pid(host)


def in_host(testbed: EmulatedTestbed, host: str, *argv: str) -> str:
    """Run a command in a host; its standard output."""
    return subprocess.run(
        ["mnexec", "-a", str(host_pid(testbed, host)), *argv],
        check=True,
        capture_output=True,
        text=True,
        timeout=patience(20),
    ).stdout


def run_flows(testbed: EmulatedTestbed, flows: Sequence[Flow], buffer_bytes: int) -> list[Trace]:
    """Run flows at the same time, each over its own connection.

    Args:
        buffer_bytes: of every socket, so that the kernel does not grow windows as it likes.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(Awake(cpus_to_keep_awake(testbed.switch_kind)))
        ends = []
        for flow in flows:
            to = (str(buffer_bytes), testbed.addresses[flow.target])
            receiver = stack.enter_context(_end(testbed, flow.target, "receive", *to))
            arguments = ("send", *to, _line(receiver), str(flow.dscp))
            sender = stack.enter_context(_end(testbed, flow.source, *arguments))
            ends.append((flow, receiver, sender, _line(sender)))
        start = time.monotonic_ns() + 100_000_000
        last = start + round(max(flow.seconds for flow in flows) * 1e9)
        for flow, receiver, sender, _ in ends:
            _tell(receiver, start, last)
            _tell(sender, start, start + round(flow.seconds * 1e9))
        return [
            Trace(start, [(t, n) for t, n in json.loads(_line(receiver))], algorithm)
            for _, receiver, _, algorithm in ends
        ]


@contextlib.contextmanager
def _end(testbed: EmulatedTestbed, host: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    inside = ["mnexec", "-a", str(host_pid(testbed, host))]
    process = subprocess.Popen(
        [*inside, sys.executable, "-I", "-S", str(_BULK), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _tell(process: subprocess.Popen[str], start: int, until: int) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{start} {until}\n")
    process.stdin.flush()
