"""What a layer of a model does, as the work that trees of a device know times of."""

from __future__ import annotations

from workloads.models.execution import Work
from workloads.models.profiles import BYTES_PER_ELEMENT, Layer

_NORMALISATION = "normalisation"
_OF_NORMALISATION = ".bn."
"""In the name of a tensor that belongs to the batch normalisation at the end of a layer."""


def works_of(layer: Layer, batch: int) -> tuple[Work, ...]:
    """What a layer does in a pass for `batch` examples, one after the other, and what comes before.

    A layer that ends with a batch normalisation of its own does two things. An activation belongs
    to what comes before it.
    """
    of_normalisation = [one for one in layer.tensors if _OF_NORMALISATION in one.name]
    normalised = bool(of_normalisation) and layer.kind != _NORMALISATION
    apart = sum(one.elements for one in of_normalisation) if normalised else 0
    out = BYTES_PER_ELEMENT * batch * layer.output_elements
    before = (
        Work(
            one.kind,
            0,
            BYTES_PER_ELEMENT * batch * one.input_elements,
            BYTES_PER_ELEMENT * batch * one.output_elements,
            0,
        )
        for one in layer.before
    )
    main = Work(
        layer.kind,
        batch * layer.macs,
        BYTES_PER_ELEMENT * batch * layer.input_elements,
        out,
        layer.float32_bytes - BYTES_PER_ELEMENT * apart,
    )
    if not normalised:
        return (*before, main)
    return (*before, main, Work(_NORMALISATION, 0, out, out, BYTES_PER_ELEMENT * apart))
