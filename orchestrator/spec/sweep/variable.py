"""One variable of a sweep: a key of the experiment, of a link, or of schedules, and its values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.spec.values.units import duration_text, exact_size_text, rate_parts, rate_text
from workloads.schedule.schedule import Schedule

Value: TypeAlias = int | float | str
"""Of a key, in bit/s, microseconds or bytes if it has a unit."""

EXPERIMENT_KEYS = (
    "batch",
    "workers",
    "congestion_control",
    "send_buffer",
    "receive_buffer",
    "order_of_operations",
)
"""Keys of the experiment that may be varied; all that is no key of a link is a schedule's."""
LINK_KEYS = {"rate": "rate_bps", "delay": "delay_us", "queue": "queue_bytes"}
"""Keys of a link -> the fields of its two directions."""

_EXACT = 15  # digits of a value that is shown as it was written
_LETTERS = 40  # of a value in the name of a directory


@dataclass(frozen=True)
class Variable:
    """What is varied.

    Attributes:
        key: as files name it.
        values: in the order in which they are to run, none twice.
        link: for a key of a link, its endpoints; both directions are varied.
        schedules: for a key of a schedule, the names of those that are varied.
    """

    key: str
    values: tuple[Value, ...]
    link: tuple[str, str] | None = None
    schedules: tuple[str, ...] = ()

    def text(self, value: Value) -> str:
        """A value for people, with its unit: `16`, `2.5 Gbit/s`, `160 kB`, `top-k:1%`."""
        if not isinstance(value, int):
            return str(value)
        if self.key == "rate":
            return rate_text(value, _EXACT)
        if self.key == "delay":
            return duration_text(value)
        return exact_size_text(value) if self._in_bytes else str(value)

    def rounded_text(self, value: float) -> str:
        """A value between two others, for people: three digits of it."""
        rounded = float(f"{value:.3g}")
        if self.key == "rate":
            return rate_text(rounded, 3)
        if self._in_bytes:
            return exact_size_text(round(rounded))
        return duration_text(round(rounded)) if self.key == "delay" else f"{rounded:g}"

    def label(self, value: Value) -> str:
        """A value's name, fit for a directory: `batch-16`, `rate-2.5G`, `codec-top-k-1`."""
        if self.key == "rate" and isinstance(value, int):
            text = "".join(rate_parts(value, _EXACT))
        else:
            text = self.text(value).replace(" ", "")
        return f"{self.key}-{re.sub('[^A-Za-z0-9._-]+', '-', text)[:_LETTERS].strip('-')}"

    @property
    def title(self) -> str:
        """What is varied, in words: `batch`, `rate of core - rack`, `slice of p3`."""
        if self.link:
            return f"{self.key} of {' - '.join(self.link)}"
        words = self.key.replace("_", " ")
        return f"{words} of {', '.join(self.schedules)}" if self.schedules else words

    @property
    def numeric(self) -> bool:
        """Whether the values have places on a logarithmic axis."""
        return all(isinstance(value, int | float) and value > 0 for value in self.values)

    @property
    def continuous(self) -> bool:
        """Whether an experiment may be thought of at any value between two."""
        return self.numeric and self.key in ("batch", "workers", "rate")

    def rank(self, value: Value) -> float:
        """A value's place among the others: by its size, or by where it is listed."""
        if self.numeric and isinstance(value, int | float):
            return float(value)
        return float(self.values.index(value))

    @property
    def _in_bytes(self) -> bool:
        return self.key in ("queue", "send_buffer", "receive_buffer") or (
            f"{self.key}_bytes" in Schedule.__dataclass_fields__
        )
