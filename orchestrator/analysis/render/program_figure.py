"""The figure of a program's trace: how full the fullest links were, and its readings."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from orchestrator.analysis.measures.links import LinkUse, link_uses
from orchestrator.analysis.reading.program_trial import ProgramTrial
from orchestrator.analysis.render.canvas import DPI, style
from orchestrator.analysis.render.run_panel import FAINT, INK, SOFT
from orchestrator.spec import number_text

_LINKS = 6
"""Links in the figure: the fullest ones."""
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def draw_program(trial: ProgramTrial) -> bytes:
    """Draw a trial whose links were sampled, as PNG."""
    with style():
        png = io.BytesIO()
        compose_program(trial).savefig(png, format="png", dpi=DPI)
        return png.getvalue()


def compose_program(trial: ProgramTrial) -> Figure:
    """Lay the figure out, within `style`."""
    program, start = trial.program, trial.program.began_ns
    uses = link_uses(trial.network, start, program.ended_ns)[:_LINKS]
    drawing = Figure(figsize=(8.4, 4.4), facecolor="white")
    FigureCanvasAgg(drawing)
    full = drawing.add_axes((0.08, 0.47, 0.66, 0.41))
    for colour, use in zip(_COLOURS, uses, strict=False):
        full.step(
            [(t_ns - start) / 1e9 for t_ns in use.times],
            [100 * share for share in use.shares],
            where="pre",
            color=colour,
            linewidth=1.1,
            label=_label(use),
        )
    full.set_ylim(0, 110)
    full.set_ylabel("% of the rate", color=SOFT)
    if uses:
        full.legend(
            title="rate on average, time full",
            title_fontsize=7,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.01, 1.03),
            frameon=False,
            fontsize=7,
        )
    speed = drawing.add_axes((0.08, 0.12, 0.66, 0.27), sharex=full)
    for rank, readings in enumerate(trial.readings):
        points = [
            ((one.t_ns - start) / 1e9, one.value * trial.trial.scale.time)
            for one in readings
            if one.t_ns is not None
        ]
        if points:
            speed.plot(*zip(*points, strict=True), ".-", linewidth=0.8, label=f"rank {rank}")
    speed.set_ylim(0, 1.15 * speed.get_ylim()[1])
    speed.set_ylabel(program.throughput.unit, color=SOFT)
    speed.set_xlabel("seconds on this machine's clock since the program was started", color=SOFT)
    for axes in (full, speed):
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7, colors=SOFT)
        axes.set_xlim(0, (program.ended_ns - start) / 1e9)
        axes.axvspan(0, (trial.window[0] - start) / 1e9, color=FAINT, linewidth=0)
    title = (
        f"{trial.trial.choices.sentence}: how full the links were, and "
        f"{number_text(trial.throughput * trial.trial.scale.time, 3)} {program.throughput.unit}"
    )
    drawing.text(0.015, 0.97, title, size=11, weight="bold", va="top", color=INK)
    return drawing


def _label(use: LinkUse) -> str:
    return f"{use.port}: {100 * use.mean:.0f} %, {100 * use.full:.0f} %"
