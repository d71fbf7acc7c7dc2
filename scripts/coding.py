"""Print what coding costs a core, for workloads/models/coding.json.

`.venv/bin/python -m scripts.coding`, on a machine that does nothing else. Each codec of the library
encodes and decodes a matrix of normal values, as it does from the second iteration on; the least of
some times counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np

from workloads.codecs.codec import bytes_of
from workloads.codecs.named import make
from workloads.codecs.part import Part
from workloads.models.coding import measured

ROWS, COLUMNS = 1024, 4096
TIMES = 5
PARAMETERS = {"fixed-point": ":8", "top-k": ":1%", "codebook": ":8", "low-rank": ":4"}


def seconds_per_megabyte(name: str) -> dict[str, float]:
    """CPU seconds per million uncoded bytes that a codec encodes, and that it decodes."""
    values = np.random.default_rng(0).standard_normal(ROWS * COLUMNS).astype(np.float32)
    part, out = Part(0, len(values), COLUMNS), np.empty_like(values)
    codec = make(name, 1)
    payload = bytes_of(codec.encode(part, values))  # the first time, which is in the warm-up

    def least(call: Callable[[], object]) -> float:
        return min(_cpu_seconds(call) for _ in range(TIMES)) / (values.nbytes / 1e6)

    return {
        "encode": least(lambda: codec.encode(part, values)),
        "decode": least(lambda: codec.decode(part, payload, out)),
    }


def _cpu_seconds(call: Callable[[], object]) -> float:
    begin = time.thread_time()
    call()
    return time.thread_time() - begin


def main() -> None:
    """Print a line for each codec that has an entry."""
    for name in measured():
        found = seconds_per_megabyte(name + PARAMETERS.get(name, ""))
        figures = {key: float(f"{value:.3g}") for key, value in found.items()}
        print(f'  "{name}": {json.dumps(figures)},')


if __name__ == "__main__":
    main()
