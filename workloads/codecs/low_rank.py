"""A matrix as the product of two small ones."""

from __future__ import annotations

import numpy as np

from workloads.codecs.codec import Codec, Floats, Payload
from workloads.codecs.part import Part

_STREAM = 6  # keeps these random numbers apart from others of the same seed
_ELEMENT_BYTES = 4


class LowRank(Codec):
    """Sends P and Q of rank r for a matrix M, one power iteration from the Q that was sent last.

    P = M Q, made orthonormal; Q = M' P; what arrives is P Q'. (PowerSGD, Vogels et al., NeurIPS
    2019. Deviation: each worker's own gradient is factorised, since a parameter server does not sum
    between the two steps.) A scaled tensor's matrix has fewer rows, so that Q does not shrink: send
    with D = R what is to be compared in bytes. A matrix that P and Q would not make smaller travels
    as it is.

    Args:
        rank: r, at least 1.
        seed: of the first Q; equal ones begin alike.
    """

    needs_whole = True
    leaves_vectors = True

    def __init__(self, rank: int, *, seed: int = 0) -> None:
        self._rank = rank
        self._seed = seed
        self._last: dict[int, Floats] = {}  # by part, the Q that was sent last

    def encode(self, part: Part, values: Floats) -> Payload:
        """P, then Q, row by row."""
        if not self._smaller(part):
            return values
        matrix = _matrix(part, values)
        right = self._last.get(part.number)
        if right is None:
            generator = np.random.default_rng([self._seed, _STREAM, part.number])
            right = generator.standard_normal((part.row, self._rank), dtype=np.float32)
        left, _ = np.linalg.qr(matrix @ right)
        right = matrix.T @ left
        # One of zeros would stay zero for ever.
        if right.any():
            self._last[part.number] = right
        return np.concatenate([left.ravel(), right.ravel()])

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write the product."""
        factors = np.frombuffer(payload, np.float32)
        if not self._smaller(part):
            out[:] = factors
            return
        cut = part.rows * self._rank
        left = factors[:cut].reshape(part.rows, self._rank)
        right = factors[cut:].reshape(part.row, self._rank)
        if part.elements == part.rows * part.row:
            np.matmul(left, right.T, out=out.reshape(part.rows, part.row))
        else:
            out[:] = (left @ right.T).ravel()[: part.elements]

    def payload_bytes(self, part: Part) -> int:
        """Those of P and Q, or of the values where these are fewer."""
        count = self._factors(part) if self._smaller(part) else part.elements
        return _ELEMENT_BYTES * count

    def _factors(self, part: Part) -> int:
        return self._rank * (part.rows + part.row)

    def _smaller(self, part: Part) -> bool:
        return self._rank <= min(part.rows, part.row) and self._factors(part) < part.elements


def _matrix(part: Part, values: Floats) -> Floats:
    """A tensor as [rows, row]; where the last row is cut short, zeros fill it."""
    missing = part.rows * part.row - part.elements
    if missing:
        values = np.concatenate([values, np.zeros(missing, np.float32)])
    return values.reshape(part.rows, part.row)
