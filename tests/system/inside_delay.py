"""Runs inside the box that test_delay.py makes: what delays on links do to round trips."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from orchestrator.emulation.testbed import EmulatedTestbed
from orchestrator.session.testbed.opened import network_of
from orchestrator.spec import load_experiment
from tests.system.flows import in_host
from tests.system.limits import RATE_DIVISOR
from tests.system.undisturbed import until_shown
from workloads.schedule.library import get_schedule

# One way, in ms: over the first link, and from and to each worker.
LINK, NEAR, FAR_FORWARD, FAR_REVERSE = 10, 2, 15, 25
TOPOLOGY = f"""
name: delays
defaults:
  link: {{rate: 1 Gbps}}
  worker: {{device: published-worker-6-cores-2GHz}}
hosts:
  ps: {{role: ps}}
  worker0: {{role: worker}}
  worker1: {{role: worker}}
switches: [switch0]
links:
  - {{endpoints: [ps, switch0], delay: {LINK}ms}}
  - {{endpoints: [switch0, worker0], delay: {NEAR}ms}}
  - endpoints: [switch0, worker1]
    forward: {{delay: {FAR_FORWARD}ms}}
    reverse: {{delay: {FAR_REVERSE}ms}}
"""
PINGS = ("ping", "-q", "-c", "10", "-i", "0.2")


def least_round_trip_ms(testbed: EmulatedTestbed, source: str, target: str) -> float:
    """Of ten round trips the quickest: what the machine itself adds is in the others."""
    said = in_host(testbed, source, *PINGS, testbed.addresses[target])
    found = re.search(r"rtt min/avg/max/mdev = ([0-9.]+)/", said)
    assert found is not None, said
    return float(found[1])


def round_trip_missing(testbed: EmulatedTestbed, ends: tuple[str, str], expected: float) -> str:
    """What ten round trips have not shown."""
    measured = least_round_trip_ms(testbed, *ends)
    # It cannot be quicker, but for the granularity of the kernel's timers.
    assert measured >= expected - 0.5, ends
    return "" if measured <= expected + 2.0 else f"{ends}: {measured} ms, not {expected}"


def test_a_round_trip_takes_the_delays_of_its_links_each_way(tmp_path: Path) -> None:
    (tmp_path / "delays.yaml").write_text(TOPOLOGY)
    file = tmp_path / "experiment.yaml"
    file.write_text(
        "name: delays\ntopology: delays.yaml\nmodels: [squeezenet]\nschedules: [none]\n"
        f"scale: {{rates: {4 * RATE_DIVISOR}, time: 1}}\nswitch: linux-bridge\n"
    )
    with EmulatedTestbed(network_of(load_experiment(file))) as testbed:
        testbed.set_schedule(get_schedule("none"))
        assert testbed.differences() == []
        for worker, expected in (
            ("worker0", 2 * (LINK + NEAR)),
            ("worker1", 2 * LINK + FAR_FORWARD + FAR_REVERSE),
        ):
            for ends in (("ps", worker), (worker, "ps")):
                until_shown(partial(round_trip_missing, testbed, ends, expected))
