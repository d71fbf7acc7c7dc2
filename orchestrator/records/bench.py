"""What a bench measured between whom, for run.json."""

from __future__ import annotations

from orchestrator.records.files import Record


class BenchRecord(Record):
    """What was measured between whom.

    Attributes:
        server: the parameter server's name.
        worker: the name of the worker that it was measured with.
        ramp_seconds: left out at the beginning of flows.
        seconds: that flows are measured for, on the clock.
        samples: urgent units.
        rates: R.
        link_bps: emulated rate of the worker's own link, as tc counts it.
        slice_bytes: emulated bytes of an urgent unit.
    """

    server: str
    worker: str
    ramp_seconds: float
    seconds: float
    samples: int
    rates: float
    link_bps: float
    slice_bytes: int
