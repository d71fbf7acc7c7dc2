"""One bit a value: its sign, and a magnitude for each filter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workloads.codecs.codec import Codec, Floats, Payload
from workloads.codecs.part import Part

_SCALE_BYTES = 4


class Sign(Codec):
    """Sends the sign of every value, and of every row (filter) the mean magnitude.

    Of all scales a, a = mean |x| has the least squared error of a sign(x) (XNOR-Net, Rastegari et
    al., ECCV 2016). Zero counts as positive. A payload has the scales as float32, then the bits,
    eight to a byte, 1 for positive; a slice has a scale for each row that it has a part of.
    """

    leaves_vectors = True

    def encode(self, part: Part, values: Floats) -> Payload:
        """The scales, then the signs."""
        starts = part.row_starts
        sums = np.add.reduceat(np.abs(values), starts, dtype=np.float64)
        payload = np.empty(self.payload_bytes(part), np.uint8)
        cut = _SCALE_BYTES * part.rows
        payload[:cut].view(np.float32)[:] = sums / _counts(part)
        payload[cut:] = np.packbits(values >= 0)
        return payload

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write every row's scale with the signs."""
        scales = np.frombuffer(payload, np.float32, part.rows)
        bits = np.frombuffer(payload, np.uint8, -1, _SCALE_BYTES * part.rows)
        positive = np.unpackbits(bits, count=part.elements)
        np.multiply(positive, np.float32(2), out=out)
        out -= 1
        out *= np.repeat(scales, _counts(part))

    def payload_bytes(self, part: Part) -> int:
        """A bit a value, rounded up to bytes, and a scale a row."""
        return _SCALE_BYTES * part.rows + -(-part.elements // 8)


def _counts(part: Part) -> NDArray[np.int64]:
    """Values of each row that are in the part."""
    edges = np.array([*part.row_starts, part.elements], np.int64)
    return edges[1:] - edges[:-1]
