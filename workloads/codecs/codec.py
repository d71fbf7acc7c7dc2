"""A codec: what is sent in place of values, and what the receiver makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workloads.models.profiles import BYTES_PER_ELEMENT
from workloads.schedule.units import Chunk

Floats = NDArray[np.float32]
Payload = bytes | bytearray | memoryview | NDArray[Any]
"""Bytes, or a contiguous array."""


class Codec(ABC):
    """Makes payloads of values and values of payloads; parameters and gradients alike.

    A worker has one, and the parameter server has one for each worker, so a codec may remember what
    it has sent. `encode` and `decode` are called from different threads, but never two at once for
    the same chunk and direction.

    Attributes:
        exact: whether `decode` restores what `encode` was given, bit for bit.
        additive: True: the float32 sum of several payloads of a chunk decodes to the sum of their
            values, so that payloads may be added undecoded.
    """

    exact: ClassVar[bool] = False
    additive: ClassVar[bool] = False

    @abstractmethod
    def encode(self, chunk: Chunk, values: Floats) -> Payload:
        """Return what is sent: bytes or a contiguous array, at most 1 MiB.

        Args:
            chunk: which part of the model it is: `chunk.number` tells it from others.
            values: float32 [at most 65,536], read-only. They may change once this has returned,
                so they must not be kept; a payload may be a view of them all the same.
        """

    @abstractmethod
    def decode(self, chunk: Chunk, payload: memoryview, out: Floats) -> None:
        """Write a payload's values into `out`.

        Args:
            chunk: which part of the model it is.
            payload: what `encode` returned at the other end, as bytes.
            out: float32 [elements of the chunk]; all of it must be written.

        Raises:
            ValueError: it is no payload of this chunk. (Any error ends the connection.)
        """

    def payload_bytes(self, elements: int) -> int | None:
        """Bytes that `encode` makes of `elements` values (default 4 each); None: that varies.

        A frame of another length ends the connection.
        """
        return BYTES_PER_ELEMENT * elements
