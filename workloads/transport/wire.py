"""The wire protocol: length-prefixed binary frames over TCP.

Every frame is a fixed header, in network byte order, and a payload of at most MAX_PAYLOAD bytes.
Float32 payloads are little-endian.

Every worker has two connections, one for each direction, so that no data waits in the queue of one
direction with acknowledgements of the other: where a switch lets pure ACKs overtake data, such data
comes with an acknowledgement that is long out of date, and TCP discards it (RFC 5961, 5.2).

Some schedules have several flows: as many such pairs. A unit always travels on the same flow, and
no frame waits for one of another flow: what a frame depends on had arrived before it was sent.

    HELLO       worker -> server   first frame of a connection on which the worker sends;
                                   payload: see `greeting`
    LISTEN      worker -> server   first and only one on a connection on which the server sends;
                                   payload: the same
    RELEASE     server -> worker   iteration i starts (the step barrier is open); where workers
                                   take turns: push the gradients of iteration i; on the first flow
    PULL        worker -> server   send me one tensor; no payload; on the first flow
    PARAMETERS  server -> worker   one chunk of a tensor
    GRADIENT    worker -> server   one chunk of a tensor's gradient
    LAST        server -> worker   iteration i is your last one; only where workers have paces of
                                   their own and go on; on the first flow
    DONE        server -> worker   the last iteration is applied, on every flow; without a training:
                                   both ways
    ERROR       both               the sender gives up; payload: why, UTF-8

Nothing in a frame is trusted: see `unpack` here and `Layout.find`.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from workloads.errors import FrameError

MAGIC = b"DMLB"
VERSION = 4
MAX_PAYLOAD = 1 << 20

# magic, version, type, worker, iteration; and what a chunk's frames have in common all the time:
# tensor, offset (bytes), payload length (bytes)
_BEGIN = struct.Struct("!4sBBHI")
_PLACE = struct.Struct("!IQI")
_HEADER = struct.Struct(f"!{_BEGIN.format[1:]}{_PLACE.format[1:]}")
HEADER_BYTES = _HEADER.size
BEGIN_BYTES = _BEGIN.size


class FrameType(IntEnum):
    """What a frame is for."""

    HELLO = 1
    RELEASE = 2
    PULL = 3
    PARAMETERS = 4
    GRADIENT = 5
    DONE = 6
    ERROR = 7
    LISTEN = 8
    LAST = 9


_TYPES = {int(kind): kind for kind in FrameType}


class Frame(NamedTuple):
    """A frame's header.

    Attributes:
        type: what it is for.
        worker: the worker's number.
        iteration: counted from 0, warm-up and cool-down included.
        tensor: its number in the layout.
        offset: of the payload in the tensor, in bytes.
        length: of the payload, in bytes.
    """

    type: FrameType
    worker: int = 0
    iteration: int = 0
    tensor: int = 0
    offset: int = 0
    length: int = 0

    def pack(self) -> bytes:
        """Return the header's bytes."""
        place = pack_place(self.tensor, self.offset, self.length)
        return pack_begin(self.type, self.worker, self.iteration) + place


def pack_begin(kind: FrameType, worker: int, iteration: int) -> bytes:
    """The part of a header before that of `pack_place`: the same for all chunks of an iteration."""
    return _BEGIN.pack(MAGIC, VERSION, kind, worker, iteration)


def pack_place(tensor: int, offset: int, length: int) -> bytes:
    """The last part of a header: where the payload belongs (bytes)."""
    return _PLACE.pack(tensor, offset, length)


def greeting(kind: FrameType, worker: int, flow: int, digest: bytes) -> bytes:
    """The first frame of a connection: whose it is, which flow, and the digest of the layout."""
    return Frame(kind, worker, length=1 + len(digest)).pack() + bytes([flow]) + digest


def split_greeting(payload: bytes) -> tuple[int, bytes]:
    """Flow and digest out of a greeting's payload.

    Raises:
        FrameError: it is empty.
    """
    if not payload:
        raise FrameError("a greeting without a payload")
    return payload[0], payload[1:]


def unpack(header: bytes | bytearray) -> Frame:
    """Return the frame that HEADER_BYTES bytes announce.

    Raises:
        FrameError: wrong magic or version, unknown type, or too long a payload.
    """
    magic, version, kind, worker, iteration, tensor, offset, length = _HEADER.unpack(header)
    if magic != MAGIC:
        raise FrameError(f"not a dmlbed frame: it starts with {magic!r}, expected {MAGIC!r}")
    if version != VERSION:
        raise FrameError(f"protocol version {version}, expected {VERSION}")
    frame_type = _TYPES.get(kind)
    if frame_type is None:
        raise FrameError(f"unknown frame type {kind}")
    if length > MAX_PAYLOAD:
        raise FrameError(f"payload of {length} bytes, at most {MAX_PAYLOAD} are allowed")
    return Frame(frame_type, worker, iteration, tensor, offset, length)
