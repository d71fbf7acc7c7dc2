"""The values of the largest magnitude, and where they are."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from workloads.codecs.codec import Codec, Floats, Payload
from workloads.codecs.part import Part
from workloads.transport.memory import Sparse

_PLACE_BYTES = 4
_VALUE_BYTES = 4


class TopK(Codec):
    """Sends a share of a part's values, those of the largest magnitude; the others count as zero.

    Deep gradient compression (Lin et al., ICLR 2018) sends 0.1 % and keeps the rest for later,
    which is error feedback here. A payload has the places, ascending, as uint32, then the values.

    Args:
        share: of the values that are sent, over 0 and at most 1; at least one value is.
    """

    gives_sparse = True
    leaves_vectors = True

    def __init__(self, share: Fraction) -> None:
        self._share = share

    def encode(self, part: Part, values: Floats) -> Payload:
        """Places and values of the largest."""
        count = self._count(part)
        if count < part.elements:
            magnitudes = np.abs(values)
            places = np.argpartition(magnitudes, part.elements - count)[part.elements - count :]
            places.sort()
        else:
            places = np.arange(count)
        payload = np.empty(self.payload_bytes(part), np.uint8)
        payload[: _PLACE_BYTES * count].view(np.uint32)[:] = places
        np.take(values, places, out=payload[_PLACE_BYTES * count :].view(np.float32))
        return payload

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write the values, and zero everywhere else."""
        places, values = self.sparse(part, payload)
        out.fill(0.0)
        out[places] = values

    def payload_bytes(self, part: Part) -> int:
        """A place and a value for each that is sent."""
        return (_PLACE_BYTES + _VALUE_BYTES) * self._count(part)

    def sparse(self, part: Part, payload: memoryview) -> Sparse:
        """The places and values.

        Raises:
            ValueError: places are not ascending, or beyond the part.
        """
        count = self._count(part)
        places = np.frombuffer(payload, np.uint32, count)
        if places[-1] >= part.elements or not (places[1:] > places[:-1]).all():
            raise ValueError("places must ascend and be within the part")
        return Sparse(places, np.frombuffer(payload, np.float32, count, _PLACE_BYTES * count))

    def _count(self, part: Part) -> int:
        return max(1, math.ceil(part.elements * self._share))
