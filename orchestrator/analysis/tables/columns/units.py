"""The unit of throughputs that are shown together: programs may have another than imgs/sec."""

from __future__ import annotations

from collections.abc import Collection

MIXED = "throughput"
"""What figures of several units are called."""


def heading(units: Collection[str]) -> str:
    """The unit that all figures have; where they differ, a name without one."""
    return next(iter(units)) if len(set(units)) == 1 else MIXED


def with_unit(figure: str, unit: str, units: Collection[str]) -> str:
    """A figure below that heading: with its own unit where they differ; empty stays empty."""
    return f"{figure} {unit}" if figure and heading(units) == MIXED else figure
