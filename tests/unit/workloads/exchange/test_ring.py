"""Workers in a ring end with what numpy makes of the same gradients, added in the ring's order."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.workloads.exchanges import digests_together, train_together, tried_together
from tests.unit.workloads.in_process import model_of
from workloads.errors import FrameError, WorkloadError
from workloads.exchange import Unit
from workloads.exchange.demand import ring_demands
from workloads.exchange.ring import RingExchange
from workloads.exchange.ring_state import RingState
from workloads.models.profiles import Model
from workloads.schedule.library import get_schedule
from workloads.schedule.owners import owners
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import CHUNK_BYTES, Layout

RING, BUCKETED = get_schedule("ring"), get_schedule("ring-bucketed")
MODEL = model_of([[70_000], [1, 3000], [], [257, 64]])
ITERATIONS, RATE = 3, 0.1
ASKED: dict[str, Any] = {"iterations": ITERATIONS, "rate": RATE}


def added_by_hand(
    model: Model, schedule: Schedule, workers: int, iterations: int, rate: float
) -> bytes:
    """The parameters after as many iterations, as text of their bytes.

    A slice is looked after by the worker that has the fewest bytes so far, and the gradients are
    added from the one after it round to it.
    """
    owned = [0] * workers
    parameters = b""
    for number, tensor in enumerate(model.tensors):
        drawn = np.random.default_rng([7, 1, number]).standard_normal(tensor.elements, np.float32)
        p = drawn * np.float32(0.01)
        targets = [
            np.resize(np.random.default_rng([7, 2, w]).standard_normal(65536, np.float32), p.size)
            for w in range(workers)
        ]
        step = p.size if schedule.slice_bytes is None else schedule.slice_bytes // 4
        if schedule.bucket_bytes is not None:  # every tensor is cut for all
            step = -(-p.size // workers)
        for begin in range(0, p.size, step):
            part = p[begin : begin + step]
            owner = min(range(workers), key=lambda one: (owned[one], one))
            owned[owner] += part.nbytes
            for _ in range(iterations):
                in_order = [(owner + hop) % workers for hop in range(1, workers + 1)]
                gradients = [part - targets[w][begin : begin + step] for w in in_order]
                total = gradients[0]
                for gradient in gradients[1:]:
                    total = total + gradient
                part -= np.float32(rate / workers) * total
        parameters += p.tobytes()
    return parameters


def digest_by_hand(schedule: Schedule, workers: int, model: Model = MODEL) -> str:
    made = added_by_hand(model, schedule, workers, ITERATIONS, RATE)
    return hashlib.sha256(made).hexdigest()


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "schedule",
    [
        RING,
        replace(RING, slice_bytes=4096, order="layer"),
        replace(RING, slice_bytes=2 * CHUNK_BYTES, order="generation", place="nowhere"),
        replace(
            RING, slice_bytes=None, synchronisation="step-barrier", order="random", place="nowhere"
        ),
        replace(RING, slice_bytes=None, synchronisation="per-tensor"),
        replace(BUCKETED, bucket_bytes=2000),
        replace(BUCKETED, bucket_bytes=1, window_bytes=1),
        replace(BUCKETED, order="random", synchronisation="step-barrier", window_bytes=1),
    ],
    ids=[
        "planned",
        "small slices by layer",
        "first in, first out",
        "barrier",
        "tensors",
        "buckets",
        "one tensor after another",
        "buckets and a barrier",
    ],
)
def test_all_members_end_with_the_sums_of_their_order(
    tmp_path: Path, schedule: Schedule, workers: int
) -> None:
    digests = digests_together(tmp_path, MODEL, schedule, workers=workers, **ASKED)
    assert digests == {digest_by_hand(schedule, workers)}


def test_a_slow_member_changes_no_bit(tmp_path: Path) -> None:
    """Sums wait for its gradient, and others are ahead of it."""
    slow = (0.0, 0.3, 0.1)
    digests = digests_together(tmp_path, MODEL, RING, workers=3, layer_seconds=slow, **ASKED)
    assert digests == {digest_by_hand(RING, 3)}


def test_it_is_near_what_a_parameter_server_makes() -> None:
    """Which adds the same gradients in another order."""
    ring = np.frombuffer(added_by_hand(MODEL, RING, 3, ITERATIONS, RATE), np.float32)
    served = np.concatenate([in_worker_order(number) for number in range(len(MODEL.tensors))])
    assert np.abs(ring - served).max() < 1e-5
    assert np.abs(ring - served).max() > 0


def in_worker_order(number: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    size = MODEL.tensors[number].elements
    p = np.random.default_rng([7, 1, number]).standard_normal(size, np.float32) * np.float32(0.01)
    targets = [
        np.resize(np.random.default_rng([7, 2, w]).standard_normal(65536, np.float32), size)
        for w in range(3)
    ]
    for _ in range(ITERATIONS):
        p = p - np.float32(RATE / 3) * ((p - targets[0]) + (p - targets[1]) + (p - targets[2]))
    return p


def test_what_is_sent_is_what_it_demands(tmp_path: Path) -> None:
    model = model_of([[30_000], [30_000]])
    names = ("worker0", "worker1", "worker2")
    demands = ring_demands(names, model.bytes)
    ends = [(one.source, one.destination) for one in demands]
    assert ends == [("worker0", "worker1"), ("worker1", "worker2"), ("worker2", "worker0")]
    assert {one.bytes for one in demands} == {4 * 240_000 // 3}
    sliced = replace(RING, slice_bytes=40_000)
    for records in train_together(tmp_path, model, sliced, workers=3, **ASKED):
        spans = [record for record in records if record["event"] == "spans"]
        assert len(spans) == ITERATIONS
        for record in spans:  # six slices of 40,000 bytes, each sent 4/3 times
            assert len(record["sent"]) == len(record["received"]) == 3 * 8
        # Each gets as much as it sends; retransmissions count for the sender only.
        came = sum(one["bytes_received"] for one in records[-1]["connections"])
        assert 0 < came - ITERATIONS * demands[0].bytes < 0.01 * came


class Failing(RingExchange):
    """Raises on one worker, in the middle of an iteration."""

    def give(self, unit: Unit) -> None:
        if self.end.job.worker == 1 and self._iteration == 1 and unit.number == 2:
            raise WorkloadError("out of numbers")
        super().give(unit)


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_all_name_the_member_that_failed(tmp_path: Path, workers: int) -> None:
    failing = replace(RING, slice_bytes=4096, exchange=f"{__name__}:Failing")
    ends = tried_together(tmp_path, MODEL, failing, workers=workers, **ASKED)
    for number, error in enumerate(ends):
        assert isinstance(error, WorkloadError)
        why = "iteration 1: out of numbers"
        assert str(error).endswith(why if number == 1 else f"worker1 gave up: {why}")


class Vanishing(RingExchange):
    """Is gone from one moment to the next on one worker, without a word."""

    def give(self, unit: Unit) -> None:
        if self.end.job.worker == 1 and self._iteration == 1 and unit.number == 2:
            assert self._way._connection
            for sock in reversed(self._way._connection.sockets):
                sock.shutdown(socket.SHUT_RDWR)
        super().give(unit)


@pytest.mark.parametrize("workers", [3, 5])
def test_all_name_the_member_that_is_gone(tmp_path: Path, workers: int) -> None:
    vanishing = replace(RING, slice_bytes=4096, exchange=f"{__name__}:Vanishing")
    ends = tried_together(tmp_path, MODEL, vanishing, workers=workers, **ASKED)
    for number, error in enumerate(ends):
        assert isinstance(error, WorkloadError)
        if number != 1:  # which is not there any more
            assert "worker1 disconnected" in str(error)


def state(place: int, members: int = 3) -> tuple[RingState, Layout]:
    layout = Layout(model_of([[100]]), 1, 1)
    return RingState(layout, (0,), place, members, layout.units), layout


def test_a_sum_goes_on_when_both_parts_are_there() -> None:
    for sum_first in (False, True):
        member, layout = state(place=2)
        (chunk,) = layout.chunks
        member.check_sum(chunk, 0)
        if sum_first:
            assert not member.sum_came(chunk)
            assert member.given(chunk) == (True, True)
        else:
            assert member.given(chunk) == (False, False)
            assert member.sum_came(chunk)
        member.check_parameters(chunk, 0)


def test_the_first_waits_for_no_sum_and_the_last_passes_no_parameters_on() -> None:
    first, layout = state(place=1)
    (chunk,) = layout.chunks
    assert first.given(chunk) == (True, False)
    assert first.passes_parameters(chunk)
    assert not state(place=2)[0].passes_parameters(chunk)
    owner, _ = state(place=0)
    assert owner.owned(chunk)
    assert owner.passes_parameters(chunk)
    assert [state(place)[0].arrivals for place in range(3)] == [1, 1, 2]
    assert [state(place)[0].sums for place in range(3)] == [0, 1, 1]


def test_what_may_not_come_is_refused() -> None:
    first, layout = state(place=1)
    (chunk,) = layout.chunks
    with pytest.raises(FrameError, match="a sum of tensor 0 at offset 0 for a member that takes"):
        first.check_sum(chunk, 0)
    second, _ = state(place=2)
    with pytest.raises(FrameError, match="in round 1, expected 0"):
        second.check_sum(chunk, 1)
    second.sum_came(chunk)
    with pytest.raises(FrameError, match="in round 0 again, expected 1"):
        second.check_sum(chunk, 0)
    with pytest.raises(FrameError, match="before the last one was used"):
        second.check_sum(chunk, 1)
    second.parameters_came(chunk)
    with pytest.raises(FrameError, match="parameters of tensor 0 at offset 0 in round 0 again"):
        second.check_parameters(chunk, 0)
    with pytest.raises(FrameError, match=r"parameters .* for a member that gets none"):
        state(place=0)[0].check_parameters(chunk, 0)


def test_owners_share_the_bytes_of_every_part() -> None:
    layout = Layout(model_of([[300], [300], [40] * 6]), 1, 1, 400)
    owned = owners(layout, 3)
    assert owned == (0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2)
    assert set(owners(layout, 1)) == {0}
    assert owners(Layout(model_of([[300], [100], [100]]), 1, 1), 2) == (0, 1, 1)
