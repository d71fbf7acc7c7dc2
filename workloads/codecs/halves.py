"""Two bytes a value: float16, and bfloat16."""

from __future__ import annotations

import numpy as np

from workloads.codecs.codec import Codec, Floats, Payload
from workloads.codecs.part import Part

_MOST_FLOAT16 = np.float32(65504)


class Float16(Codec):
    """IEEE 754 binary16, rounded to nearest, ties to even: 11 bits of precision.

    What is beyond its range, 65504, becomes the largest value; Inf and NaN stay what they are.
    """

    leaves_vectors = True

    def encode(self, part: Part, values: Floats) -> Payload:
        """Round the values."""
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            beyond = np.isinf(half) & np.isfinite(values)
            half[beyond] = np.copysign(_MOST_FLOAT16, values[beyond])
        return half

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write the rounded values."""
        out[:] = np.frombuffer(payload, np.float16)

    def payload_bytes(self, part: Part) -> int:
        """Two a value."""
        return 2 * part.elements


class BFloat16(Codec):
    """The upper half of a float32, rounded to nearest, ties to even: its range, 8 bits precise."""

    leaves_vectors = True

    def encode(self, part: Part, values: Floats) -> Payload:
        """Round the values."""
        bits = np.ascontiguousarray(values).view(np.uint32)
        rounded = bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))
        half = (rounded >> 16).astype(np.uint16)
        nan = np.isnan(values)
        if nan.any():  # which rounding could turn into Inf
            half[nan] = (bits[nan] >> 16).astype(np.uint16) | np.uint16(0x40)
        return half

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write the rounded values."""
        bits = out.view(np.uint32)
        bits[:] = np.frombuffer(payload, np.uint16)
        bits <<= 16

    def payload_bytes(self, part: Part) -> int:
        """Two a value."""
        return 2 * part.elements
