"""No coding: values travel as they are."""

from __future__ import annotations

from workloads.codecs.codec import Codec, Floats
from workloads.codecs.part import Part


class Identity(Codec):
    """Sends values as they are. Programs send from the tensors and receive into them: no copy."""

    exact = True
    additive = True

    def encode(self, part: Part, values: Floats) -> memoryview:
        """Return the values' own bytes."""
        return values.data

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Copy the values."""
        out.data.cast("B")[:] = payload
