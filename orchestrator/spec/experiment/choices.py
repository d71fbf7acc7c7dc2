"""What a trial is of: one value of every choice that its experiment names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import product
from types import MappingProxyType
from typing import Any, Protocol

from workloads.library import IDENTITY, PARAMETER_SERVER
from workloads.schedule.schedule import UNSCHEDULED, Schedule

CHOICES = {"model": "models", "schedule": "schedules", "program": "programs"}
"""Every choice of a trial -> the key of the experiment that lists its values.

Options, plans and counts read this table.
"""

EVERY_CHOICE = {**CHOICES, "beside": "company", "job": "jobs"}
"""The same with those that jobs beside each other bring: what runs beside a trial's job, and of a
trial of one of these jobs which one. Records, the order of rows and the columns of results read it.
"""

COMPARED = ("schedule", "program")
"""The choices whose values are compared with each other: a trial has one of them. The baseline is
a schedule."""

BASELINE = UNSCHEDULED
"""The schedule that others are compared with where an experiment names none."""


BY_NAME = ("program", "job")
"""The choices whose values an experiment describes one by one, and does not combine with others."""

NOTHING, JOBS = "nothing", "jobs"
COMPANY = (NOTHING, JOBS)
"""What runs beside a trial's job, where an experiment measures both."""


class Choices(Mapping[str, str]):
    """The choices of a trial, in the order of the table; hashable."""

    __slots__ = ("_values",)

    def __init__(self, **values: str) -> None:
        known = [name for name in EVERY_CHOICE if name in values]
        self._values = {name: values[name] for name in dict.fromkeys([*known, *values])}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        named = (f"{name}={value!r}" for name, value in self._values.items())
        return f"Choices({', '.join(named)})"

    def __str__(self) -> str:
        """`googlenet switch-priority`, `googlenet none beside jobs`, `vgg19 none alone (other)`."""
        texts = {**self._values}
        if "beside" in texts:
            texts["beside"] = "alone" if self.alone else f"beside {texts['beside']}"
        if "job" in texts:
            texts["job"] = f"({texts['job']})"
        return " ".join(texts.values())

    @property
    def model(self) -> str:
        """The model that is trained; empty: of a program that names none."""
        return self.get("model", "")

    @property
    def schedule(self) -> str:
        """The schedule that it is trained under; empty: of a program."""
        return self.get("schedule", "")

    @property
    def program(self) -> str:
        """The program that runs; empty: of a training."""
        return self.get("program", "")

    @property
    def job(self) -> str:
        """The job that is measured instead of what the experiment measures; empty: none."""
        return self.get("job", "")

    @property
    def alone(self) -> bool:
        """Whether nothing runs beside it, where something could."""
        return self.get("beside") == NOTHING

    @property
    def compared(self) -> str:
        """The schedule or the program."""
        return next((self[name] for name in COMPARED if name in self), self.job)

    @property
    def common(self) -> Choices:
        """All but the compared ones: trials that share them may be compared."""
        return Choices(**{name: value for name, value in self.items() if name not in COMPARED})

    def under(self, schedule: str) -> Choices:
        """The training under a schedule that it may be compared with."""
        return Choices(**{**self.common, "schedule": schedule})

    @property
    def sentence(self) -> str:
        """`googlenet under switch-priority`, or `googlenet by my-script`."""
        how = "by" if self.program else "under"
        return f"{self.common} {how} {self.compared}" if self.common else self.compared


class HasChoices(Protocol):
    """What is of one value of every choice."""

    @property
    def choices(self) -> Choices:
        """Those values."""


class Chosen:
    """For classes that have `choices`: the two of a training by their names."""

    @property
    def model(self: HasChoices) -> str:
        """The model that is trained; empty: of a program that names none."""
        return self.choices.model

    @property
    def schedule(self: HasChoices) -> str:
        """The schedule that it is trained under; empty: of a program."""
        return self.choices.schedule


def all_choices(
    values: Mapping[str, Iterable[str]], programs: Mapping[str, str | None] = MappingProxyType({})
) -> Iterator[tuple[Choices, ...]]:
    """Every combination, as groups of those that are compared with each other.

    Args:
        values: of every choice of a training, in order; the last ones change first, the schedule
            within its group. None: nothing is trained.
        programs: by name, the model that each trains. It comes after the trainings of that model.
    """
    common = [name for name in values if name not in COMPARED]
    trained = product(*(tuple(values[name]) for name in common)) if values else ()
    left = dict(programs)
    for chosen in trained:
        place = Choices(**dict(zip(common, chosen, strict=True)))
        own = [name for name, model in left.items() if model == place.model]
        yield (
            *(place.under(schedule) for schedule in values["schedule"]),
            *(Choices(model=place.model, program=name) for name in own),
        )
        # Of several groups of a model the first one has its programs: they know no other choice.
        left = {name: model for name, model in left.items() if name not in own}
    for model in dict.fromkeys(left.values()):
        named = {} if model is None else {"model": model}
        yield tuple(Choices(**named, program=name) for name, of in left.items() if of == model)


def schedule_choices(schedule: Schedule) -> dict[str, Any]:
    """A schedule's choices; those that older versions did not know, where they are made."""
    coded = {"push_codec": IDENTITY, "pull_codec": IDENTITY}
    later = {"servers": None, "bucket_bytes": None, "groups": None}
    defaults = {**coded, **later, "exchange": PARAMETER_SERVER}
    choices = asdict(schedule)
    return {key: value for key, value in choices.items() if defaults.get(key, ...) != value}
