"""The codec of own-codec.yaml; docs/extending.md says how it is used."""

from __future__ import annotations

import numpy as np

from workloads.codecs import Codec, Floats, Part


class HalfBits(Codec):
    """Sends every value with 16 bits instead of 32: half the bytes, and not exact."""

    def encode(self, part: Part, values: Floats) -> bytes:
        """Round the values, and return their bytes."""
        return values.astype(np.float16).tobytes()

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write the rounded values into `out`."""
        out[:] = np.frombuffer(payload, np.float16)

    def payload_bytes(self, part: Part) -> int:
        """Two bytes for each value."""
        return 2 * part.elements
