"""The order that holds the least as an integer programme, with time windows.

A step runs one block. `ran[b, t]` is 1 if block b has run after step t; it can change only within
the block's window, which the graph gives: as many blocks as surely come before it must have run,
and as many as surely come after it are left. `held[o, t, p]` is 1 if output o is held in step t:
it was written before, and a block needs it later, or in this step, at phase p or after it. A
block of several operations has several phases, for it may free what it needs before its end; of
those only such are looked at as can hold the most. What windows make known is no variable, and
`held` is none where it is a difference of others: where but one block that needs the output may
still be to come.

    minimise   peak
    subject to ran[b, t] >= ran[b, t - 1]
               ran[b, t - 1] >= ran[c, t]                      c needs b
               sum of ran[b, t] over b = t + 1
               held[o, t, p] >= ran[b, t - 1] - ran[c, t or t - 1]
               peak >= sum of held[o, t, p] size(o) + what the block that runs holds by itself
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.memory.blocks import Blocks

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

_PEAK = 0  # the number of that variable


@dataclass(frozen=True)
class Solved:
    """What the programme found.

    Attributes:
        order: of the blocks; None: none in the time.
        bound: no order's peak is less, in bytes.
    """

    order: tuple[int, ...] | None
    bound: int


def solve(programme: Programme, *, seconds: float, least: int, most: int) -> Solved:
    """Solve a programme.

    Args:
        programme: of some blocks.
        seconds: after which the best that is known is the answer.
        least: no order's peak is less, in bytes.
        most: the peak of an order that is known.
    """
    solution = programme.solution(seconds, least, most)
    dual = getattr(solution, "mip_dual_bound", None)
    # Peaks are whole multiples of what all sizes share.
    bound = 0 if dual is None else programme.unit * math.ceil(dual - _TOLERANCE)
    order = None if solution.x is None else programme.order(solution.x)
    return Solved(order, min(max(bound, least), most))


_TOLERANCE = 1e-6
"""Of what HiGHS answers, relative to a unit of the sizes."""


class _Phase(NamedTuple):
    """A moment of a block at which it may hold the most.

    Attributes:
        own: bytes that it holds by itself.
        needs: outputs of others that it needs now or later, as a set of bits.
    """

    own: int
    needs: int


class Term(NamedTuple):
    """A variable or what is known instead: `constant` if `number` is None."""

    number: int | None
    constant: int = 0


_NO, _YES = Term(None, 0), Term(None, 1)


@dataclass
class _Rows:
    """Inequalities row @ x >= bound, as they grow."""

    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def add(
        self, terms: list[tuple[float, Term]], least: float, most: float = float("inf")
    ) -> None:
        known = sum(factor * term.constant for factor, term in terms if term.number is None)
        free = [(factor, term.number) for factor, term in terms if term.number is not None]
        if not free:
            return
        row = len(self.least)
        for factor, number in free:
            self.rows.append(row)
            self.columns.append(number)
            self.values.append(factor)
        self.least.append(least - known)
        self.most.append(most - known)


class Programme:
    """The programme of some blocks.

    Attributes:
        unit: bytes that sizes are counted in: what they share.
        variables: how many there are.
        all_variables: how many there would be without windows.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._steps = range(len(blocks))
        self.unit = math.gcd(*blocks.operations.sizes) or 1
        self._phases = [self._phases_of(block) for block in self._steps]
        self._count = max(map(len, self._phases), default=0)
        # The first step in which a block can run, and the last one.
        self._first = [len(blocks.blocks_in(above)) for above in blocks.above]
        self._last = [len(blocks) - 1 - len(blocks.blocks_in(below)) for below in blocks.below]
        self._outside = [
            (output, blocks.block_of[output], users)
            for output in range(len(blocks.operations))
            if (users := self._users(output)) or not blocks.operations.user_masks[output]
        ]
        self.variables = 1
        self._ran: dict[tuple[int, int], int] = {}
        self._integral = [1]
        for block in self._steps:
            for step in range(self._first[block], self._last[block]):
                self._ran[block, step] = self._new()
        self._integral += [1] * len(self._ran)
        self._rows = _Rows()
        self._alike: dict[tuple[Term, ...], Term] = {}
        self._order_rows()
        self._peak_rows()
        self._integral += [0] * (self.variables - len(self._integral))
        steps = len(blocks)
        phases = sum(self._different(output, users) for output, _, users in self._outside)
        self.all_variables = 1 + steps * steps + steps * phases

    def _different(self, output: int, users: list[int]) -> int:
        """At how many phases it is another question whether an output is held."""
        return len(
            {
                tuple(self._needs(user, phase) >> output & 1 for user in users)
                for phase in range(self._count)
            }
        )

    def _new(self) -> int:
        self.variables += 1
        return self.variables - 1

    def _users(self, output: int) -> list[int]:
        """The blocks of others that need an output."""
        blocks = self._blocks
        own = blocks.masks[blocks.block_of[output]]
        return blocks.blocks_in(blocks.operations.user_masks[output] & ~own)

    def _phases_of(self, block: int) -> list[_Phase]:
        """The phases of a block at which it may hold the most, the first one first."""
        blocks = self._blocks
        operations, members = blocks.operations, blocks.members[block]
        own = done = 0
        phases: list[_Phase] = []
        for place, number in enumerate(members):
            own += operations.sizes[number]
            done |= 1 << number
            needs = 0
            for one in members[place:]:
                needs |= operations.need_masks[one]
            phases.append(_Phase(own, needs & ~blocks.masks[block]))
            own -= sum(
                operations.sizes[before]
                for before in operations.needs[number]
                if blocks.block_of[before] == block and not operations.user_masks[before] & ~done
            )
        # What is needed gets less from phase to phase, so an earlier one that holds as much wins.
        kept: list[_Phase] = []
        for phase in phases:
            if not any(one.own >= phase.own for one in kept):
                kept = [one for one in kept if one.needs != phase.needs] + [phase]
        return kept

    def _done(self, block: int, step: int) -> Term:
        """Whether a block has run after a step."""
        if step < self._first[block]:
            return _NO
        if step >= self._last[block]:
            return _YES
        return Term(self._ran[block, step])

    def _order_rows(self) -> None:
        blocks = self._blocks
        for step in self._steps:
            terms = [(1.0, self._done(block, step)) for block in self._steps]
            self._rows.add(terms, step + 1, step + 1)
            for block in self._steps:
                now, before = self._done(block, step), self._done(block, step - 1)
                self._rows.add([(1.0, now), (-1.0, before)], 0)
                for after in blocks.after[block]:
                    self._rows.add([(1.0, before), (-1.0, self._done(after, step))], 0)

    def _peak_rows(self) -> None:
        unit, sizes = self.unit, self._blocks.operations.sizes
        for step in self._steps:
            for phase in range(self._count):
                terms = [(1.0, Term(_PEAK))]
                for block, phases in enumerate(self._phases):
                    own = phases[min(phase, len(phases) - 1)].own / unit
                    # What has run in this step.
                    terms.append((-own, self._done(block, step)))
                    terms.append((own, self._done(block, step - 1)))
                for output, block, users in self._outside:
                    for sign, held in self._held(output, block, users, step, phase):
                        terms.append((-sign * sizes[output] / unit, held))
                self._rows.add(terms, 0)

    def _held(
        self, output: int, block: int, users: list[int], step: int, phase: int
    ) -> list[tuple[float, Term]]:
        """Whether an output of another block is held, as a sum; a variable where it is none."""
        written = self._done(block, step - 1)
        spent = {
            self._done(user, step - 1 if self._needs(user, phase) >> output & 1 else step)
            for user in users
        } - {_YES}
        if written == _NO or (users and not spent):
            return []
        if not users or _NO in spent:
            return [(1.0, written)]
        if len(spent) == 1:
            return [(1.0, written), (-1.0, spent.pop())]
        # Numbers, for what is known is not among them.
        alike = (written, *sorted(spent))
        if alike not in self._alike:
            held = self._alike[alike] = Term(self._new())
            for one in alike[1:]:
                self._rows.add([(1.0, held), (-1.0, written), (1.0, one)], 0)
        return [(1.0, self._alike[alike])]

    def _needs(self, block: int, phase: int) -> int:
        phases = self._phases[block]
        return phases[min(phase, len(phases) - 1)].needs

    def solution(self, seconds: float, least: int, most: int) -> OptimizeResult:
        """What scipy answers."""
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        rows = self._rows
        matrix = csr_array(
            (rows.values, (rows.rows, rows.columns)), shape=(len(rows.least), self.variables)
        )
        cost = np.zeros(self.variables)
        cost[_PEAK] = 1
        lower, upper = np.zeros(self.variables), np.ones(self.variables)
        lower[_PEAK], upper[_PEAK] = least / self.unit, most / self.unit
        return milp(
            cost,
            integrality=np.array(self._integral),
            bounds=Bounds(lower, upper),
            constraints=LinearConstraint(matrix, rows.least, rows.most),
            options={"time_limit": seconds},
        )

    def order(self, values: object) -> tuple[int, ...]:
        """The order that values of the variables stand for."""
        return tuple(sorted(self._steps, key=lambda block: self._step(block, values)))

    def _step(self, block: int, values: object) -> int:
        for step in range(self._first[block], self._last[block]):
            if values[self._ran[block, step]] > 0.5:  # type: ignore[index]
                return step
        return self._last[block]
