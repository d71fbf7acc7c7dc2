"""Calls a codec, and reports its mistakes with its name and the line."""

from __future__ import annotations

from workloads.codecs.codec import Codec, Floats, bytes_of
from workloads.codecs.part import Part
from workloads.errors import FrameError, WorkloadError, raised_by
from workloads.models.profiles import BYTES_PER_ELEMENT
from workloads.transport.memory import Sparse
from workloads.transport.wire import MAX_PAYLOAD


class Coding:
    """Calls a codec, and reports its mistakes.

    Args:
        name: of the codec.
        codec: that is called.

    Attributes:
        name: its name.
        exact: whether it is.
        additive: whether it says that its payloads may be added.
        gives_sparse: whether its payloads hold only values that are not zero.
    """

    def __init__(self, name: str, codec: Codec) -> None:
        self.name = name
        self._codec = codec
        self.exact = bool(codec.exact)
        self.additive = bool(codec.additive)
        self.gives_sparse = bool(codec.gives_sparse)

    def codes(self, part: Part) -> bool:
        """Whether a part is coded; else it travels as it is."""
        return not (part.vector and self._codec.leaves_vectors)

    def encode(self, part: Part, values: Floats) -> memoryview:
        """Return the payload of a part.

        Raises:
            WorkloadError: the codec raised, or returned no payload.
        """
        if not self.codes(part):
            return bytes_of(values)
        read_only = values.view()
        read_only.flags.writeable = False
        try:
            payload = bytes_of(self._codec.encode(part, read_only))
        except Exception as error:
            why = raised_by(self._codec.encode, error)
            raise WorkloadError(f"codec {self.name!r}: encode() raised {why}") from error
        expected = self._codec.payload_bytes(part)
        if expected is not None and len(payload) != expected:
            raise WorkloadError(
                f"codec {self.name!r}: encode() returned {len(payload)} bytes for {part.elements} "
                f"values, and payload_bytes() says {expected}"
            )
        return payload

    def expected_bytes(self, part: Part) -> int | None:
        """Bytes of a part's payload; None: the codec does not say."""
        if not self.codes(part):
            return BYTES_PER_ELEMENT * part.elements
        return self._codec.payload_bytes(part)

    def check_piece(self, part: Part, piece: int, pieces: int, length: int) -> None:
        """Check the length of a piece of a payload before it is received.

        Raises:
            FrameError: the codec makes payloads of another length.
        """
        expected = self.expected_bytes(part)
        if expected is None:
            return
        begin, end = cut_at(expected, piece, pieces)
        if length != end - begin:
            raise FrameError(
                f"piece {piece} of {pieces} has {length} bytes, but codec {self.name!r} makes "
                f"{expected} of {part.elements} values, and {end - begin} are in that piece"
            )

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write a payload's values.

        Raises:
            FrameError: the codec raised: it is no payload of this part.
        """
        if not self.codes(part):
            bytes_of(out)[:] = payload
            return
        try:
            self._codec.decode(part, payload, out)
        except Exception as error:
            raise self._no_payload(part, payload, error) from error

    def sparse(self, part: Part, payload: memoryview) -> Sparse | None:
        """The values of a payload that are not zero, if it holds only these.

        Raises:
            FrameError: the codec raised: it is no payload of this part.
        """
        if not self.codes(part):
            return None
        try:
            return self._codec.sparse(part, payload)
        except Exception as error:
            raise self._no_payload(part, payload, error) from error

    def _no_payload(self, part: Part, payload: memoryview, error: Exception) -> FrameError:
        why = raised_by(self._codec.decode, error)
        return FrameError(
            f"{len(payload)} bytes do not decode to {part.elements} values: codec {self.name!r}: "
            f"decode() raised {why}"
        )


def cut_at(length: int, piece: int, pieces: int) -> tuple[int, int]:
    """Where a piece of a payload begins and ends, of as many as its unit has chunks.

    Args:
        length: of the payload, in bytes.
        piece: its number.
        pieces: how many there are.
    """
    return length * piece // pieces, length * (piece + 1) // pieces


def check_size(payload: memoryview, pieces: int, name: str) -> None:
    """Check that the pieces of a payload fit into frames.

    Raises:
        WorkloadError: they do not.
    """
    if len(payload) > MAX_PAYLOAD * pieces:
        raise WorkloadError(
            f"codec {name!r}: encode() returned {len(payload)} bytes, at most "
            f"{MAX_PAYLOAD * pieces} are allowed"
        )
