"""An emulated testbed: a network, an SSH server in every host, and a schedule at its ports.

Only to be used inside a box, which also takes it away: nothing here has to be undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from orchestrator.emulation.limits.capped import CapsMeter, cap_hosts
from orchestrator.emulation.limits.run_groups import NO_GROUPS, RunGroups
from orchestrator.emulation.network.addresses import (
    counting_devices,
    data_addresses,
    data_devices,
)
from orchestrator.emulation.network.counter_reader import CounterReader
from orchestrator.emulation.network.description import NetworkDescription
from orchestrator.emulation.network.network import Network
from orchestrator.emulation.network.port_classes import port_shapes, schedule_plan
from orchestrator.emulation.network.strays import Strays
from orchestrator.emulation.ports.counters import Counters
from orchestrator.emulation.ports.link_sampler import LinkSampler
from orchestrator.emulation.ports.readable_ports import ShapedPorts
from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.emulation.runner import Runner, SubprocessRunner
from orchestrator.emulation.ssh.servers import SshServers
from orchestrator.emulation.switches.fabric import Controller, make_fabric
from orchestrator.emulation.switches.switch_rules import SwitchRules
from orchestrator.errors import RunError
from orchestrator.records.network import LossRecord
from orchestrator.spec import LINUX_BRIDGE, Demands, Scale, SshAccess
from workloads.schedule.schedule import Schedule

RUN_DIRECTORY = Path("/run/dmlbed")


class EmulatedTestbed:
    """A network as it is described; a context manager.

    Attributes:
        switch_kind: `linux-bridge`, `ovs-kernel` or `ovs-user`.
        addresses: of every host on the data network, by name.
        interfaces: every host's device there.
        work_directory: on every host, where the workload's files may lie.
        network: its hosts and links.
        ports: what they were asked for.
        strays: what programs leave on hosts.
        hosts: under their caps; all that runs on a host is in its cgroup.

    Raises:
        RunError: the network or a server could not be brought up as asked.
    """

    def __init__(
        self,
        described: NetworkDescription,
        switch_kind: str = LINUX_BRIDGE,
        controller: Controller | None = None,
        *,
        runner: Runner | None = None,
        directory: Path = RUN_DIRECTORY,
        groups: RunGroups | None = None,
    ) -> None:
        """Describe a testbed; `controller` programs its switches, if they can be programmed."""
        self._described = described
        self._runner = runner or SubprocessRunner()
        self._fabric = make_fabric(switch_kind, self._runner, directory / "ovs", controller)
        self._rules = SwitchRules(self._fabric, controller)
        self._directory = directory
        self._groups = groups or NO_GROUPS
        self.switch_kind = switch_kind
        self.addresses: Mapping[str, str] = data_addresses(described.topology)
        self.interfaces: Mapping[str, str] = data_devices(described.topology)
        self.work_directory = str(directory / "work")

    def __enter__(self) -> EmulatedTestbed:
        described = self._described
        self._directory.mkdir(parents=True)
        # The controller takes a second to start: meanwhile the network is built.
        self._rules.start()
        self._fabric.start()
        self.network = network = Network(described, self._runner, self._fabric)
        self.ports = ShapedPorts(self._runner, network.namespace)
        self._reader = CounterReader(
            network, self.ports, self._fabric, self._rules, runner=self._runner
        )
        # Shells come under the caps first: what they start inherits them.
        pids = {name: network.pid(name) for name in self.addresses}
        self.hosts = cap_hosts(described.topology, described.scale, self._groups, pids)
        self._servers = SshServers(
            self._directory,
            {name: address.management for name, address in network.addresses.items()},
            self.addresses,
            self._runner,
        )
        # mnexec joins a host's namespaces, not its cgroups.
        self._servers.start(network.pid, started=self.hosts.add)
        self.strays = Strays(pids)
        self._rules.wait()
        network.check_paths()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._servers.stop()
        self._rules.close()
        self._fabric.close()

    def description(self) -> str:
        """One line: what was built."""
        described, topology = self._described, self._described.topology
        return (
            f"{len(topology.hosts)} hosts, {len(topology.switches)} switches "
            f"({self.switch_kind}), {len(topology.links)} links, {described.scale}, "
            f"{described.congestion_control}"
        )

    def accesses(self) -> Mapping[str, SshAccess]:
        """How to reach every host over SSH, on the management network."""
        return self._servers.accesses()

    def set_scale(self, scale: Scale) -> None:
        """Let the next `set_schedule` shape the ports at another scale."""
        self._described = self._described.with_scale(scale)
        self.network.set_routes(self._described.timer_ms)

    def set_schedule(
        self, schedule: Schedule, demands: Demands | None = None, *, counted: bool = False
    ) -> tuple[PortShape, ...]:
        """Shape every port as the schedule asks; ports that stay the same are not touched.

        Args:
            schedule: that decides.
            demands: of its exchange; None: the first ones that the network was described with.
            counted: whether hosts count apart what they send to each destination.

        Under a controller no port changes between schedules of one exchange of which a worker has
        one flow: the switches get other rules, without a gap and without the loss of a packet, in
        the middle of traffic too.

        Raises:
            RunError: the kernel or a switch refused something, or kept something else.
        """
        demands, scale = demands or self._described.networks[0], self._described.scale
        shapes = port_shapes(
            demands, scale, schedule, by_dscp=self._fabric.by_dscp, counted=counted
        )
        self.ports.shape(shapes)
        self._rules.push(schedule_plan(demands, schedule), demands)
        differ = self.ports.differences()
        if differ:
            raise RunError("the kernel kept something else than was asked: " + "; ".join(differ))
        return shapes

    def differences(self) -> list[str]:
        """Where ports and switches now differ from what was asked."""
        return [*self.ports.differences(), *self._rules.differences()]

    def counters(self) -> Counters:
        """Read all counters now.

        Raises:
            RunError: a host is gone, or a counter cannot be read.
        """
        self.network.check_hosts()
        return self._reader.read()

    def link_sampler(self) -> LinkSampler:
        """Samples how full the links are, as long as it is entered."""
        return LinkSampler(counting_devices(self._described.topology))

    def switch_threads(self) -> Mapping[int, float]:
        """Processor seconds of each thread of the switches' own processes; empty for bridges."""
        return self._fabric.thread_seconds()

    def meter(self, first: int, last: int) -> CapsMeter:
        """Begin to measure what hosts use in a trial, its iterations `first` to `last` apart."""
        return self.hosts.meter(first, last)

    def warnings(self) -> tuple[str, ...]:
        """What a person should know of the hosts' caps."""
        return self.hosts.warnings()

    def notes(self) -> list[str]:
        """The warnings, and what is only recorded of the caps."""
        return self.hosts.notes()

    def losses(self, since_ns: int) -> tuple[LossRecord, ...]:
        """What was lost since then (monotonic clock): the controller, or a switch's way to it."""
        return self._rules.losses(since_ns)

    def check(self) -> None:
        """See that everything that was started still runs.

        Raises:
            RunError: something does not; names it.
        """
        self.network.check_hosts()
        self._fabric.check()
        self._rules.check()
        self._servers.check()
