"""Whole numbers of 8 or 16 bits, and the step between two of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workloads.codecs.codec import Codec, Floats, Payload
from workloads.codecs.part import Part

_STEP_BYTES = 4
_STREAM = 5  # keeps these random numbers apart from others of the same seed


class FixedPoint(Codec):
    """Every value as a multiple of a step, which a part's largest magnitude decides.

    With b bits the multiples are from -(2^(b-1) - 1) to 2^(b-1) - 1, so that zero is exact.
    Rounding is to nearest, or stochastic: up with the probability of the fraction, which has the
    value as its mean (Gupta et al., ICML 2015; QSGD, Alistarh et al., 2017). Nearest rounding loses
    what is smaller than half a step for ever; stochastic rounding does not.

    Args:
        bits: 8 or 16.
        stochastic: how it rounds.
        seed: of the stochastic rounding; equal ones round alike.
    """

    leaves_vectors = True

    def __init__(self, bits: int, *, stochastic: bool = False, seed: int = 0) -> None:
        self._kind = {8: np.int8, 16: np.int16}[bits]
        self._most = (1 << (bits - 1)) - 1
        self._stochastic = stochastic
        self._seed = seed
        self._coded: dict[int, int] = {}  # by part, how often it was

    def encode(self, part: Part, values: Floats) -> Payload:
        """The step, then the multiples.

        Raises:
            ValueError: a value is not finite.
        """
        largest = max(np.max(values), -np.min(values))
        if not np.isfinite(largest):
            raise ValueError("a value is not finite: it has no place in a range")
        # In float64: the step of the smallest float32 is not zero then.
        step = np.float32(largest / np.float64(self._most))
        scaled = values / step if step else np.zeros_like(values)
        if self._stochastic:
            scaled += self._random(part)
            np.floor(scaled, out=scaled)
        else:
            np.rint(scaled, out=scaled)
        # The step was rounded, so that the largest may be just beyond.
        np.clip(scaled, -self._most, self._most, out=scaled)
        payload = np.empty(self.payload_bytes(part), np.uint8)
        payload[:_STEP_BYTES].view(np.float32)[0] = step
        payload[_STEP_BYTES:] = scaled.astype(self._kind).view(np.uint8)
        return payload

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        """Write the multiples of the step."""
        step = np.frombuffer(payload, np.float32, 1)[0]
        if not np.isfinite(step) or step < 0:
            raise ValueError(f"a step of {step}")
        np.multiply(np.frombuffer(payload, self._kind, -1, _STEP_BYTES), step, out=out)

    def payload_bytes(self, part: Part) -> int:
        """The step, and a whole number a value."""
        return _STEP_BYTES + part.elements * np.dtype(self._kind).itemsize

    def _random(self, part: Part) -> NDArray[np.float32]:
        count = self._coded[part.number] = self._coded.get(part.number, 0) + 1
        # Of its own for each part: the order in which they are coded changes nothing.
        generator = np.random.default_rng([self._seed, _STREAM, part.number, count])
        return generator.random(part.elements, np.float32)
