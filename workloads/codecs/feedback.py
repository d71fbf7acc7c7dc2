"""Error feedback: what a codec loses is added to what is sent next."""

from __future__ import annotations

import numpy as np

from workloads.codecs.codec import Codec, Floats, Payload, bytes_of
from workloads.codecs.part import Part
from workloads.transport.memory import Sparse


class Feedback(Codec):
    """Wraps a codec: encodes a part's values and all that its payloads have lost so far.

    (1-bit SGD, Seide et al., 2014; its convergence: Karimireddy et al., ICML 2019.)

    Args:
        codec: that it wraps.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._lost: dict[int, Floats] = {}  # by part
        # Of this object: they are the codec's own.
        self.exact = codec.exact  # type: ignore[misc]
        self.needs_whole = codec.needs_whole  # type: ignore[misc]
        self.gives_sparse = codec.gives_sparse  # type: ignore[misc]
        self.leaves_vectors = codec.leaves_vectors  # type: ignore[misc]

    def encode(self, part: Part, values: Floats) -> Payload:
        """Encode the sum, and keep what the payload does not say of it."""
        wanted = self._lost.get(part.number)
        if wanted is None:
            wanted = self._lost[part.number] = np.zeros(part.elements, np.float32)
        wanted += values
        payload = self._codec.encode(part, wanted)
        view = bytes_of(payload)
        sparse = self._codec.sparse(part, view)
        if sparse is None:
            arrived = np.empty_like(wanted)
            self._codec.decode(part, view, arrived)
            wanted -= arrived
        else:
            wanted[sparse.places] -= sparse.values
        return payload

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """As the codec does."""
        self._codec.decode(part, payload, out)

    def payload_bytes(self, part: Part) -> int | None:
        """As the codec does."""
        return self._codec.payload_bytes(part)

    def sparse(self, part: Part, payload: memoryview) -> Sparse | None:
        """As the codec does."""
        return self._codec.sparse(part, payload)
