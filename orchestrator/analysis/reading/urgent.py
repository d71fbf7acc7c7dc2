"""How long urgent units waited, from what their sender and its interface recorded (pure).

A unit's wait ends when the packet with its first byte leaves the host. The unit's place in the
stream of its connection is known, and a packet's is its sequence number, counted from the one after
the SYN's, modulo 2^32 (RFC 9293, 3.4).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from orchestrator.errors import RunError
from orchestrator.records.directory import ProcessDirectory
from orchestrator.records.files import read_events
from workloads.process.traffic_records import ArrivedRecord, PacketsRecord, UrgentRecord

_MODULUS = 1 << 32


@dataclass(frozen=True)
class UrgentMeasure:
    """Urgent units behind a full queue; times in emulated nanoseconds.

    Attributes:
        left: until the first byte of each had left the sender's interface.
        arrived: until the receiver had read the header of each.
        lost: packets that the capture did not see.
    """

    left: tuple[int, ...]
    arrived: tuple[int, ...]
    lost: int

    def slices(self, slice_ns: float) -> float:
        """Median of `left` in the time that a slice takes."""
        return median(self.left) / slice_ns


def positions(sequences: Iterable[int], syn_sequence: int) -> Iterator[int]:
    """Where in the stream packets begin, from their sequence numbers in the order of their leaving.

    Of the places that a number can mean it is the one nearest to the packet before.
    """
    place = 0
    for sequence in sequences:
        ahead = (sequence - syn_sequence - 1 - place) % _MODULUS
        place += ahead - (_MODULUS if ahead >= _MODULUS // 2 else 0)
        yield place


def leaving_ns(begins: Sequence[int], packets: PacketsRecord) -> list[int | None]:
    """When bytes of the stream first left; None if no packet that was seen held one of them."""
    starts: list[int] = []
    ends: list[int] = []
    moments: list[int] = []
    frontier = 0
    if packets.syn_sequence is None:
        return [None] * len(begins)
    packet_starts = positions(packets.sequence, packets.syn_sequence)
    for start, length, moment in zip(packet_starts, packets.length, packets.left_ns, strict=True):
        if start + length > frontier:  # else it is sent again
            frontier = start + length
            starts.append(start)
            ends.append(frontier)
            moments.append(moment)
    leaving: list[int | None] = []
    for begin in begins:
        index = bisect_right(ends, begin)
        known = index < len(ends) and starts[index] <= begin
        leaving.append(moments[index] if known else None)
    return leaving


def read_urgent(directory: ProcessDirectory, server: str, worker: str, count: int) -> UrgentMeasure:
    """Read what the processes of a measurement recorded.

    Args:
        directory: of their record files.
        server: the parameter server's name.
        worker: the sender's.
        count: of urgent units to take, at most.

    Raises:
        RunError: a record is missing or broken, or no unit was seen leaving.
    """
    sent = read_events(directory.process(worker))
    units = list(sent.all(UrgentRecord))
    packets = sent.one(PacketsRecord)
    arrivals: dict[int, int] = {}
    for arrival in read_events(directory.process(server)).all(ArrivedRecord):
        arrivals.setdefault(arrival.number, arrival.begins_ns)
    left: list[int] = []
    arrived: list[int] = []
    for unit, moment in zip(
        units, leaving_ns([unit.begins_at for unit in units], packets), strict=True
    ):
        if moment is not None and unit.number in arrivals and len(left) < count:
            left.append(moment - unit.ready_ns)
            arrived.append(arrivals[unit.number] - unit.ready_ns)
    if not left:
        raise RunError(f"{directory.path}: no urgent unit was seen leaving {worker}")
    return UrgentMeasure(tuple(left), tuple(arrived), packets.lost)
