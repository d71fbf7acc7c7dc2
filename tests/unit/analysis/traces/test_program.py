"""A program's trial as a trace."""

from __future__ import annotations

from pathlib import Path

from orchestrator.analysis.render.program_figure import draw_program
from orchestrator.analysis.traces.program import program_trace
from tests.unit.analysis.programs import lines_of, program_in


def test_the_trace_of_a_program(tmp_path: Path) -> None:
    trial = program_in(tmp_path, {"worker0": lines_of([9, 1, 2])}, time=8.0)
    events = program_trace(trial)["traceEvents"]
    counted = [(one["name"], one["args"]) for one in events if one["ph"] == "C"]
    assert counted[:2] == [("worker0->switch1", {"%": 100.0})] * 2
    assert counted[-1] == ("imgs/sec", {"imgs/sec": 16})
    assert draw_program(trial).startswith(b"\x89PNG")
