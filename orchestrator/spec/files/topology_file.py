"""The topology file: its keys, and what they mean once the defaults are filled in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Direction, Host, Link, Topology
from orchestrator.spec.values.fields import (
    Cores,
    Count,
    Cpuset,
    Delay,
    Device,
    FileModel,
    Memory,
    Name,
    NodeName,
    Queue,
    Rate,
    Role,
)
from orchestrator.spec.values.units import size_text

DEFAULT_QUEUE_BYTES = 512 * 1024
DEFAULT_DELAY_US = 0
MAX_HOSTS = 512


class ShapeFile(FileModel):
    """Rate, delay and queue limit of a link, of one direction of it, or their default."""

    rate: Rate | None = Field(default=None, description="bits per second, such as 10 Gbps")
    delay: Delay | None = Field(
        default=None, description=f"one way, such as 50us; {DEFAULT_DELAY_US}us if left out"
    )
    queue: Queue | None = Field(
        default=None,
        description="limit of the sending end's queue;"
        f" {size_text(DEFAULT_QUEUE_BYTES)} if left out",
    )


class LinkFile(ShapeFile):
    """A full-duplex link; `forward` and `reverse` override it for one direction."""

    endpoints: Annotated[list[str], Field(min_length=2, max_length=2)] = Field(
        description="the two nodes"
    )
    forward: ShapeFile | None = Field(
        default=None, description="from the first endpoint to the second"
    )
    reverse: ShapeFile | None = Field(
        default=None, description="from the second endpoint to the first"
    )


class PsDefaults(FileModel):
    """What a host with `role: ps` has unless it says otherwise."""

    cores: Cores | None = Field(
        default=None, description="how many cores it may use at once, such as 6 or 0.5"
    )
    memory: Memory | None = Field(default=None, description="how much memory it may use")
    cpuset: Cpuset | None = Field(
        default=None,
        description="the CPUs of the testbed's machine that it runs on, such as [0, 1]",
    )


class WorkerDefaults(PsDefaults):
    """What a host with `role: worker`, or any host, has unless it says otherwise."""

    device: Device | None = Field(
        default=None,
        description="the device model that gives its speed as a worker: a name, or a file such as"
        " ./my-device.yaml",
    )
    batch: Count | None = Field(
        default=None,
        description="images of an iteration as a worker; the experiment's `batch` if left out",
    )


class DefaultsFile(FileModel):
    """What links and hosts have unless they say otherwise."""

    link: ShapeFile = ShapeFile()
    host: WorkerDefaults = Field(
        default=WorkerDefaults(), description="of every host; `ps` and `worker` come before it"
    )
    ps: PsDefaults = Field(default=PsDefaults(), description="of a host with `role: ps`")
    worker: WorkerDefaults = Field(
        default=WorkerDefaults(), description="of a host with `role: worker`"
    )


class HostFile(WorkerDefaults):
    """A host, or several alike."""

    count: Annotated[int, Field(ge=1, le=MAX_HOSTS)] | None = Field(
        default=None,
        description="how many hosts it stands for: NAME0, NAME1 and so on; a link with the endpoint"
        " NAME stands for one link of each",
    )

    role: Role | None = Field(
        default=None,
        description="ps (parameter server) or worker, unless an experiment places them",
    )


class TopologyFile(FileModel):
    """A topology of dmlbed: hosts, switches and links."""

    model_config = ConfigDict(title="dmlbed topology")

    name: Name = Field(description="the topology's name")
    description: str = Field(default="", description="a sentence for people")
    defaults: DefaultsFile = DefaultsFile()
    hosts: dict[NodeName, HostFile] = Field(
        max_length=MAX_HOSTS,
        description="the hosts by name; those with `role: worker` are the workers in their order",
    )
    switches: list[NodeName] = Field(default=[], description="the names of the switches")
    links: list[LinkFile] = Field(description="the links; a host has one")

    def resolve(self) -> Topology:
        """The topology with all defaults filled in; the file must have passed all checks."""
        return Topology(
            name=self.name,
            description=self.description.strip(),
            hosts=tuple(self._host(name, host) for name, host in self.hosts.items()),
            switches=tuple(self.switches),
            links=tuple(self._link(link) for link in self.links),
        )

    def placement(self) -> Placement | None:
        """What the roles of the hosts stand for; None if none has one."""
        roles = {name: host.role for name, host in self.hosts.items()}
        return Placement.of_roles(roles) if any(roles.values()) else None

    def _host(self, name: str, host: HostFile) -> Host:
        # The nearest one that says something counts: the host, its role's defaults, all hosts'.
        hardware: list[PsDefaults] = [host, self.defaults.host]
        if host.role is not None:
            hardware.insert(1, getattr(self.defaults, host.role))

        def nearest(key: str) -> Any:
            return next((value for one in hardware if (value := getattr(one, key, None))), None)

        return Host(
            name=name,
            device=nearest("device"),
            cores=nearest("cores"),
            memory_bytes=nearest("memory"),
            cpuset=tuple(sorted(set(nearest("cpuset") or ()))),
            batch=nearest("batch"),
        )

    def _link(self, link: LinkFile) -> Link:
        first, second = link.endpoints
        return Link(
            endpoints=(first, second),
            forward=self._direction(link, link.forward),
            reverse=self._direction(link, link.reverse),
        )

    def _direction(self, link: LinkFile, override: ShapeFile | None) -> Direction:
        # The nearest one that says something counts: the direction, the link, the defaults.
        shapes = [shape for shape in (override, link, self.defaults.link) if shape is not None]
        rates = [shape.rate for shape in shapes if shape.rate is not None]
        delays = [shape.delay for shape in shapes if shape.delay is not None]
        queues = [shape.queue for shape in shapes if shape.queue is not None]
        return Direction(
            rate_bps=rates[0],
            delay_us=(delays or [DEFAULT_DELAY_US])[0],
            queue_bytes=(queues or [DEFAULT_QUEUE_BYTES])[0],
        )
