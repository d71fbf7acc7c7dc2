"""A sweep's directory: its points, each a complete run, and their rows side by side.

run.json        the resolved experiment with its sweep, as of any run
<point>/        a complete run: `dmlbed report` and `trace` work on it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from orchestrator.analysis.measures.bound_share import buffers_of, exchange_in, model_in
from orchestrator.analysis.measures.statistics import Estimate
from orchestrator.analysis.reading.directories import check_format
from orchestrator.analysis.reading.records import Run, read_run
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.tables.summary import summarise
from orchestrator.errors import InputError, Problem, RunError
from orchestrator.memory import FRAMEWORK, Footprint, footprint, ordered
from orchestrator.predict import Case, expected, limits, most_of
from orchestrator.records.directory import RunDirectory
from orchestrator.records.files import Record, read_object
from orchestrator.spec import (
    Choices,
    Conditions,
    Placement,
    Sweep,
    Values,
    conditions,
    exchange_of,
    number_text,
    sweep_of,
)
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule

Standing = Literal["wins", "within the noise", ""]

NOISE = 0.0075
"""Half the interval taken for a single repeat, as a share of it: at other scales and on other
switches the imgs/sec of one experiment differ by at most 1.5 %."""


_NOT_RUN = "not run"
_ORDER = "order_of_operations"


class _Experiment(Record):
    name: str
    models: tuple[str, ...]
    schedules: tuple[str, ...]
    batch: int
    congestion_control: str = ""
    sweep: dict[str, Any]
    devices: dict[str, DeviceModel]
    custom_schedules: dict[str, Schedule] = Field(default_factory=dict)
    topology: dict[str, Any]
    placement: dict[str, Any]
    socket_buffers: dict[str, Any] = Field(default_factory=dict)
    order_of_operations: str = FRAMEWORK
    model_sources: dict[str, Any] = Field(default_factory=dict)


class _SweepRecord(Record):
    format: int | None = None
    versions: dict[str, Any] = Field(default_factory=dict)
    experiment: _Experiment


@dataclass(frozen=True)
class SweepRun:
    """A sweep's directory, read.

    Attributes:
        name: of the experiment.
        sweep: what was varied.
        base: conditions without the sweep.
        models: names, in the order of the experiment.
        names: of the schedules, in the order of the experiment.
        runs: of every point that has a result, by its values.
        missing: why other points have none, by its values.
        plain: the models, their layers as their files have them, by name.
    """

    directory: Path
    name: str
    sweep: Sweep
    base: Conditions
    models: tuple[str, ...]
    names: tuple[str, ...]
    devices: Mapping[str, DeviceModel]
    runs: Mapping[Values, Run]
    missing: Mapping[Values, str]
    plain: Mapping[str, Model]

    def at(self, values: Values) -> Conditions:
        """The conditions at values, which need not be a point's.

        Raises:
            ValueError: a schedule's choices contradict each other there.
        """
        return conditions(self.sweep, values, self.base)

    def case(self, model: str, at: Conditions) -> Case:
        """What is trained on what under conditions."""
        return Case(
            exchange_of(at.topology, at.placement),
            ordered(self.plain[model], at.order_of_operations),
            self.devices,
            at.batch,
            buffers=at.buffers,
        )

    def most(self, case: Case, at: Conditions) -> float:
        """Imgs/sec that none of its schedules is above, as far as that is known.

        Those that send something else than the model have bounds of their own.
        """
        return most_of((at.schedules[name] for name in self.names if name in at.schedules), case)

    def x(self, case: Case, values: Values) -> float:
        """A place on the figure's axis: C in units of what links take, Mbit/s, the value itself; or
        where the value is listed, if values have no size."""
        first, value = self.sweep.first, values[0]
        if first.key == "batch":
            return compute_over_links(case)
        if not first.numeric or not isinstance(value, int | float):
            return 1 + first.rank(value)
        return value / 1e6 if first.key == "rate" else value


@dataclass(frozen=True)
class Cell:
    """One model at one point under one schedule.

    Attributes:
        row: what was measured.
        predicted: imgs/sec; None if no prediction applies.
        why_not: in one line why it does not.
        standing: whether it is the fastest there, or as fast within the noise.
    """

    row: Row
    predicted: float | None
    why_not: str
    standing: Standing


@dataclass(frozen=True)
class Place:
    """One model at one point; with one value of every other choice that is not compared.

    Attributes:
        choices: which ones.
        label: the point's name.
        values: the point's.
        named: the same with their variables, as rows of results have them.
        text: the value of the first variable, for people.
        beside: what it has beside that, for people; empty: nothing.
        x: the value of the first variable on the figure's axis.
        case: what was trained on what.
        bound: imgs/sec that no schedule is above.
        limits: what limits there, in words.
        cells: by schedule.
        memory: what a worker holds at most, where the order of operations is varied.
    """

    choices: Choices
    label: str
    values: Values
    named: Mapping[str, Any]
    text: str
    beside: str
    x: float
    case: Case
    bound: float
    limits: str
    cells: Mapping[str, Cell]
    memory: Footprint | None = None

    @property
    def model(self) -> str:
        """The model that is trained."""
        return self.choices.model

    def rate_text(self, imgs_per_sec: float) -> str:
        """Imgs/sec in the model's unit, which the panel's heading names, and of its bound."""
        share = 100 * imgs_per_sec / self.bound
        return f"{number_text(self.case.model.rate(imgs_per_sec), 3)} {share:3.0f} %"

    @property
    def panel(self) -> str:
        """What is drawn and listed together: all but the first variable and what is compared."""
        return f"{self.choices}, {self.beside}" if self.beside else str(self.choices)


def read_sweep(directory: Path) -> SweepRun:
    """Read the directory of a sweep, all points that left anything.

    Raises:
        InputError: no point is in it.
        RunError: run.json is broken, or no point has anything to report.
    """
    path = RunDirectory(directory).run
    sweep_record = read_object(path, _SweepRecord)
    check_format(path, sweep_record.format, sweep_record.versions.get("dmlbed"))
    record = sweep_record.experiment
    exchange = exchange_in(record.model_dump(include={"topology", "placement"}))
    if exchange is None:
        raise RunError(f"{path}: its topology cannot be read")
    try:
        sweep = sweep_of(record.sweep)
    except ValueError:
        sweep = None
    if sweep is None:
        raise RunError(f"{path}: its sweep cannot be read")
    runs: dict[Values, Run] = {}
    missing: dict[Values, str] = {}
    for values in sweep.points:
        place = directory / sweep.label(values)
        if not place.exists():
            missing[values] = _NOT_RUN
            continue
        try:
            runs[values] = read_run(place)
        except (RunError, InputError) as error:
            missing[values] = str(error)
    if all(why == _NOT_RUN for why in missing.values()) and not runs:
        message = "the records of this sweep's points are not in it"
        raise InputError([Problem(str(directory), message)])
    if not runs:
        why = "; ".join(f"{sweep.label(values)}: {why}" for values, why in missing.items())
        raise RunError(f"{directory}: nothing to report: {why}")
    every = dict.fromkeys((*record.schedules, *sweep.schedules))
    known = {
        name: schedule
        for name in every
        if (schedule := record.custom_schedules.get(name) or _library(name)) is not None
    }
    sources = {"model_sources": record.model_sources}
    models = {
        name: model for name in record.models if (model := model_in(sources, name)) is not None
    }
    return SweepRun(
        directory=directory,
        name=record.name,
        sweep=sweep,
        base=Conditions(
            exchange.topology,
            Placement.from_resolved(record.placement),
            record.batch,
            record.congestion_control,
            buffers_of({"socket_buffers": record.socket_buffers}),
            known,
            record.order_of_operations,
        ),
        models=tuple(models),
        names=record.schedules,
        devices=record.devices,
        runs=runs,
        missing=missing,
        plain=models,
    )


def places_of(run: SweepRun) -> tuple[Place, ...]:
    """All that was measured: model by model, each in the order of the values."""
    points = sorted(run.runs, key=run.sweep.rank)
    rows = {values: summarise(run.runs[values]).rows for values in points}
    every = dict.fromkeys(row.choices.common for values in points for row in rows[values])
    known = [choices for choices in every if choices.model in run.models]
    places = []
    for choices in sorted(known, key=lambda one: run.models.index(one.model)):
        for values in points:
            of_place = [row for row in rows[values] if row.choices.common == choices]
            if of_place:
                places.append(_place(run, values, of_place))
    return tuple(places)


def predicted(schedule: Schedule | None, case: Case) -> tuple[float | None, str]:
    """Imgs/sec that are expected, and if none are, why."""
    if schedule is None:
        return None, "this version does not know it"
    prediction = expected(schedule, case)
    if prediction.seconds is None:
        return None, prediction.why_not
    return case.bound.imgs_per_sec(prediction.seconds), ""


def compute_over_links(case: Case) -> float:
    """C in units of what the fullest link is busy for (nu): from 1 on compute limits."""
    return case.bound.compute_seconds / case.bound.links_seconds


def _place(run: SweepRun, values: Values, rows: list[Row]) -> Place:
    choices = rows[0].choices.common
    at = run.at(values)
    case = run.case(choices.model, at)
    standings = _standings(rows)
    cells = {}
    for row in rows:
        imgs_per_sec, why_not = predicted(at.schedules.get(row.schedule), case)
        cells[row.schedule] = Cell(row, imgs_per_sec, why_not, standings[row.schedule])
    # The run's own bound, where it has one: that is what its shares are of. Schedules that do not
    # send the model have bounds of their own, also where they were not run.
    plain = all(schedule.sends_model for schedule in at.schedules.values())
    known = [row.bound_imgs_per_sec for row in rows if row.bound_imgs_per_sec is not None]
    return Place(
        choices=choices,
        label=run.sweep.label(values),
        values=values,
        named=run.sweep.named(values),
        text=run.sweep.first.text(values[0]),
        beside=run.sweep.beside(values),
        x=run.x(case, values),
        case=case,
        bound=max(known) if known and plain else max(run.most(case, at), *known),
        limits=limits(case.bound),
        cells=cells,
        memory=footprint(run.plain[choices.model], at.order_of_operations)
        if run.sweep.varies(_ORDER)
        else None,
    )


def _standings(rows: list[Row]) -> dict[str, Standing]:
    """Who wins; figures that may not be used take no part."""
    usable = [row for row in rows if row.verdict.level != "unusable"]
    standings: dict[str, Standing] = {row.schedule: "" for row in rows}
    if len(usable) < 2:
        return standings
    best = max(usable, key=lambda row: row.imgs_per_sec.mean)
    lowest, _ = _interval(best.imgs_per_sec)
    for row in usable:
        if _interval(row.imgs_per_sec)[1] >= lowest:
            standings[row.schedule] = "within the noise"
    standings[best.schedule] = "wins"
    return standings


def _interval(rate: Estimate) -> tuple[float, float]:
    return rate.interval or (rate.mean * (1 - NOISE), rate.mean * (1 + NOISE))


def _library(name: str) -> Schedule | None:
    try:
        return get_schedule(name)
    except ValueError:
        return None
