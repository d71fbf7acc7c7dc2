"""Weight sharing: a table of few values, and for each value its place in the table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.codecs.codec import Codec, Floats, Payload
from workloads.codecs.part import Part

_ENTRY_BYTES = 4
_MOST_GROUPS = 1 << 18
_CELLS = 16  # of a first density, for each entry
_STEPS = 100
_LEAST_GAIN = 1e-4  # of the cost; a step that gains less is the last one
_FINE, _LEAST_FINE = 8, 512  # entries that are found first, for each that is asked for
_WIDEST = 8  # times as many of these as come to an entry on average, one may have
_MANY = 1 << 17  # values, from which on a table of their first halves is soon made up for
_BLOCK = 1 << 15  # values that stay in the cache
_MOST_BORDERS = 8  # between values with one first half, up to which they are passed one by one


class Codebook(Codec):
    """Sends a table of 2^b values, and b bits a value: weight sharing by k-means.

    (Deep compression, Han et al., ICLR 2016.) The table begins where the number of entries grows
    with the cube root of the density, which is best for many entries (Panter and Dite, 1951), or
    with the table that was sent last, if that is better in the end; Lloyd's steps follow, none of
    which raises the cost. A payload has the table as float32, ascending, then the places, packed
    without gaps.

    Args:
        bits: b, from 1 to 8.
    """

    leaves_vectors = True

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._last: dict[int, Floats] = {}  # by part, the table that was sent last

    def encode(self, part: Part, values: Floats) -> Payload:
        """The table, then the places in it.

        Raises:
            ValueError: a value is not finite.
        """
        size = 1 << self._bits
        groups = Groups.of(values)
        if not np.isfinite(groups.means[[0, -1]]).all():
            raise ValueError("a value is not finite: it has no place in a table")
        last = self._last.get(part.number)
        table = best_table(groups, size) if last is None else lloyd(groups, last.astype(float))
        # To float32 before places are looked up: they are those of the nearest in what arrives.
        sent = self._last[part.number] = table.astype(np.float32)
        places = places_in((sent[1:] + sent[:-1]) / 2, values)
        cut = _ENTRY_BYTES * size
        payload = np.empty(self.payload_bytes(part), np.uint8)
        payload[:cut].view(np.float32)[:] = sent
        payload[cut:] = self._packed(places)
        return payload

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Look the values up."""
        size = 1 << self._bits
        table = np.frombuffer(payload, np.float32, size)
        packed = np.frombuffer(payload, np.uint8, -1, _ENTRY_BYTES * size)
        np.take(table, self._unpacked(packed, part.elements), out=out)

    def payload_bytes(self, part: Part) -> int:
        """The table, and b bits a value, rounded up to bytes."""
        return (_ENTRY_BYTES << self._bits) + -(-part.elements * self._bits // 8)

    def _packed(self, places: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._bits == 8:
            return places
        return np.packbits(np.unpackbits(places[:, np.newaxis], axis=1)[:, -self._bits :])

    def _unpacked(self, packed: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
        if self._bits == 8:
            return packed
        bits = np.unpackbits(packed, count=count * self._bits).reshape(count, self._bits)
        padded = np.zeros((count, 8), np.uint8)
        padded[:, -self._bits :] = bits
        return np.packbits(padded, axis=1).ravel()


def places_in(borders: NDArray[np.floating[Any]], values: Floats) -> NDArray[np.uint8]:
    """How many of the borders each value is above: `searchsorted`, but faster.

    The first 16 bits of a value (its sign, its exponent and 7 bits more) say by a table between
    which borders it is; only those that are left between these are compared with it.

    Args:
        borders: ascending, at most 255.
        values: finite.
    """
    if len(values) < _MANY:
        return np.searchsorted(borders, values).astype(np.uint8)
    first = np.arange(1 << 16, dtype=np.uint32) << 16
    ends = np.stack([first, first | 0xFFFF]).view(np.float32)
    ends = np.sort(ends[:, np.isfinite(ends).all(axis=0)], axis=0)  # of a negative: the other way
    finite = ends[0].view(np.uint32) >> 16
    below, above = np.searchsorted(borders, ends)
    left = int((above - below).max())
    if left > _MOST_BORDERS:
        return np.searchsorted(borders, values).astype(np.uint8)
    table = np.zeros(1 << 16, np.uint8)
    table[finite] = below
    padded = np.append(borders, np.float32(np.inf))
    halves = values.view(np.uint32)
    places = np.empty(len(values), np.uint8)
    for begin in range(0, len(values), _BLOCK):
        some = values[begin : begin + _BLOCK]
        found = np.take(table, halves[begin : begin + _BLOCK] >> np.uint32(16))
        for _ in range(left):
            found += some > np.take(padded, found)
        places[begin : begin + _BLOCK] = found
    return places


class Groups:
    """Values in ascending order, in groups whose sums are quick to compute.

    Args:
        counts: values in each group.
        sums: of the values in each.

    Attributes:
        counts: as given.
        means: of the values in each.
    """

    def __init__(self, counts: NDArray[np.float64], sums: NDArray[np.float64]) -> None:
        self.counts = counts
        self.means = sums / counts
        self._counts, self._sums, self._squares = (
            np.concatenate([[0.0], np.cumsum(each)]) for each in (counts, sums, sums * self.means)
        )

    @classmethod
    def of(cls, values: Floats) -> Groups:
        """Sort values, and put as many together as leave a quarter of a million groups."""
        ordered = np.sort(values)
        each = -(-len(ordered) // _MOST_GROUPS)
        whole, rest = np.split(ordered, [len(ordered) // each * each])
        sums = np.einsum("ij->i", whole.reshape(-1, each), dtype=np.float64)
        counts = np.full(len(sums), float(each))
        if len(rest):
            sums = np.append(sums, rest.sum(dtype=np.float64))
            counts = np.append(counts, len(rest))
        return cls(counts, sums)

    def centres(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean of what is nearest to each entry; an entry that nothing is near stays."""
        edges = self._edges(table)
        counts = np.diff(self._counts[edges])
        sums = np.diff(self._sums[edges])
        return np.where(counts > 0, sums / np.maximum(counts, 1), table)

    def cost(self, table: NDArray[np.float64]) -> float:
        """The squared distances of all means to the nearest entry, times their counts."""
        edges = self._edges(table)
        counts, sums, squares = (
            np.diff(one[edges]) for one in (self._counts, self._sums, self._squares)
        )
        return float(np.sum(squares - 2 * table * sums + table * table * counts))

    def _edges(self, table: NDArray[np.float64]) -> NDArray[np.int64]:
        """Where those begin that are nearest to each entry of an ascending table."""
        cuts = np.searchsorted(self.means, (table[1:] + table[:-1]) / 2)
        return np.concatenate([[0], cuts, [len(self.means)]])

    def near(self, table: NDArray[np.float64]) -> Groups:
        """All that are nearest to the same entry as one group."""
        edges = self._edges(table)
        counts, sums = np.diff(self._counts[edges]), np.diff(self._sums[edges])
        some = counts > 0
        return Groups(counts[some], sums[some])

    def spreads(self, width: int) -> NDArray[np.float64]:
        """Squared distances to their mean of the groups from i - w to i: float64 [w, i], w < width.

        Infinite where i - w is less than 0.
        """
        ends = np.arange(1, len(self.means) + 1)
        begins = ends - 1 - np.arange(width)[:, np.newaxis]
        counts, sums, squares = (
            one[ends] - one[np.maximum(begins, 0)]
            for one in (self._counts, self._sums, self._squares)
        )
        return np.where(begins >= 0, squares - sums * sums / counts, np.inf)


def first_table(groups: Groups, size: int) -> NDArray[np.float64]:
    """Entries whose number grows with the cube root of the density; ascending, float64 [size].

    Args:
        groups: of the values.
        size: how many entries.
    """
    means = np.unique(groups.means)
    if len(means) <= size:
        return np.concatenate([means, np.full(size - len(means), means[-1])])
    # Cells of about as many values each; c values on a width w have a density of c/w.
    sofar = np.cumsum(groups.counts)
    cells = np.arange(1, _CELLS * size) * (sofar[-1] / (_CELLS * size))
    cuts = np.unique([0, *np.searchsorted(sofar, cells), len(groups.means) - 1])
    edges = groups.means[cuts]
    share = np.cbrt(np.diff(sofar[cuts]) * np.diff(edges) ** 2)
    grown = np.concatenate([[0.0], np.cumsum(share)])
    wanted = (np.arange(size) + 0.5) / size * grown[-1]
    table: NDArray[np.float64] = np.interp(wanted, grown, edges)
    return table


def best_table(groups: Groups, size: int) -> NDArray[np.float64]:
    """A table close to the best one, ascending, float64 [size].

    Many more entries than asked for are found first. The best way to put neighbours of these
    together is found by dynamic programming (Wang and Song, 2011), without ways that put very many
    into one entry. Lloyd's steps then move its borders.
    """
    fine = groups.near(lloyd(groups, first_table(groups, max(_FINE * size, _LEAST_FINE))))
    count = len(fine.means)
    if count <= size:
        return np.concatenate([fine.means, np.full(size - count, fine.means[-1])])
    spreads = fine.spreads(min(count, _WIDEST * -(-count // size)))
    begins = np.maximum(np.arange(count) - np.arange(len(spreads))[:, np.newaxis], 0)
    chosen = []
    before = np.concatenate([[0.0], np.full(count, np.inf)])  # of no entries: only nothing is done
    for _ in range(size):
        costs = spreads + before[begins]
        width = np.argmin(costs, axis=0)
        chosen.append(width)
        before = np.concatenate([[np.inf], np.take_along_axis(costs, width[np.newaxis], 0)[0]])
    last, cuts = count - 1, [count]
    for width in reversed(chosen):
        cuts.append(last - int(width[last]))
        last = cuts[-1] - 1
    starts = np.array(cuts[::-1][:-1])
    counts = np.add.reduceat(fine.counts, starts)
    return lloyd(groups, np.add.reduceat(fine.counts * fine.means, starts) / counts)


def lloyd(groups: Groups, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The table after some of Lloyd's steps, none of which raises the cost."""
    before = groups.cost(table)
    for _ in range(_STEPS):
        moved = np.sort(groups.centres(table))
        now = groups.cost(moved)
        if now >= before:
            break
        gain, table, before = before - now, moved, now
        if gain < _LEAST_GAIN * now:
            break
    return table
