"""What a codec is: how a unit's values travel, and what the receiver makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workloads.codecs.part import Part
from workloads.models.profiles import BYTES_PER_ELEMENT
from workloads.transport.memory import Sparse

Floats = NDArray[np.float32]
Payload = bytes | bytearray | memoryview | NDArray[Any]
"""Bytes, or a contiguous array."""


def bytes_of(payload: Any) -> memoryview:
    """A payload's bytes."""
    view = memoryview(payload)
    # Nothing cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(b"")


class Codec(ABC):
    """Makes payloads of values and values of payloads; parameters and gradients alike.

    Every end of a link has one for each direction, so a codec may remember what it has sent.
    `encode` and `decode` are called from different threads, but never two at once for the same part
    and direction.

    Attributes:
        exact: whether `decode` restores what `encode` was given, bit for bit.
        additive: True: the float32 sum of several payloads of a part decodes to the sum of their
            values, so that payloads may be added undecoded.
        needs_whole: whether it codes whole tensors only, so that a schedule must not slice.
        gives_sparse: whether its payloads hold only values that are not zero: see `sparse`.
        leaves_vectors: whether tensors of one dimension (biases, normalisations) travel as they
            are: they are small, and their values matter.
    """

    exact: ClassVar[bool] = False
    additive: ClassVar[bool] = False
    needs_whole: ClassVar[bool] = False
    gives_sparse: ClassVar[bool] = False
    leaves_vectors: ClassVar[bool] = False

    @abstractmethod
    def encode(self, part: Part, values: Floats) -> Payload:
        """Return what is sent: bytes or a contiguous array.

        Args:
            part: which part of the model it is: `part.number` tells it from others.
            values: float32 [elements of the part], read-only. They may change once this has
                returned, so they must not be kept; a payload may be a view of them all the same.
        """

    @abstractmethod
    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write a payload's values into `out`.

        Args:
            part: which part of the model it is.
            payload: what `encode` returned at the other end, as bytes.
            out: float32 [elements of the part]; all of it must be written.

        Raises:
            ValueError: it is no payload of this part. (Any error ends the connection.)
        """

    def payload_bytes(self, part: Part) -> int | None:
        """Bytes that `encode` makes of a part (default 4 a value); None: that varies.

        A payload of another length ends the connection.
        """
        return BYTES_PER_ELEMENT * part.elements

    def sparse(self, part: Part, payload: memoryview) -> Sparse | None:
        """The values of a payload that are not zero, where it holds only these; None: it does not.

        What adds up contributions then leaves all others alone.

        Raises:
            ValueError: it is no payload of this part.
        """
        return None
