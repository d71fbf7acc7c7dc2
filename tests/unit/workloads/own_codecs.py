"""Codecs of tests: as a user would write them, named by `tests.unit.workloads.own_codecs:Class`."""

from __future__ import annotations

import zlib
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workloads.codecs import Codec, Part

Floats = NDArray[np.float32]


def named(kind: type[Codec]) -> str:
    """How a schedule names one."""
    return f"{kind.__module__}:{kind.__name__}"


class Packed(Codec):
    """Compresses: payloads are longer or shorter than what they encode."""

    exact = True

    def encode(self, part: Part, values: Floats) -> bytes:
        return zlib.compress(values.tobytes(), 1)

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        out[:] = np.frombuffer(zlib.decompress(payload), np.float32)

    def payload_bytes(self, part: Part) -> None:
        return None


class Negated(Codec):
    """Sends every value with the other sign."""

    exact = True

    def encode(self, part: Part, values: Floats) -> Floats:
        return -values

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        np.negative(np.frombuffer(payload, np.float32), out=out)


class Adding(Negated):
    """Its payloads add up, and it tells who decodes."""

    additive = True
    leaves_vectors = True
    decoded: ClassVar[list[int]] = []  # parts, by whoever decodes

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        self.decoded.append(part.number)
        super().decode(part, payload, out)


class Halved(Codec):
    """Sends half the bits of every value."""

    def encode(self, part: Part, values: Floats) -> NDArray[np.float16]:
        return values.astype(np.float16)

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        out[:] = np.frombuffer(payload, np.float16)

    def payload_bytes(self, part: Part) -> int:
        return 2 * part.elements


class Silent(Codec):
    """Sends nothing at all: what arrives is zero."""

    def encode(self, part: Part, values: Floats) -> Floats:
        return values[:0]

    def decode(self, part: Part, payload: memoryview, out: Floats) -> None:
        out.fill(0)

    def payload_bytes(self, part: Part) -> int:
        return 0


class Lying(Negated):
    """Says that payloads have another length than it makes."""

    def payload_bytes(self, part: Part) -> int:
        return 4 * part.elements + 1


class Clumsy(Negated):
    """Changes what it is shown."""

    def encode(self, part: Part, values: Floats) -> Floats:
        return np.negative(values, out=values)


class Short(Packed):
    """Loses a value of every chunk, and only the other end can tell."""

    def encode(self, part: Part, values: Floats) -> bytes:
        return zlib.compress(values[:-1].tobytes(), 1)


class Failing(Negated):
    """Fails when it meets the second part."""

    def encode(self, part: Part, values: Floats) -> Floats:
        if part.number == 1:
            raise LookupError("nothing is known of it")
        return -values
