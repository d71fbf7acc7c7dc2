"""A running testbed: the network, an SSH server in every host, and the schedule at its ports.

Only to be used inside a box, which also takes it away: nothing here has to be undone.
"""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from orchestrator.emulation.addresses import HostAddresses, port_devices
from orchestrator.emulation.capped import CappedHosts
from orchestrator.emulation.caps import host_caps, this_machine
from orchestrator.emulation.classes import port_shapes, schedule_plan
from orchestrator.emulation.counters import (
    Counters,
    link_bytes,
    queue_counts,
    retransmitted_segments,
    send_drops,
)
from orchestrator.emulation.fabric import Controller, make_fabric
from orchestrator.emulation.network import LEAST_TIMER_MS, MOST_TIMER_MS, Network
from orchestrator.emulation.readback import differences
from orchestrator.emulation.run_groups import NO_GROUPS, RunGroups
from orchestrator.emulation.runner import Runner, SubprocessRunner
from orchestrator.emulation.shaping import PortShape
from orchestrator.emulation.sshd import (
    PRIVILEGE_SEPARATION_DIRECTORY,
    TestbedKeys,
    make_keys,
    private_accounts,
    sshd_argv,
    sshd_config,
)
from orchestrator.errors import RunError
from orchestrator.records.network import LossRecord
from orchestrator.spec import LINUX_BRIDGE, Experiment, Scale, SshAccess, queueing_seconds
from workloads.schedule.library import Schedule

RUN_DIRECTORY = Path("/run/dmlbed")
SSHD_SECONDS = 10.0


