"""The device models and schedules of an experiment's own, as a file has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from orchestrator.orders import ORDERS
from orchestrator.spec.values.fields import (
    Amount,
    Count,
    FileModel,
    NotNegative,
    Positive,
    Slice,
)
from workloads.library import EXCHANGES, IDENTITY, PARAMETER_SERVER
from workloads.schedule.averaging import EVERY_STEP, AveragingName
from workloads.schedule.codec_names import EXAMPLES
from workloads.schedule.kinds import SynchronisationName
from workloads.schedule.schedule import MAX_FLOWS, MIN_FLOWS, Place, Schedule, SwitchOrder

CodecKey = Annotated[str, Field(min_length=1)]


class DeviceFile(FileModel):
    """A device model: how long a worker computes a layer, forward and backward together."""

    seconds_per_megabyte_of_parameters: NotNegative = Field(
        description="per million bytes of a layer's parameters, whatever the batch"
    )
    seconds_per_gmac: NotNegative = Field(
        description="per billion multiply-accumulates of a layer, for each image"
    )
    seconds_per_depthwise_layer: NotNegative = Field(
        default=0.0, description="in addition, per depthwise layer, for each image"
    )
    seconds_per_megabyte_coded: dict[CodecKey, NotNegative] = Field(
        default={},
        description="by codec, per million uncoded bytes that it encodes or decodes; of others it"
        " is what one core took, see `dmlbed list codecs`",
    )


class ScheduleFile(FileModel):
    """A user-defined schedule: a point in a space of choices (`workloads.schedule.schedule`)."""

    renamed: ClassVar[Mapping[str, str]] = {"unsent": "not_sent_limit"}

    order: Annotated[str, Field(min_length=1)] = Field(
        default="random",
        description="the name of an order, or module:Class of your own",
        json_schema_extra={"examples": [*ORDERS, "my_module:MyOrder"]},
    )
    place: Place = Field(
        default="nowhere", description="who enforces the order: hosts, switches, both or nobody"
    )
    slice: Slice | None = Field(
        default=None, description="bytes of a unit; if left out, a unit is a whole tensor"
    )
    window: Amount | None = Field(
        default=None,
        description="credit: unanswered bytes of a worker's pushes, at most; if left out, what fits"
        " the socket",
    )
    not_sent_limit: Amount | None = Field(
        default=None,
        description="bytes not yet sent that may wait in a socket; its send buffer if left out",
    )
    synchronisation: SynchronisationName = Field(
        default="step-barrier", description="what a worker waits for before it continues"
    )
    staleness: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="'stale-synchronous' only: iterations that a worker may be ahead"
    )
    switch_order: SwitchOrder | None = Field(
        default=None, description="place 'switch' or 'both' only: what switches order by"
    )
    flows: Annotated[int, Field(ge=MIN_FLOWS, le=MAX_FLOWS)] | None = Field(
        default=None, description="switch_order 'layer' only: flows per worker and direction"
    )

    codec: CodecKey = Field(
        default=IDENTITY,
        description="how values are encoded both ways: the name of a codec, or module:Class of your"
        " own",
        json_schema_extra={"examples": [*EXAMPLES, "my_module:MyCodec"]},
    )
    push_codec: CodecKey | None = Field(
        default=None, description="how gradients are encoded, if not as `codec` says"
    )
    pull_codec: CodecKey | None = Field(
        default=None, description="how parameters are encoded, if not as `codec` says"
    )
    exchange: Annotated[str, Field(min_length=1)] = Field(
        default=PARAMETER_SERVER,
        description="how workers' gradients become new parameters of all workers: the name of an"
        " exchange, or module:Class of your own",
        json_schema_extra={"examples": [*EXCHANGES, "my_module:MyExchange"]},
    )
    servers: Count | None = Field(
        default=None,
        description="how many of the placed parameter servers share the model; the first one has"
        " all of it if left out",
    )

    bucket: Amount | None = Field(
        default=None,
        description="exchange 'ring' only: tensors are fused in the order of their gradients until"
        " they have so many bytes; `window` then counts those that have not come back",
    )
    groups: Count | Literal["racks"] | None = Field(
        default=None,
        description="exchange 'hybrid' only: racks, or how many consecutive workers are a group;"
        " racks if left out",
    )
    averaging: AveragingName = Field(
        default=EVERY_STEP,
        description="what is averaged: gradients, in every iteration; or parameters that each"
        " worker has of its own, once in `every` iterations",
    )
    every: Count | None = Field(
        default=None,
        description="averaging 'local' or 'elastic' only: iterations from one exchange to the next",
    )
    alpha: Positive | None = Field(
        default=None, description="'elastic' only: how far a worker goes to the centre"
    )
    beta: Positive | None = Field(
        default=None, description="'elastic' only: how far the centre goes to the workers' mean"
    )
    outer_learning_rate: Positive | None = Field(
        default=None,
        description="'local' only: how far all go to the workers' mean; all of it if left out",
    )
    outer_momentum: NotNegative | None = Field(
        default=None, description="'local' only: Nesterov momentum of these steps; none if left out"
    )

    def resolve(self, name: str) -> Schedule:
        """The schedule.

        Raises:
            ValueError: the choices contradict each other.
        """
        return Schedule(
            name=name,
            source="the experiment's own",
            order=self.order,
            place=self.place,
            slice_bytes=self.slice,
            window_bytes=self.window,
            not_sent_limit_bytes=self.not_sent_limit,
            synchronisation=self.synchronisation,
            staleness=self.staleness,
            switch_order=self.switch_order,
            flows=self.flows,
            push_codec=self.codec if self.push_codec is None else self.push_codec,
            pull_codec=self.codec if self.pull_codec is None else self.pull_codec,
            exchange=self.exchange,
            servers=self.servers,
            bucket_bytes=self.bucket,
            groups=self.groups,
            averaging=self.averaging,
            every=self.every,
            alpha=self.alpha,
            beta=self.beta,
            outer_learning_rate=self.outer_learning_rate,
            outer_momentum=self.outer_momentum,
        )
