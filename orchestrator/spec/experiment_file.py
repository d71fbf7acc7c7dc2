"""The experiment file: what may stand in it, and its defaults."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import ConfigDict, Field

from orchestrator.spec.fields import (
    Buffer,
    CongestionControl,
    Count,
    DeviceName,
    FileModel,
    ModelName,
    Name,
    NotNegative,
    Positive,
    ScheduleName,
    SwitchKind,
)
from orchestrator.spec.scale import MAX_RATES, MAX_TIME, MIN_TIME

PublishedRuns: TypeAlias = Annotated[list[Positive], Field(min_length=1)]


class ScaleFile(FileModel):
    """R divides rates, D stretches time."""

    rates: Annotated[float, Field(ge=1, le=MAX_RATES, allow_inf_nan=False)] = Field(
        default=1.0, description="R: rates are divided by it"
    )
    time: Annotated[float, Field(ge=MIN_TIME, le=MAX_TIME, allow_inf_nan=False)] = Field(
        default=1.0, description="D: times are multiplied by it; below 1 saves time"
    )


class BuffersFile(FileModel):
    """Fixed TCP buffers of the training's connections, in the real system's bytes.

    The kernel keeps twice of what is asked, so the windows of three workers at 64 KiB stay within
    a port's default queue of 512 KiB: no drops, fair shares, and D = 0.5 agrees with D = 1. At 256
    KiB they overrun it, shares get unfair, and unfair shares make the baseline too fast.
    """

    send: Buffer = 64 * 1024
    receive: Buffer = 64 * 1024


class DeviceFile(FileModel):
    """A device model: how long a worker computes a layer, forward and backward together."""

    seconds_per_megabyte_of_parameters: NotNegative
    seconds_per_gmac: NotNegative
    seconds_per_depthwise_layer: NotNegative = 0.0


class ExperimentFile(FileModel):
    """An experiment of dmlbed: models x schedules x repeats on a topology."""

    model_config = ConfigDict(title="dmlbed experiment")

    name: Name = Field(description="names the directory under results/")
    description: str = Field(default="", description="a sentence for people")
    topology: str = Field(description="the topology file, relative to this file")
    models: Annotated[list[ModelName], Field(min_length=1)] = Field(
        description="the models to train"
    )
    schedules: Annotated[list[ScheduleName], Field(min_length=1)] = Field(
        description="the schedules to compare"
    )
    iterations: Count = Field(default=5, description="measured iterations per trial")
    warm_up: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=2, description="iterations before the measured ones"
    )
    repeats: Count = Field(default=3, description="trials per model and schedule")
    batch: Count = Field(default=1, description="images per worker and iteration")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=1, description="of all random choices"
    )
    scale: ScaleFile = Field(default=ScaleFile(), description="R and D; 1 and 1 are the real thing")
    switch: SwitchKind = Field(default="auto", description="the kind of switch")
    congestion_control: CongestionControl = Field(
        default="cubic", description="TCP congestion control of the training traffic"
    )
    socket_buffers: BuffersFile = Field(
        default=BuffersFile(), description="TCP buffers in the real system's bytes"
    )
    learning_rate: Positive = Field(default=0.01, description="of the parameter server's SGD")
    device_models: dict[DeviceName, DeviceFile] = Field(
        default={}, description="device models beside, or instead of, the library's"
    )
    published: dict[ModelName, dict[ScheduleName, PublishedRuns]] = Field(
        default={}, description="imgs/sec to draw beside the measured ones, a list of runs each"
    )