class Testbed:
    """The testbed of an experiment; a context manager.

    Attributes:
        switch_kind: `linux-bridge`, `ovs-kernel` or `ovs-user`.
        addresses: of every host, by name.
        hosts: under their caps; all that runs on a host is in its cgroup.
        work_directory: on every host, where the workload's files may lie.

    Raises:
        RunError: the network or a server could not be brought up as asked.
    """

    __test__ = False  # not a test, whatever pytest thinks of its name

    def __init__(
        self,
        experiment: Experiment,
        switch_kind: str = LINUX_BRIDGE,
        controller: Controller | None = None,
        *,
        runner: Runner | None = None,
        directory: Path = RUN_DIRECTORY,
        groups: RunGroups | None = None,
    ) -> None:
        """Describe a testbed; `controller` programs its switches, if they can be programmed."""
        self._experiment = experiment
        self._runner = runner or SubprocessRunner()
        self._controller = controller
        self._fabric = make_fabric(switch_kind, self._runner, directory / "ovs", controller)
        self._directory = directory
        self._groups = groups or NO_GROUPS
        self._timer_ms = LEAST_TIMER_MS
        self._shapes: dict[str, PortShape] = {}
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self.switch_kind = switch_kind
        self.work_directory = str(directory / "work")

    def __enter__(self) -> Testbed:
        topology = self._experiment.topology
        self._directory.mkdir(parents=True)
        if self._controller is not None:
            # It takes a second to start: meanwhile the network is built.
            self._controller.start()
        self._fabric.start()
        self._network = Network(
            topology, self._experiment.congestion_control, self._runner, self._fabric
        )
        self.addresses: dict[str, HostAddresses] = self._network.addresses
        self._set_routes()
        self._cap_hosts()
        self._start_servers()
        if self._controller is not None:
            self._controller.wait()
        self._network.check_paths()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers.values():
            server.terminate()
        for server in self._servers.values():
            server.wait()
        if self._controller is not None:
            self._controller.close()
        self._fabric.close()

    def description(self) -> str:
        """One line: what was built."""
        topology = self._experiment.topology
        return (
            f"{len(topology.hosts)} hosts, {len(topology.switches)} switches "
            f"({self.switch_kind}), {len(topology.links)} links, {self._experiment.scale}, "
            f"{self._experiment.congestion_control}"
        )

    def accesses(self) -> dict[str, SshAccess]:
        """How to reach every host over SSH, on the management network."""
        return {
            name: self._keys.access(name, address.management)
            for name, address in self.addresses.items()
        }

    def set_scale(self, scale: Scale) -> None:
        """Let the next `set_schedule` shape the ports at another scale."""
        self._experiment = self._experiment.with_scale(scale)
        self._set_routes()

    def _set_routes(self) -> None:
        """Let TCP wait for what stands in slow queues."""
        experiment = self._experiment
        longest = queueing_seconds(experiment.topology, experiment.socket_buffers, experiment.scale)
        timer_ms = min(MOST_TIMER_MS, max(LEAST_TIMER_MS, math.ceil(1000 * longest)))
        if timer_ms != self._timer_ms:
            self._network.set_routes(timer_ms)
            self._timer_ms = timer_ms

    def set_schedule(self, schedule: Schedule) -> tuple[PortShape, ...]:
        """Shape every port as the schedule asks; ports that stay the same are not touched.

        Under a controller no port changes between schedules of which a worker has one flow: the
        switches get other rules, without a gap and without the loss of a packet, in the middle of
        traffic too.

        Raises:
            RunError: the kernel or a switch refused something, or kept something else.
        """
        shapes = port_shapes(
            self._experiment.topology,
            self._experiment.scale,
            schedule,
            by_dscp=self._fabric.by_dscp,
        )
        for shape in shapes:
            before = self._shapes.get(shape.port)
            if before == shape:
                continue
            namespace = self._namespace(shape)
            if before is not None:
                self._runner(before.clear(), namespace=namespace)
            for command in shape.commands():
                self._runner(command, namespace=namespace)
            self._shapes[shape.port] = shape
        if self._controller is not None:
            self._controller.push(schedule_plan(self._experiment.topology, schedule))
        differ = self._port_differences()
        if differ:
            raise RunError("the kernel kept something else than was asked: " + "; ".join(differ))
        return shapes

    def differences(self) -> list[str]:
        """Where ports and switches now differ from what was asked."""
        said = self._port_differences()
        if self._controller is not None and (flows := self._flows()):
            said += self._controller.differences(flows)
        return said

    def _port_differences(self) -> list[str]:
        """Where the kernel's shaping of the ports now differs from what was asked."""
        said = []
        for shape in self._shapes.values():
            device, namespace = shape.device, self._namespace(shape)
            said += differences(
                shape,
                self._runner(["tc", "-d", "class", "show", "dev", device], namespace=namespace),
                self._runner(["tc", "-j", "qdisc", "show", "dev", device], namespace=namespace),
                {
                    handle: self._runner(
                        ["tc", "filter", "show", "dev", device, "parent", handle],
                        namespace=namespace,
                    )
                    for handle in (f"{tier + 1}:" for tier in range(len(shape.tiers())))
                },
                self._runner(
                    ["ip", "-d", "-j", "link", "show", "dev", device], namespace=namespace
                ),
            )
        return said

    def counters(self) -> Counters:
        """Read all counters now.

        Raises:
            RunError: a host is gone, or a counter cannot be read.
        """
        self._network.check_hosts()
        queues = {
            shape.port: queue_counts(
                shape,
                self._runner(
                    ["tc", "-j", "-s", "qdisc", "show", "dev", shape.device],
                    namespace=self._namespace(shape),
                ),
            )
            for shape in self._shapes.values()
        }
        links_text = self._runner(["ip", "-j", "-s", "link", "show"])
        links, drops = link_bytes(links_text), send_drops(links_text)
        return Counters(
            queues=queues,
            management_bytes={
                name: links[address.management_port] for name, address in self.addresses.items()
            },
            retransmits={
                name: retransmitted_segments(
                    Path(f"/proc/{self._network.pid(name)}/net/snmp").read_text()
                )
                for name in self.addresses
            },
            # A device that has gone with its switch has counted nothing any more.
            input_drops={
                port: drops.get(device, 0) for port, device in self._input_devices().items()
            },
            switch_seconds=sum(self.switch_threads().values()),
            flows=self._flows(),
            openflow_ports=self._openflow_ports(),
        )

    def switch_threads(self) -> Mapping[int, float]:
        """Processor seconds of each thread of the switches' own processes; empty for bridges."""
        return self._fabric.thread_seconds()

    def losses(self, since_ns: int) -> tuple[LossRecord, ...]:
        """What was lost since then (monotonic clock): the controller, or a switch's way to it."""
        if self._controller is None:
            return ()
        losses = map(LossRecord.model_validate, self._controller.losses())
        return tuple(loss for loss in losses if loss.t_ns >= since_ns)

    def _flows(self) -> list[dict[str, Any]]:
        """The switches' rules with their counters; empty if nobody can tell them."""
        if self._controller is None:
            return []
        try:
            # Without its database ovs-vswitchd answers nobody: do not even ask.
            self._fabric.check()
            self._fabric.settle()
            return self._controller.flows()
        except RunError:
            # What is gone is noted elsewhere; without the controller the switches go on.
            return []

    def _openflow_ports(self) -> list[dict[str, Any]]:
        """The switches' own counters of their ports; empty if nobody can tell them."""
        if self._controller is None:
            return []
        try:
            self._fabric.check()
            return self._controller.ports()
        except RunError:
            return []

    def _input_devices(self) -> dict[str, str]:
        """Per port the device at which what it has sent waits to be switched."""
        inputs = self._fabric.input_devices()
        return {
            f"{node}->{peer}": inputs[devices]
            for (peer, node), devices in port_devices(self._experiment.topology).items()
            if devices in inputs
        }

    def check(self) -> None:
        """See that everything that was started still runs.

        Raises:
            RunError: something does not; names it.
        """
        self._network.check_hosts()
        self._fabric.check()
        if self._controller is not None:
            self._controller.check()
        for name, server in self._servers.items():
            if server.poll() is not None:
                raise RunError(
                    f"the SSH server of host {name} is gone (exit status {server.returncode})"
                )

    def _namespace(self, shape: PortShape) -> int | None:
        return self._network.namespace(shape.port.partition("->")[0])

    def _cap_hosts(self) -> None:
        """Caps for every host, whose shell comes under them first: what it starts inherits them."""
        experiment = self._experiment
        # Without cgroups a testbed is asked for that is not capped: nothing is pinned either.
        room = this_machine(self._groups.missing, affinity=self._groups is not NO_GROUPS)
        caps = host_caps(experiment.topology, experiment.scale, room)
        self.hosts = CappedHosts(caps, room, self._groups)
        for name in self.addresses:
            self.hosts.add(name, self._network.pid(name))

    def _start_servers(self) -> None:
        """Keys, private accounts and one sshd per host; waits until all of them answer."""
        directory = self._directory / "ssh"
        directory.mkdir(mode=0o700)
        home = self._directory / "home"
        home.mkdir()
        Path(PRIVILEGE_SEPARATION_DIRECTORY).mkdir(mode=0o755, exist_ok=True)
        accounts = private_accounts(
            Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text(), str(home)
        )
        mounts = {}
        # An empty hosts.deny: the machine's own may refuse everybody.
        for name, text in (
            ("passwd", accounts.passwd),
            ("shadow", accounts.shadow),
            ("hosts.deny", ""),
        ):
            if Path("/etc", name).exists():
                mounts[name] = directory / name
                mounts[name].touch(mode=0o600 if name == "shadow" else 0o644)
                mounts[name].write_text(text)
        self._keys: TestbedKeys = make_keys(directory, self.addresses)
        for name, address in self.addresses.items():
            config = directory / f"sshd_config_{name}"
            config.write_text(
                sshd_config(
                    address=address.management,
                    host_key=self._keys.hosts[name].file,
                    authorized_keys=self._keys.authorized_keys,
                    pid_file=directory / f"{name}.pid",
                )
            )
            self._servers[name] = self._start_server(name, config, mounts)
            # Before it listens; mnexec joins a host's namespaces, not its cgroups.
            self.hosts.add(name, self._servers[name].pid)
        self._wait_until(self._all_listen, "the SSH servers of the hosts do not come up")

    def _start_server(
        self, name: str, config: Path, mounts: dict[str, Path]
    ) -> subprocess.Popen[bytes]:
        """Start a host's sshd in its namespaces, over account files of its own."""
        # mnexec joins the host's mount namespace, too, which Mininet made: a bind mount there is
        # the host's own.
        inside = ["mnexec", "-a", str(self._network.pid(name))]
        for target, source in mounts.items():
            self._runner([*inside, "mount", "--bind", str(source), f"/etc/{target}"])
        with (self._directory / f"sshd-{name}.log").open("wb") as log:
            return subprocess.Popen(
                [*inside, *sshd_argv(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _all_listen(self) -> bool:
        for name, server in self._servers.items():
            if server.poll() is not None:
                said = (self._directory / f"sshd-{name}.log").read_text().strip()
                raise RunError(f"the SSH server of host {name} did not start: {said}")
        return all((self._directory / "ssh" / f"{name}.pid").exists() for name in self._servers)

    @staticmethod
    def _wait_until(reached: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + SSHD_SECONDS
        while not reached():
            if time.monotonic() > deadline:
                raise RunError(f"{otherwise} within {SSHD_SECONDS:.0f} s")
            time.sleep(0.02)
