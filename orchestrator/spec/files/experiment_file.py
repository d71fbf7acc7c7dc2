"""The experiment file: its keys and their defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, PlainValidator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from orchestrator.memory import FRAMEWORK, OrderOfOperations
from orchestrator.spec.experiment.choices import BASELINE
from orchestrator.spec.files.job_file import MAX_JOBS, JobFile
from orchestrator.spec.files.learning_file import OptimizerFile, OrName, named_optimizer
from orchestrator.spec.files.placement_file import PlacementFile
from orchestrator.spec.files.program_file import MAX_PROGRAMS, ProgramFile
from orchestrator.spec.files.schedule_file import DeviceFile, ScheduleFile
from orchestrator.spec.files.sweep_file import SweepKeys, sweep_file
from orchestrator.spec.scale import AUTO, MAX_RATES, MAX_TIME, MIN_TIME, AutoScale, Scale
from orchestrator.spec.traffic.windows import SocketBuffers
from orchestrator.spec.values.fields import (
    BufferOrAuto,
    CongestionControl,
    Count,
    DeviceName,
    FieldError,
    FileModel,
    ModelName,
    Name,
    Positive,
    ScheduleName,
    Share,
    SwitchKind,
    TrainedModel,
)
from orchestrator.spec.values.text import kind, nearest
from workloads.models.learning import ComputeName, DataName, DtypeName, Learning

MAX_CUSTOM_SCHEDULES = 32

PublishedRuns: TypeAlias = Annotated[list[Positive], Field(min_length=1)]


class _OrAuto:
    """In a JSON Schema: the text `auto`, which is the default, or what there was before."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"const": AUTO}, handler(core_schema)], "default": AUTO}


def _check_rates(value: object) -> float | str:
    """R or `auto`, with messages as the other numbers have them."""
    if value == AUTO:
        return AUTO
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = nearest(value, (AUTO,)) if isinstance(value, str) else ""
        raise FieldError(f"expected a number or '{AUTO}', found {kind(value)}", hint)
    if not math.isfinite(value):
        raise FieldError(f"expected a finite number, found {kind(value)}")
    if value < 1:
        raise FieldError(f"must be at least 1, found {value}")
    if value > MAX_RATES:
        raise FieldError(f"must be at most {MAX_RATES}, found {value}")
    return float(value)


def _expand_auto(value: Any) -> Any:
    """`scale: auto` is a scale without keys, and so is `socket_buffers: auto`."""
    if value == AUTO:
        return {}
    if not isinstance(value, dict | FileModel):
        hint = nearest(value, (AUTO,)) if isinstance(value, str) else ""
        raise FieldError(f"expected '{AUTO}' or a mapping of keys, found {kind(value)}", hint)
    return value


_RATES = Field(ge=1, le=MAX_RATES, allow_inf_nan=False)
Rates: TypeAlias = Annotated[
    float | Literal["auto"],
    PlainValidator(_check_rates, json_schema_input_type=Annotated[float, _RATES]),
    _OrAuto(),
]


class ScaleFile(FileModel):
    """R divides rates, D stretches time."""

    rates: Rates = Field(
        default=AUTO,
        description="R, by which rates are divided; auto: the smallest that this machine carries",
    )
    time: Annotated[float, Field(ge=MIN_TIME, le=MAX_TIME, allow_inf_nan=False)] = Field(
        default=1.0,
        description="D, by which times are multiplied; below 1 saves time; with programs or"
        " `compute: torch` it is R",
    )

    def scale(self) -> Scale | AutoScale:
        """What is asked for."""
        if isinstance(self.rates, str):
            return AutoScale(self.time)
        return Scale(self.rates, self.time)


class BuffersFile(FileModel):
    """TCP buffers of the training's connections, in the real system's bytes.

    The send buffer is the window: the kernel doubles the value, and the windows of three
    workers at 48 KiB stay well within a port's default queue of 512 KiB: no drops, equal shares,
    and every scale agrees with every other. At 256 KiB they overrun it, shares get unfair, and
    unfair shares make the baseline too fast. At 32 KiB one flow alone cannot fill the trunk. The
    receive buffer must only be larger. `auto` gives every path what it needs (`spec.windows`).
    """

    send: BufferOrAuto = Field(
        default="auto",
        description="the send buffer, which is the window; auto: 48 KiB, or what the path's rate"
        " and delay need",
    )
    receive: BufferOrAuto = Field(
        default="auto",
        description="the receive buffer; auto: 256 KiB, or twice the largest send buffer",
    )

    def resolve(self) -> SocketBuffers:
        """What is asked for."""
        sizes = (size if isinstance(size, int) else None for size in (self.send, self.receive))
        return SocketBuffers(*sizes)


if TYPE_CHECKING:
    SweepFile: TypeAlias = SweepKeys
else:
    SweepFile = sweep_file(ScheduleFile)


