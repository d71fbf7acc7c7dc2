"""A codec as it is called: what is wrong is said, with its name and the line."""

from __future__ import annotations

from typing import Any

from workloads.codecs.codec import Codec, Floats
from workloads.errors import FrameError, WorkloadError, raised_by
from workloads.models.profiles import BYTES_PER_ELEMENT
from workloads.schedule.units import Chunk
from workloads.transport.wire import MAX_PAYLOAD


class Coding:
    """Calls a codec, and says what is wrong where it fails.

    Args:
        name: of the codec.
        codec: that is called.

    Attributes:
        name: its name.
        exact: whether it is.
        additive: whether it says that its payloads may be added.
    """

    def __init__(self, name: str, codec: Codec) -> None:
        self.name = name
        self._codec = codec
        self.exact = bool(codec.exact)
        self.additive = bool(codec.additive)

    def encode(self, chunk: Chunk, values: Floats) -> memoryview:
        """Return the payload of a chunk.

        Raises:
            WorkloadError: the codec raised, or returned no payload.
        """
        read_only = values.view()
        read_only.flags.writeable = False
        try:
            payload = _bytes_of(self._codec.encode(chunk, read_only))
        except Exception as error:
            why = raised_by(self._codec.encode, error)
            raise WorkloadError(f"codec {self.name!r}: encode() raised {why}") from error
        expected = self._codec.payload_bytes(len(values))
        if expected is not None and len(payload) != expected:
            raise WorkloadError(
                f"codec {self.name!r}: encode() returned {len(payload)} bytes for {len(values)} "
                f"values, and payload_bytes({len(values)}) says {expected}"
            )
        if len(payload) > MAX_PAYLOAD:
            raise WorkloadError(
                f"codec {self.name!r}: encode() returned {len(payload)} bytes, at most "
                f"{MAX_PAYLOAD} are allowed"
            )
        return payload

    def check_length(self, chunk: Chunk, length: int) -> None:
        """Check the length of a payload before it is received.

        Raises:
            FrameError: the codec makes payloads of another length.
        """
        elements = chunk.length // BYTES_PER_ELEMENT
        expected = self._codec.payload_bytes(elements)
        if expected not in (None, length):
            raise FrameError(
                f"payload of {length} bytes for {elements} values of tensor {chunk.tensor}, but "
                f"codec {self.name!r} makes {expected}"
            )

    def decode(self, chunk: Chunk, payload: memoryview, out: Floats) -> None:
        """Write a payload's values.

        Raises:
            FrameError: the codec raised: it is no payload of this chunk.
        """
        try:
            self._codec.decode(chunk, payload, out)
        except Exception as error:
            why = raised_by(self._codec.decode, error)
            raise FrameError(
                f"{len(payload)} bytes do not decode to {len(out)} values of tensor "
                f"{chunk.tensor}: codec {self.name!r}: decode() raised {why}"
            ) from error


def _bytes_of(payload: Any) -> memoryview:
    view = memoryview(payload)
    # Nothing cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(b"")
