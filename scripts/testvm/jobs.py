"""What is tried in the virtual machine: scripts, run in the project's directory, by root."""

from __future__ import annotations

from dataclasses import dataclass

# Without hardware support the guest is many times slower, and its one CPU is everybody's.
_SLOW = "export DMLBED_TEST_STRETCH=6 DMLBED_TEST_RATE_DIVISOR={divisor} PYTHONDONTWRITEBYTECODE=1"
# What is skipped has not been tried.
_PYTEST = """\
{before}.venv/bin/python -m pytest -q -p no:cacheprovider -rA {tests} | tee /tmp/said
status=${{PIPESTATUS[0]}}
if grep -q ' skipped' /tmp/said; then exit 1; fi
exit "$status"
"""


@dataclass(frozen=True)
class Job:
    """A thing that is tried.

    Attributes:
        name: of its files.
        what: for people.
        script: of bash; its exit status says how it went.
    """

    name: str
    what: str
    script: str


# What runs inside a testbed's box is chosen from one by one.
_BOX = """\
.venv/bin/python -c 'import sys; from orchestrator.emulation.box.box import run_in_box as run; \
sys.exit(run(sys.argv[1:]))' """


def _tests(
    name: str, what: str, tests: str, *, divisor: int = 1, more: str = "", before: str = ""
) -> Job:
    settings = f"{_SLOW.format(divisor=divisor)} {more}"
    return Job(name, what, f"{settings}\n{_PYTEST.format(tests=tests, before=before)}")


_DOCTOR = """\
.venv/bin/dmlbed doctor
.venv/bin/dmlbed doctor --json >/tmp/doctor.json
exec .venv/bin/python - <<'END'
import json
found = json.load(open("/tmp/doctor.json"))
needs = ("run", "openflow", "delay", "caps", "bench")
missing = [row["what"] for row in found["checks"] if row["need"] in needs and not row["met"]]
assert not missing, missing
assert found["machine"]["cgroups"].startswith("v2"), found["machine"]["cgroups"]
END
"""

# A figure of such a machine means nothing, hence --force and exit status 5.
_EXPERIMENT = """\
sed -e 's/^  worker0: .*/  worker0: {role: worker, cpuset: [0]}/' \\
  topologies/ps-10g-1g-3workers.yaml >/tmp/topology.yaml
cat >/tmp/tiny.yaml <<'END'
name: tiny
topology: topology.yaml
models: [squeezenet]
schedules: [switch-priority]
iterations: 1
warm_up: 1
cool_down: 0
repeats: 1
retries: 0
END
.venv/bin/dmlbed run /tmp/tiny.yaml --switch auto --scale 64,0.5 --force --out /tmp/results
status=$?
[ $status = 0 ] || [ $status = 5 ] || exit $status
exec env DMLBED_TEST_OPENVSWITCH=ovs-kernel .venv/bin/python - <<'END'
import json
import pathlib
from tests.system.test_openvswitch import assert_bytes_agree
(run,) = pathlib.Path("/tmp/results/tiny").glob("*/")
kind = json.loads((run / "run.json").read_text())["switch"]["kind"]
assert kind == "ovs-kernel", kind
(trial,) = (run / "trials").iterdir()
assert json.loads((trial / "trial.json").read_text())["outcome"] == "finished"
network = json.loads((trial / "network.json").read_text())
caps = network["caps"]["worker0"]
assert caps["enforced"]["cpuset"] == [0] and caps["cpuset_by"] == "affinity", caps
flows = [flow for flow in network["flows"] if flow["switch"] == "switch0"]
ruled = sum(flow["bytes"] for flow in flows if flow["flow"].startswith("pull of "))
(trunk,) = [port for port in network["ports"] if port["port"] == "switch0->switch1"]
print("bytes of rules and of the port:", ruled, trunk["bytes"])
assert_bytes_agree(ruled, trunk["classes"])
END
"""

_DELAY = _tests("netem", "round trips under netem", "tests/system/test_delay.py", divisor=5)
_CAPS = _tests(
    "caps",
    "half a core, 256 MiB, a cpuset (by affinity)",
    "tests/system/test_caps.py -k 'half_a_core'",
    divisor=16,
)
_RULES = _tests(
    "rules",
    "ovs-kernel: rules, classes, overload",
    "tests/system/inside_openvswitch.py"
    " -k 'workers_reach or every_rule or switches_count or overloaded or urgent'",
    divisor=20,
    more="DMLBED_TEST_OPENVSWITCH=ovs-kernel",
    before=_BOX,
)
_KILLED = _tests(
    "killed",
    "kill -9 leaves nothing behind",
    "tests/system/inside_killed.py -k 'test_kill'",
    divisor=16,
    more="DMLBED_KILLS=1",
    before="unshare --net --mount --pid --ipc --fork --kill-child --mount-proc -- ",
)

# What only delays show. The times are long enough for the one emulated CPU to matter little.
_WAN = """\
cat >/tmp/wan-topology.yaml <<'END'
name: wan
defaults:
  link: {rate: 1 Gbps}
  worker: {device: published-worker-6-cores-2GHz}
hosts:
  ps: {role: ps}
  worker: {role: worker, count: 3}
switches: [switch0, switch1]
links:
  - {endpoints: [ps, switch0], rate: 10 Gbps}
  - {endpoints: [switch0, switch1], delay: 25ms}
  - {endpoints: [switch1, worker]}
END
cat >/tmp/wan.yaml <<'END'
name: wan
topology: wan-topology.yaml
models: [resnet50]
schedules: [none, switch-priority, p3]
iterations: 3
repeats: 1
retries: 0
END
.venv/bin/dmlbed bound /tmp/wan.yaml
.venv/bin/dmlbed run /tmp/wan.yaml --switch linux-bridge --scale 64,1 --force --out /tmp/results
status=$?
[ $status = 0 ] || [ $status = 5 ] || exit $status
"""

_COLLECTIVES = """\
.venv/bin/dmlbed run experiments/tensor-collectives.yaml --iterations 2 --repeats 1 \
  --scale 512,8 --force --out /tmp/results
status=$?
[ $status = 0 ] || [ $status = 5 ] || exit $status
"""

FIGURES = {
    "wan": (Job("wan", "a trunk of 25 ms: bound and run", _WAN),),
    "collectives": (Job("collectives", "tensor collectives, 1 ms a link", _COLLECTIVES),),
}
"""Experiments that need netem; what they print is for people to read."""

GUESTS = {
    "first": (_RULES, _KILLED),
    "second": (
        Job("doctor", "doctor: nothing is missing; cgroup v2", _DOCTOR),
        _DELAY,
        _CAPS,
        Job("experiment", "an experiment under --switch auto; ovs-kernel's counters", _EXPERIMENT),
    ),
}
"""The jobs of each virtual machine; both run at the same time."""