class ExperimentFile(FileModel):
    """An experiment of dmlbed: models x schedules x repeats on a topology."""

    model_config = ConfigDict(title="dmlbed experiment")
    renamed: ClassVar[Mapping[str, str]] = {"own_schedules": "custom_schedules"}

    name: Name = Field(description="names the directory under results/")
    description: str = Field(default="", description="a sentence for people")
    topology: str = Field(description="the topology file, relative to this file")
    placement: PlacementFile | None = Field(
        default=None, description="who does what; if left out, the roles of the topology's hosts"
    )
    models: Annotated[list[TrainedModel], Field(min_length=1)] = Field(
        default=[], description="the models to train; may be left out if only programs run"
    )
    schedules: Annotated[list[ScheduleName], Field(min_length=1)] = Field(
        default=[], description="the schedules to compare; may be left out with the models"
    )
    programs: dict[Name, ProgramFile] = Field(
        default={},
        max_length=MAX_PROGRAMS,
        description="your own commands; their rows are compared with those of the schedules",
    )
    baseline: ScheduleName = Field(
        default=BASELINE,
        description="the schedule that the speed-ups of the others are relative to",
    )
    iterations: Count = Field(default=5, description="measured iterations per trial")
    warm_up: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=2, description="iterations before the measured ones"
    )
    # Spans of a trial's last 20 iterations are kept: measured ones must be among them.
    cool_down: Annotated[int, Field(ge=0, le=10)] = Field(
        default=1,
        description="iterations after the measured ones, so that traffic of a next iteration meets"
        " the last measured one, too",
    )
    repeats: Count = Field(default=3, description="trials per model and schedule, or program")
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2,
        description="further attempts at a trial that other programs or the hypervisor disturbed",
    )
    batch: Count = Field(default=1, description="images per worker and iteration")
    order_of_operations: OrderOfOperations = Field(
        default=FRAMEWORK,
        description="in which order workers compute a model's layers; framework: as its file has"
        " them, and of those that can be computed the first",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=1, description="the seed of all random choices"
    )
    scale: Annotated[ScaleFile, BeforeValidator(_expand_auto), _OrAuto()] = Field(
        default=ScaleFile(), description="R and D; with 1 and 1 the emulation runs at real speed"
    )
    switch: SwitchKind = Field(default="auto", description="the kind of switch")
    congestion_control: CongestionControl = Field(
        default="cubic", description="TCP congestion control of the training traffic"
    )
    socket_buffers: Annotated[BuffersFile, BeforeValidator(_expand_auto), _OrAuto()] = Field(
        default=BuffersFile(), description="TCP buffers in the real system's bytes"
    )
    learning_rate: Positive = Field(default=0.01, description="the optimizer's learning rate")
    optimizer: Annotated[OptimizerFile, BeforeValidator(named_optimizer), OrName()] = Field(
        default=OptimizerFile(name="sgd"),
        description="how the mean gradient changes the parameters: a name, or an optimizer's keys",
    )
    compute: ComputeName = Field(
        default="emulated",
        description="`emulated`: the device model's time passes; `torch`: PyTorch computes the real"
        " layers in this machine's time (R and D must be equal)",
    )
    dtype: DtypeName = Field(
        default="float32",
        description="the number type of parameters and gradients, with `compute: torch`",
    )
    checkpoint: Count | None = Field(
        default=None,
        description="iterations between two checkpoints, from which `dmlbed run DIR` continues",
    )
    data: DataName = Field(
        default="synthetic",
        description="what `compute: torch` trains on: made-up images, or scikit-learn's `digits`",
    )
    evaluate_every: Count = Field(
        default=10, description="iterations between two evaluations on held-out data"
    )
    target_accuracy: Share | None = Field(
        default=None,
        description="held-out accuracy, such as 0.95; the time until it is reached is measured",
    )
    device_models: dict[DeviceName, DeviceFile] = Field(
        default={}, description="device models beside, or instead of, the library's"
    )
    custom_schedules: dict[Name, ScheduleFile] = Field(
        default={},
        max_length=MAX_CUSTOM_SCHEDULES,
        description="your own schedules, each by its choices",
    )
    jobs: dict[Name, JobFile] = Field(
        default={},
        max_length=MAX_JOBS,
        description="what runs beside the measured trainings, on the same network",
    )
    sweep: SweepFile | None = Field(
        default=None,
        description="run the experiment at several points of one variable, or of a grid of two",
    )
    published: dict[ModelName, dict[ScheduleName, PublishedRuns]] = Field(
        default={},
        description="imgs/sec to draw beside the measured ones: by model and schedule, a list of"
        " runs",
    )

    def learning(self) -> Learning:
        """What computes gradients, of which data, and how it is judged."""
        return Learning(
            compute=self.compute,
            data=self.data,
            evaluate_every=self.evaluate_every,
            target_accuracy=self.target_accuracy,
            optimizer=self.optimizer.resolve(),
            dtype=self.dtype,
            checkpoint_every=self.checkpoint,
        )
