"""How many bytes a schedule sends of each unit of a model, if a codec codes them (pure)."""

from __future__ import annotations

from functools import lru_cache

from workloads.codecs.coding import Coding
from workloads.codecs.named import make
from workloads.codecs.part import parts_of
from workloads.models.profiles import Model
from workloads.schedule.units import Layout

_REMEMBERED = 64


def unit_bytes(coding: Coding, model: Model, slice_bytes: int | None) -> tuple[int, ...] | None:
    """Bytes of payload of every unit; None: the codec does not say.

    Args:
        coding: the codec.
        model: what is trained; in float32.
        slice_bytes: of a unit; None: a whole tensor.
    """
    sizes = []
    for part in parts_of(model, Layout(model, 1, 1, slice_bytes)):
        size = coding.expected_bytes(part)
        if size is None:
            return None
        sizes.append(size)
    return tuple(sizes)


@lru_cache(maxsize=_REMEMBERED)
def library_bytes(codec: str, model: Model, slice_bytes: int | None) -> tuple[int, ...] | None:
    """The same of a codec of the library, by its name."""
    return unit_bytes(Coding(codec, make(codec)), model, slice_bytes)
