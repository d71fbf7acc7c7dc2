"""Frames, the layout that checks them, and connections."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.errors import FrameError, WorkloadError
from workloads.models.profiles import load_model
from workloads.schedule.units import CHUNK_BYTES, Layout, scaled_elements
from workloads.transport.connection import Connection, Disconnected, PeerError, Sent
from workloads.transport.frames import Payloads, UnitFrames
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel, SendQueue
from workloads.transport.wire import (
    BEGIN_BYTES,
    HEADER_BYTES,
    MAX_PAYLOAD,
    Frame,
    FrameType,
    pack_begin,
    unpack,
)

U32 = st.integers(0, 2**32 - 1)
FRAMES = st.builds(
    Frame,
    st.sampled_from(FrameType),
    worker=st.integers(0, 2**16 - 1),
    iteration=U32,
    tensor=U32,
    offset=st.integers(0, 2**64 - 1),
    length=st.integers(0, MAX_PAYLOAD),
)
LAYOUT = Layout(load_model("alexnet"), 1, 0.01)


@given(FRAMES)
def test_a_frame_survives_the_wire(frame: Frame) -> None:
    assert unpack(frame.pack()) == frame


@given(st.binary(min_size=HEADER_BYTES, max_size=HEADER_BYTES))
def test_any_bytes_are_refused_or_mean_themselves(header: bytes) -> None:
    with suppress(FrameError):
        assert unpack(header).pack() == header


@given(FRAMES, st.integers(0, 5), st.integers(1, 255))
def test_damage_to_magic_version_or_type_does_not_pass(frame: Frame, at: int, flip: int) -> None:
    header = bytearray(frame.pack())
    header[at] ^= flip
    try:
        assert unpack(header) != frame
        assert at == 5  # another known type
    except FrameError:
        pass


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, b"GET ", "not a dmlbed frame: it starts with b'GET ', expected b'DMLB'"),
        (4, b"\x01", "protocol version 1, expected 4"),
        (5, b"\x63", "unknown frame type 99"),
        (24, b"\x00\x10\x00\x01", "payload of 1048577 bytes, at most 1048576 are allowed"),
    ],
)
def test_a_broken_header_says_what_is_wrong(at: int, value: bytes, message: str) -> None:
    header = bytearray(Frame(FrameType.GRADIENT).pack())
    header[at : at + len(value)] = value
    with pytest.raises(FrameError) as raised:
        unpack(header)
    assert str(raised.value) == message


@given(
    st.integers(0, 20),
    st.one_of(st.integers(0, 8).map(lambda n: n * CHUNK_BYTES), st.integers(0, 2**64 - 1)),
    st.one_of(
        st.sampled_from(sorted({chunk.length for chunk in LAYOUT.chunks})),
        st.integers(0, MAX_PAYLOAD),
    ),
)
def test_only_the_chunks_of_the_layout_are_found(tensor: int, offset: int, length: int) -> None:
    wanted = [
        chunk
        for chunk in LAYOUT.chunks
        if (chunk.tensor, chunk.offset, chunk.length) == (tensor, offset, length)
    ]
    try:
        assert [LAYOUT.find(tensor, offset, length)] == wanted
    except FrameError:
        assert not wanted


@given(
    st.integers(1, 10**9),
    st.decimals("0.01", 100, places=2, allow_nan=False),
    st.decimals("0.01", 100, places=2, allow_nan=False),
)
def test_scaling_rounds_up_exactly(elements: int, rates: object, time: object) -> None:
    exact = elements * Fraction(str(time)) / Fraction(str(rates))
    scaled = scaled_elements(elements, float(str(rates)), float(str(time)))
    assert scaled == max(1, math.ceil(exact))


def test_a_factor_is_the_decimal_that_was_written() -> None:
    assert scaled_elements(10, 1, 0.1) == 1  # as a binary fraction, 0.1 is a little more
    assert scaled_elements(1, 16, 0.5) == 1
    assert scaled_elements(1001, 1, 0.5) == 501


def test_chunks_cover_the_arena_once_in_order() -> None:
    position = 0
    for number, chunk in enumerate(LAYOUT.chunks):
        assert (chunk.number, chunk.start) == (number, position)
        assert 0 < chunk.length <= CHUNK_BYTES
        position += chunk.length
    assert position == LAYOUT.bytes == Arena(LAYOUT).values.nbytes
    assert len(LAYOUT.tensor_chunks[10]) == math.ceil(4 * 377488 / CHUNK_BYTES)  # fc6.w
    assert LAYOUT.layer_tensors[5] == (10, 11)
    assert LAYOUT.tensor_layers[10:12] == (5, 5)


def test_the_digest_tells_layouts_apart() -> None:
    layouts = [("alexnet", 1, 0.01), ("alexnet", 1, 0.02), ("squeezenet", 1, 0.01)]
    digests = {Layout(load_model(model), r, d).digest for model, r, d in layouts}
    assert len(digests) == 3
    assert Layout(load_model("alexnet"), 1, 0.01).digest == LAYOUT.digest


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    """A connection and the raw socket of its peer."""
    left, right = socket.socketpair()
    with left, right:
        yield Connection(left), right


def test_payloads_travel_from_arena_to_arena(ends: tuple[Connection, socket.socket]) -> None:
    here, there = ends[0], Connection(ends[1])
    source, destination = Arena(LAYOUT), Arena(LAYOUT)
    source.values[:] = np.arange(len(source.values))
    frames = UnitFrames(LAYOUT, source, FrameType.PARAMETERS)
    parcels = [parcel for unit in LAYOUT.units for parcel in frames.of(unit, 2, 5, to=1)]
    assert [unpack(parcel.head).worker for parcel in parcels] == [2] * len(LAYOUT.chunks)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(here.send, parcels)  # far more than the socket's buffer
        receive_all(there, destination)
    assert np.array_equal(source.values, destination.values)
    assert sent.result() == Sent(1, 5, LAYOUT.bytes, len(LAYOUT.units))
    assert here.sent == there.received == LAYOUT.bytes


def receive_all(there: Connection, destination: Arena) -> None:
    for _ in LAYOUT.chunks:
        frame = there.receive()
        chunk = LAYOUT.find(frame.tensor, frame.offset, frame.length)
        there.receive_chunk(chunk, destination)


def test_a_known_chunk_is_recognised_and_all_else_is_checked(
    ends: tuple[Connection, socket.socket],
) -> None:
    connection, peer = ends
    chunk = LAYOUT.chunks[3]
    known = Frame(FrameType.GRADIENT, 1, 5, chunk.tensor, chunk.offset, chunk.length)
    others = [
        known._replace(iteration=6),
        known._replace(worker=2),
        known._replace(type=FrameType.PARAMETERS),
        known._replace(length=chunk.length - 4),
        known._replace(tensor=99),
        Frame(FrameType.PULL, 1, 5, chunk.tensor),
    ]
    begin = pack_begin(known.type, known.worker, known.iteration)
    places = Payloads(LAYOUT, Arena(LAYOUT)).places()
    for frame in (known, *others):
        peer.sendall(frame.pack())
    assert connection.receive_known(begin, places) is chunk
    assert [connection.receive_known(begin, places) for _ in others] == others
    peer.sendall(b"DMLC" + known.pack()[4:])
    with pytest.raises(FrameError, match="not a dmlbed frame"):
        connection.receive_known(begin, places)


@pytest.mark.parametrize("left", [0, 11, HEADER_BYTES - 1])
def test_the_end_of_a_connection_in_the_middle_of_a_frame(
    ends: tuple[Connection, socket.socket], left: int
) -> None:
    connection, peer = ends
    frame = Frame(FrameType.DONE).pack()
    peer.sendall(frame[:left])
    peer.close()
    with pytest.raises(Disconnected, match=r"^disconnected$"):
        connection.receive_known(frame[:BEGIN_BYTES], {})
    with pytest.raises(Disconnected, match=r"^disconnected$"):
        connection.receive()
    with pytest.raises(Disconnected, match=r"^disconnected: Broken pipe$"):
        connection.send([Parcel(b"x")])


def test_the_last_word_of_a_peer(ends: tuple[Connection, socket.socket]) -> None:
    connection, peer = ends
    Connection(peer).send_error("no more space")
    peer.close()
    with pytest.raises(PeerError, match=r"^no more space$"):
        connection.receive()


def test_a_last_word_is_not_waited_for(ends: tuple[Connection, socket.socket]) -> None:
    connection, _ = ends
    connection.sending.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            connection.sending.send(bytes(65536))
    connection.send_error("nobody reads")  # returns


def test_an_endless_last_word_is_refused(ends: tuple[Connection, socket.socket]) -> None:
    connection, peer = ends
    peer.sendall(Frame(FrameType.ERROR, length=MAX_PAYLOAD).pack())
    with pytest.raises(FrameError, match=r"^error text of 1048576 bytes$"):
        connection.receive()


def test_silence_before_the_first_frame(ends: tuple[Connection, socket.socket]) -> None:
    connection, _ = ends
    connection.receiving.settimeout(0.01)
    with pytest.raises(WorkloadError, match=r"^sent no complete frame in time$"):
        connection.receive()


@given(st.lists(st.integers(0, 3 * CHUNK_BYTES // 2), max_size=40))
def test_a_queue_keeps_the_order_and_bounds_what_it_hands_out(sizes: list[int]) -> None:
    queue = SendQueue()
    memory = memoryview(bytes(2 * CHUNK_BYTES))
    parcels = [Parcel(b"%d" % i, memory[:size] or None) for i, size in enumerate(sizes)]
    queue.put(parcels)
    queue.close()
    taken: list[Parcel] = []
    while batch := queue.take():
        assert len(batch) == 1 or sum(len(p.body or b"") for p in batch) <= 256 * 1024
        taken += batch
    assert taken == parcels


def drained(queue: SendQueue) -> list[bytes]:
    queue.close()
    return [parcel.head for batch in iter(queue.take, []) for parcel in batch]


@given(st.lists(st.integers(0, 3), max_size=40))
def test_a_queue_sends_the_most_urgent_first_and_equals_in_their_order(ranks: list[int]) -> None:
    queue = SendQueue()
    for number, rank in enumerate(ranks):
        queue.put([Parcel(b"%d" % number)], rank)
    in_order = sorted(range(len(ranks)), key=lambda number: ranks[number])
    assert drained(queue) == [b"%d" % number for number in in_order]


def test_a_unit_that_has_begun_is_sent_to_its_end() -> None:
    queue = SendQueue(send_limit=1)
    body = memoryview(bytes(2))
    queue.put([Parcel(b"a1", body), Parcel(b"a2", body)], rank=5)
    assert [parcel.head for parcel in queue.take()] == [b"a1"]
    queue.put([Parcel(b"urgent", body)], rank=0)
    assert drained(queue) == [b"a2", b"urgent"]


def test_what_does_not_fit_into_a_send_is_not_decided_with_it() -> None:
    queue = SendQueue(send_limit=2)
    body = memoryview(bytes(2))
    for name in (b"a", b"b"):
        queue.put([Parcel(name, body)], rank=5)
    assert [parcel.head for parcel in queue.take()] == [b"a"]
    queue.put([Parcel(b"urgent", body)], rank=0)
    assert drained(queue) == [b"urgent", b"b"]


def test_a_full_window_holds_back_all_but_the_most_urgent() -> None:
    queue = SendQueue(window=3, send_limit=1)
    body = memoryview(bytes(2))
    for name in (b"a", b"b", b"c"):
        queue.put([Parcel(name, body)], rank=5, size=2)
    assert [queue.take()[0].head for _ in range(2)] == [b"a", b"b"]  # begun while below 3
    queue.put([Parcel(b"urgent", body)], rank=1, size=2)
    assert queue.take()[0].head == b"urgent"
    queue.put([Parcel(b"told")], rank=9)  # has no bytes, but waits its turn behind c
    queue.acknowledged(1, 2)
    queue.acknowledged(5, 2)
    assert queue.take()[0].head == b"c"
    queue.lift_window()
    assert drained(queue) == [b"told"]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=9))
def test_allowances_are_of_units_whatever_their_bytes(sizes: list[int]) -> None:
    queue = SendQueue(allowed=0)
    for number, size in enumerate(sizes):
        queue.put([Parcel(b"%d" % number, memoryview(bytes(size)))], 1, size)
    queue.put([Parcel(b"told")])  # needs no allowance
    assert [parcel.head for parcel in queue.take()] == [b"told"]
    for number in range(len(sizes)):
        queue.allow(1)
        assert [parcel.head for parcel in queue.take()] == [b"%d" % number]
