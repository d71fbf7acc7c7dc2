"""What a trial is of: one value of every choice that its experiment names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

CHOICES = {"model": "models", "schedule": "schedules"}
"""Every choice of a trial -> the key of the experiment that lists its values.

Plans, counts, the order of rows, records and the columns of results read this table.
"""

COMPARED = "schedule"
"""The choice whose values are compared with each other, one of them being the baseline."""


class Choices(Mapping[str, str]):
    """The choices of a trial, in the order of the table; hashable."""

    __slots__ = ("_values",)

    def __init__(self, **values: str) -> None:
        known = [name for name in CHOICES if name in values]
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
        """`googlenet switch-priority`."""
        return " ".join(self._values.values())

    @property
    def model(self) -> str:
        """The model that is trained."""
        return self["model"]

    @property
    def schedule(self) -> str:
        """The schedule that it is trained under."""
        return self["schedule"]

    @property
    def common(self) -> Choices:
        """All but the compared one: trials that share them may be compared."""
        return Choices(**{name: value for name, value in self.items() if name != COMPARED})

    def under(self, compared: str) -> Choices:
        """The same with another value of the compared choice."""
        return Choices(**{**self, COMPARED: compared})

    @property
    def sentence(self) -> str:
        """`googlenet under switch-priority`."""
        return f"{self.common} under {self[COMPARED]}"


def all_choices(values: Mapping[str, Iterable[str]]) -> Iterator[tuple[Choices, ...]]:
    """Every combination, as groups of those that are compared with each other.

    Args:
        values: of every choice, in order; the last ones change first, the compared one within its
            group.
    """
    common = [name for name in values if name != COMPARED]
    for chosen in product(*(tuple(values[name]) for name in common)):
        place = Choices(**dict(zip(common, chosen, strict=True)))
        yield tuple(place.under(compared) for compared in values[COMPARED])
