"""Open vSwitch in the box: its own database and switch processes, bridges, and their watch."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.emulation.runner import Runner
from orchestrator.emulation.switches.openvswitch_commands import (
    OvsBridge,
    list_interfaces,
    tap_name,
)
from orchestrator.errors import MachineError, RunError
from orchestrator.spec import OVS_USER

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
START_SECONDS = 10.0
_POLL_SECONDS = 0.01
# How often counters go from the datapath to the rules, at least; 500 without this.
REVALIDATE_MS = 100


class OvsProcesses:
    """ovsdb-server and ovs-vswitchd as children, with all their files in one directory."""

    def __init__(self, runner: Runner, directory: Path) -> None:
        self._runner = runner
        self._directory = directory
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.database = directory / "db.sock"

    def start(self) -> None:
        """Start both and wait for the database.

        Raises:
            MachineError: the programs are not there.
            RunError: one of them ends at once, or does not come up.
        """
        self._directory.mkdir(parents=True)
        file = self._directory / "conf.db"
        self._runner(["ovsdb-tool", "create", str(file), SCHEMA])
        self._run("ovsdb-server", str(file), f"--remote=punix:{self.database}")
        deadline = time.monotonic() + START_SECONDS
        while not self.database.exists():
            self.check()
            if time.monotonic() > deadline:
                raise RunError(f"ovsdb-server does not come up within {START_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        self._runner(
            ["ovs-vsctl", f"--db=unix:{self.database}", "--no-wait", "init",
             "--", "set", "Open_vSwitch", ".", f"other_config:max-revalidator={REVALIDATE_MS}"]
        )  # fmt: skip
        self._run("ovs-vswitchd", f"unix:{self.database}")

    def check(self) -> None:
        """See that both still run.

        Raises:
            RunError: one does not; says which, and how it ended.
        """
        for name, process in self._processes.items():
            status = process.poll()
            if status is not None:
                how = (
                    f"killed by signal {signal.Signals(-status).name}"
                    if status < 0
                    else f"exit status {status}: {self._last_words(name)}"
                )
                raise RunError(f"{name} of the testbed is gone ({how})")

    def settle(self) -> None:
        """Wait until all that the datapath has counted so far is in the rules' counters.

        A round that is under way may have passed some already, so two are waited for. Nothing is
        to be waited for when ovs-vswitchd is gone.
        """
        process = self._processes["ovs-vswitchd"]
        for _ in range(2):
            if process.poll() is None:
                control = self._directory / f"ovs-vswitchd.{process.pid}.ctl"
                with contextlib.suppress(RunError):
                    self._runner(["ovs-appctl", "-T", "2", "-t", str(control), "revalidator/wait"])

    def thread_seconds(self) -> dict[int, float]:
        """What each thread of ovs-vswitchd has used of the processor; empty once it is gone."""
        seconds = {}
        tasks = Path(f"/proc/{self._processes['ovs-vswitchd'].pid}/task")
        # Threads come and go while this looks.
        with contextlib.suppress(OSError):
            for task in tasks.iterdir():
                with contextlib.suppress(OSError):
                    seconds[int(task.name)] = _processor_seconds((task / "stat").read_text())
        return seconds

    def close(self) -> None:
        """End both, the switch first."""
        for process in reversed(self._processes.values()):
            process.kill()
            process.wait()

    def _run(self, program: str, *arguments: str) -> None:
        places = ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR")
        environment = {**os.environ, **dict.fromkeys(places, str(self._directory))}
        with (self._directory / f"{program}.log").open("wb") as log:
            try:
                self._processes[program] = subprocess.Popen(
                    [program, *arguments],
                    cwd=self._directory, env=environment,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
            except FileNotFoundError as error:
                raise MachineError(f"program {program} is missing", "run make setup") from error

    def _last_words(self, program: str) -> str:
        lines = (self._directory / f"{program}.log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it printed nothing"


def _processor_seconds(stat: str) -> float:
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class OpenVSwitches:
    """Open vSwitch bridges under a controller, on either datapath; see `fabric.Fabric`."""

    by_dscp = True

    def __init__(self, kind: str, runner: Runner, directory: Path, controller: str) -> None:
        """Args: `kind` of the two, a new `directory` to live in, the `controller`'s address."""
        self.kind = kind
        self._runner = runner
        self._controller = controller
        self._processes = OvsProcesses(runner, directory)
        self._bridges: list[OvsBridge] = []

    def start(self) -> None:
        """Start the processes."""
        self._processes.start()

    def build(self, switch: str, number: int, devices: Sequence[str]) -> None:
        """Make one switch out of the devices that are its ports, and see that they are.

        Raises:
            RunError: Open vSwitch refused something or kept something else.
        """
        bridge = OvsBridge(
            switch, number, tuple(devices), self.kind == OVS_USER, self._controller
        )  # fmt: skip
        database = self._processes.database
        self._runner(bridge.make(database))
        if differ := bridge.differences(self._runner(list_interfaces(database))):
            raise RunError(f"Open vSwitch kept something else: {'; '.join(differ)}")
        for command in bridge.join():
            self._runner(command)
        self._bridges.append(bridge)

    def input_devices(self) -> Mapping[str, str]:
        """Per port's device the one whose send drops are packets lost on the way in."""
        return {
            device: tap_name(device)
            for bridge in self._bridges
            if bridge.userspace
            for device in bridge.devices
        }

    def settle(self) -> None:
        """Wait until all packets so far are in the counters of the rules."""
        self._processes.settle()

    def thread_seconds(self) -> Mapping[int, float]:
        """What each thread of the switches' process has used of the processor."""
        return self._processes.thread_seconds()

    def check(self) -> None:
        """See that the processes still run.

        Raises:
            RunError: one does not; names it.
        """
        self._processes.check()

    def close(self) -> None:
        """End the processes."""
        self._processes.close()
