"""`jobs:` in the experiment file: its keys and their defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.spec.experiment.jobs import Traffic
from orchestrator.spec.files.placement_file import PlacementFile
from orchestrator.spec.values.fields import (
    Amount,
    Count,
    FileModel,
    ModelName,
    Name,
    Positive,
    Rate,
    ScheduleName,
)
from workloads.schedule.arrivals import DEFAULT_SHAPE, Pattern, SizeKind, Sizes, sizes_of

MAX_JOBS = 16


class SizesFile(FileModel):
    """How large messages are: exactly one of `constant`, `exponential`, `pareto` and `list`."""

    constant: Amount | None = Field(default=None, description="all messages have this size")
    exponential: Amount | None = Field(default=None, description="the mean of random sizes")
    pareto: Amount | None = Field(
        default=None, description="the mean of random sizes of which few are very large"
    )
    shape: Annotated[float, Field(gt=1, le=100, allow_inf_nan=False)] = Field(
        default=DEFAULT_SHAPE,
        description="the shape of `pareto`: the closer to 1, the larger the largest messages",
    )
    list_: Annotated[list[Amount], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, alias="list", description="sizes to choose from, all equally likely"
    )

    def given(self) -> dict[SizeKind, list[int]]:
        """What is given, by kind."""
        single: dict[SizeKind, int | None] = {
            "constant": self.constant,
            "exponential": self.exponential,
            "pareto": self.pareto,
        }
        sizes: dict[SizeKind, list[int]] = {
            kind: [size] for kind, size in single.items() if size is not None
        }
        if self.list_ is not None:
            sizes["list"] = self.list_
        return sizes

    def resolve(self) -> Sizes:
        """The sizes; the file must have passed all checks."""
        for kind, values in self.given().items():
            return sizes_of(kind, values, self.shape)
        return Sizes()


class TrafficFile(FileModel):
    """A source of traffic, and who receives it."""

    from_: str = Field(alias="from", description="the host that sends")
    to: str = Field(description="the host that receives")
    rate: Rate = Field(
        description="payload in bits per second, such as 300 Mbps; 'on-off': the rate while on"
    )
    pattern: Literal["constant", "on-off", "poisson"] = Field(
        default="constant",
        description="when messages are sent. 'constant': one after the other; 'on-off': one after"
        " the other for `on` seconds, then none for `off` seconds; 'poisson': at random times",
    )
    sizes: SizesFile = Field(
        default=SizesFile(), description="the sizes of messages; 64 KiB if left out"
    )
    on: Positive = Field(default=1.0, description="'on-off': seconds of sending")
    off: Positive = Field(default=1.0, description="'on-off': seconds of silence")
    transport: Literal["tcp", "udp"] = Field(
        default="tcp", description="'tcp' waits while a queue is full, 'udp' loses packets"
    )

    def resolve(self) -> Traffic:
        """The traffic."""
        pattern = Pattern(self.pattern, float(self.rate), self.sizes.resolve(), self.on, self.off)
        return Traffic(self.from_, self.to, pattern, self.transport)


class JobFile(FileModel):
    """A job beside the measured one: traffic, a training, or a program."""

    traffic: TrafficFile | None = Field(default=None, description="a source of traffic")
    model: ModelName | None = Field(
        default=None, description="a training: the model that it trains"
    )
    schedule: ScheduleName | None = Field(
        default=None,
        description="a training's schedule, which may not use the switches; if left out, the"
        " schedule of the measured job in each trial",
    )
    placement: PlacementFile | None = Field(
        default=None,
        description="a training's server and workers; their hosts may run other jobs, too",
    )
    batch: Count | None = Field(
        default=None,
        description="a training's images per worker and iteration; the experiment's if left out",
    )
    program: Name | None = Field(
        default=None, description="one of `programs`; it has its own rows only with `alone`"
    )
    alone: bool = Field(
        default=False,
        description="also run this job and the measured one each alone, for their slow-down",
    )
