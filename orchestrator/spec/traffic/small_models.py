"""Whether an emulated model still has the real one's bytes, times D/R (pure).

A tensor keeps an element however small D/R makes it, and a message its header. Of a model with many
small tensors more is then sent than the scale says, and its many small messages take time that
nothing scales.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from orchestrator.spec.scale import MAX_TIME, Scale
from orchestrator.spec.values.fields import SLICE_MICROSECONDS
from workloads.models.profiles import BYTES_PER_ELEMENT, Model
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import CHUNK_BYTES
from workloads.transport.wire import HEADER_BYTES

MOST_OFF = 0.01
"""Of its bytes: what a figure may be off unsaid."""


def sent(model: Model, unit_bytes: int | None, scale: Scale) -> tuple[int, int]:
    """How many bytes and messages a worker gets when it pulls a model, headers included.

    Args:
        model: whose tensors are sent.
        unit_bytes: of a schedule's slice in the real system; None: whole tensors.
        scale: of the emulation.
    """
    size = messages = 0
    whole = None
    if unit_bytes is not None:
        whole = BYTES_PER_ELEMENT * scale.elements(ceil(unit_bytes / BYTES_PER_ELEMENT))
    for tensor in model.tensors:
        length = BYTES_PER_ELEMENT * scale.elements(tensor.elements)
        full, rest = divmod(length, whole or length)
        size += length
        messages += full * ceil((whole or length) / CHUNK_BYTES) + ceil(rest / CHUNK_BYTES)
    return size + HEADER_BYTES * messages, messages


def off(model: Model, unit_bytes: int | None, scale: Scale) -> float:
    """By which part more is sent than D/R of the real model's bytes."""
    size, _ = sent(model, unit_bytes, scale)
    return size / (model.bytes * float(scale.factor)) - 1


def too_small(models: Iterable[Model], schedules: Iterable[Schedule], scale: Scale) -> str:
    """In a line which model is most off at a scale, and which D is large enough; or empty."""
    cases = [(model, schedule) for model in models for schedule in schedules]
    if not cases:
        return ""
    model, schedule = max(cases, key=lambda case: off(case[0], case[1].slice_bytes, scale))
    unit = schedule.slice_bytes
    excess = off(model, unit, scale)
    if excess <= MOST_OFF:
        return ""
    size, messages = sent(model, unit, scale)
    time = least_time(model, unit, scale.rates)
    enough = f"D = {time} is enough" if time else f"no D up to {MAX_TIME} is enough"
    return (
        f"scale: at {scale} {model.name} under {schedule.name} has {100 * excess:.1f} % more bytes "
        f"than D/R of the real model's. The model is {messages} messages of "
        f"{size / messages:.0f} B on average here, headers included, so a schedule has little to "
        f"order, and each message takes some {SLICE_MICROSECONDS} us of a core. A larger D makes "
        f"them larger ({enough} at R = {scale.rates:g})"
    )


def least_time(model: Model, unit_bytes: int | None, rates: float) -> int | None:
    """The least whole D with which a model is not off at that R; None: there is none."""
    low, high = 0, MAX_TIME
    if off(model, unit_bytes, Scale(rates, high)) > MOST_OFF:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if off(model, unit_bytes, Scale(rates, middle)) > MOST_OFF:
            low = middle
        else:
            high = middle
    return high
