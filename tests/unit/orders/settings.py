"""Settings to order in."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.orders import Computation, Setting, setting_of
from tests.unit.workloads.in_process import model_of
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import Layout


def setting_for(
    schedule: Schedule,
    layers: Sequence[Sequence[int]] = ((10,), (20,)),
    *,
    workers: int = 2,
    seconds_per_byte: float = 0.0,
    shared: bool = True,
) -> Setting:
    """A made-up chain of layers, forward and backward a second each; units of ten elements."""
    model = model_of(layers)
    seconds = (1.0,) * len(layers)
    unit = 40 if schedule.slice_bytes else None
    return setting_of(
        model,
        Layout(model, 1, 1, unit),
        stretch=1.0,
        workers=[Computation(seconds, seconds)] * workers,
        seconds_per_byte=seconds_per_byte,
        shared=shared,
        barrier=schedule.barrier,
        seed=7,
        repeat=0,
    )
