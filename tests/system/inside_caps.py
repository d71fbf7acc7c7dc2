"""Runs inside the box that test_caps.py makes: a testbed whose hosts are loaded over SSH.

Arguments: the experiment, the run's cgroups, and the file that the findings go into.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from orchestrator.deployment.host import RemoteHost, connect
from orchestrator.emulation.limits.run_groups import RunGroups
from orchestrator.emulation.testbed import EmulatedTestbed
from orchestrator.session.testbed.opened import network_of
from orchestrator.spec import load_experiment
from tests.system.limits import patience
from tests.system.undisturbed import until_shown

LOOP = "print('{}', flush=True)\nwhile True: pass"
GREEDY = "x = bytearray(1 << 30); print(len(x))"
SECONDS = 2.0  # some 200 periods of the quota


def cores_used(testbed: EmulatedTestbed, host: RemoteHost, loops: int) -> dict[str, float]:
    """How many cores a host's busy loops get, and in what share of periods the cap stopped them."""
    processes = [host.start([sys.executable, "-c", LOOP], directory="/") for _ in range(loops)]
    for process in processes:
        process.events.get(timeout=patience(20))
    # Around both looks: what lies between a look and the clock makes no share larger than it was.
    begin, before = time.monotonic(), testbed.hosts.usage()[host.name]
    time.sleep(SECONDS)
    after, end = testbed.hosts.usage()[host.name], time.monotonic()
    for process in processes:
        process.stop(0.1)
    assert before.cpu_seconds is not None
    assert after.cpu_seconds is not None
    throttled = after.throttled_periods - before.throttled_periods
    return {
        "cores": (after.cpu_seconds - before.cpu_seconds) / (end - begin),
        "throttled": throttled / (after.periods - before.periods),
    }


def capped(testbed: EmulatedTestbed, host: RemoteHost, loops: int) -> list[dict[str, float]]:
    """What `cores_used` found, until the cap has shown itself: others may leave it no need to.

    At 100 Hz it stops a loop in every second period: a kernel takes back whole ticks.
    """
    found: list[dict[str, float]] = []

    def attempt() -> str:
        found.append(cores_used(testbed, host, loops))
        return "" if found[-1]["throttled"] > 0.25 else str(found[-1])

    until_shown(attempt)
    return found


def main() -> None:
    experiment, groups, out = sys.argv[1:]
    network = network_of(load_experiment(Path(experiment)))
    with (
        EmulatedTestbed(network, groups=RunGroups.from_json(groups)) as testbed,
        connect(testbed.accesses()["worker0"], timeout=patience(15)) as half,
        connect(testbed.accesses()["worker1"], timeout=patience(15)) as small,
    ):
        greedy = small.run([sys.executable, "-c", GREEDY], timeout=patience(60))
        found = {
            "one_loop": capped(testbed, half, 1),
            "two_loops": capped(testbed, half, 2),
            "cpus": half.run(["nproc"], timeout=patience(20)).stdout.strip(),
            "group": half.run(["cat", "/proc/self/cgroup"], timeout=patience(20)).stdout,
            "greedy_status": greedy.status,
            "greedy_oom_kills": testbed.hosts.usage()["worker1"].oom_kills,
            "other_oom_kills": testbed.hosts.usage()["worker0"].oom_kills,
            "why_not": [line for cap in testbed.hosts.caps for line in cap.why_not],
        }
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
