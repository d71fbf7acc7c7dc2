"""One or two variables: their points, and what points are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from orchestrator.spec.sweep.variable import Value, Variable

Values: TypeAlias = tuple[Value, ...]
"""Of a point, one for each variable."""

VARIABLE_KEYS = ("variable", "second_variable")
VALUE_KEYS = ("value", "second_value")
"""How rows of results call the variables and their values."""


@dataclass(frozen=True)
class Sweep:
    """What is varied.

    Attributes:
        variables: one, or two that make a grid. The first is the axis of the figure, which has a
            panel for every value of the second.
    """

    variables: tuple[Variable, ...]

    @property
    def first(self) -> Variable:
        """The axis of the figure."""
        return self.variables[0]

    @cached_property
    def points(self) -> tuple[Values, ...]:
        """All combinations, in the order in which they are to run: the last variable in a row."""
        return tuple(product(*(variable.values for variable in self.variables)))

    @cached_property
    def _labels(self) -> dict[Values, str]:
        labels: dict[Values, str] = {}
        taken: set[str] = set()
        for values in self.points:
            label = name = self._spelt(values)
            number = 2
            while label in taken:  # what directories cannot be called may have told them apart
                label, number = f"{name}.{number}", number + 1
            taken.add(label)
            labels[values] = label
        return labels

    def _spelt(self, values: Values) -> str:
        pairs = zip(self.variables, values, strict=True)
        return "-".join(variable.label(value) for variable, value in pairs)

    def label(self, values: Values) -> str:
        """A point's name, fit for a directory: `batch-16`, `rate-2.5G-slice-160kB`."""
        return self._labels.get(values) or self._spelt(values)

    def text(self, values: Values) -> str:
        """Values for people: `16`, `2.5 Gbit/s, slice 160 kB`."""
        return ", ".join(text for text in (self.first.text(values[0]), self.beside(values)) if text)

    def beside(self, values: Values) -> str:
        """What a point has beside the value of the first variable: `slice 160 kB`, or nothing."""
        pairs = zip(self.variables[1:], values[1:], strict=True)
        named = (
            (variable.key.replace("_", " "), variable.text(value)) for variable, value in pairs
        )
        return ", ".join(f"{key} {text}" for key, text in named)

    def rank(self, values: Values) -> tuple[float, ...]:
        """A point's place: by the last variables, then by the first."""
        ranks = [one.rank(value) for one, value in zip(self.variables, values, strict=True)]
        return (*ranks[1:], ranks[0])

    @property
    def title(self) -> str:
        """What is varied, in words: `batch`, `rate of core - rack and slice of p3`."""
        return " and ".join(variable.title for variable in self.variables)

    @property
    def schedules(self) -> tuple[str, ...]:
        """Those that are varied."""
        return tuple(dict.fromkeys(name for one in self.variables for name in one.schedules))

    def varies(self, key: str) -> bool:
        """Whether a key is one of its variables."""
        return any(variable.key == key for variable in self.variables)

    def named(self, values: Values) -> dict[str, Any]:
        """Variables and values of a point as rows of results have them."""
        keys = zip(VARIABLE_KEYS, VALUE_KEYS, self.variables, values, strict=False)
        return {
            key: one
            for name, of, variable, value in keys
            for key, one in ((name, variable.key), (of, value))
        }

    def resolved(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {"variables": [_plain(asdict(variable)) for variable in self.variables]}


def sweep_of(record: Mapping[str, Any] | None) -> Sweep | None:
    """The sweep that `resolved` wrote, or an older version, which had one variable.

    Raises:
        ValueError: it is none.
    """
    if record is not None and "variable" in record:
        record = {"variables": [{**record, "key": record["variable"]}]}
    return _SWEEP.validate_python(record)


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    lists = {name: list(one) if isinstance(one, tuple) else one for name, one in fields.items()}
    return {name: value for name, value in lists.items() if value not in (None, [])}


_SWEEP = TypeAdapter(Sweep | None)
