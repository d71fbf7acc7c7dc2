"""The figure of a trace: how full the bottleneck was, what workers did, which layers were late.

Two measured iterations stand on one axis of time, the real system's. All sizes are in inches.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from orchestrator.analysis.measures.utilisation import BIN_NS, WORDS, Full, utilisation
from orchestrator.analysis.reading.spans import Span, TrialSpans, WorkerSpans
from orchestrator.analysis.render.canvas import DPI, style
from orchestrator.analysis.render.run_panel import FAINT, INK, SOFT
from orchestrator.spec import WAYS, Way, rate_text

ITERATIONS = 2
"""Measured iterations that are shown, the last ones."""

_COLOURS: Mapping[Way, str] = {"pull": "#0072B2", "push": "#D55E00"}
_FORWARD, _BACKWARD, _WAITS = "#56B4E9", "#E69F00", "#FFFFFF"
_WORKER_MARKS = "ovs^D"

_WIDTH, _LEFT, _MARGIN = 10.8, 0.95, 0.14
_FULLNESS, _STRIP, _LATENESS = 1.75, 0.2, 1.6  # heights of the panels, and of one worker's strip
_HEAD, _GAP, _AXIS = 0.75, 0.12, 0.42
_CAPTION_LINE, _CAPTION_TEXT, _STRIPS_AT_MOST = 0.145, 17.5, 12
_LABELLED = 34  # layers; of more, only the latest ones are named
_LATEST = 8
_POINTS = 300  # of the curves: more than are shown are averaged
_FULLEST = 130.0  # percent; what lay in buffers comes in peaks that say nothing


@dataclass(frozen=True)
class Lateness:
    """How long a layer's forward waited for its parameters, in ms of the real system.

    Attributes:
        layer: its name.
        by_worker: mean over the iterations.
    """

    layer: str
    by_worker: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of all workers."""
        return sum(self.by_worker) / len(self.by_worker)


def lateness(spans: TrialSpans, iterations: Sequence[int]) -> tuple[Lateness, ...]:
    """Every layer's, in the order of the model, over these iterations.

    A worker that keeps its own pace has other iteration numbers: those that it began in the same
    time count.
    """
    waited = np.zeros((len(spans.layers), len(spans.workers)))
    for number, worker in enumerate(spans.workers):
        own = _begun(worker, *_window(spans, iterations)) if _own_pace(spans) else {*iterations}
        scale = 1e6 * spans.trial.trial.scale.time * len(own)
        for span in worker.waited:
            if span.iteration in own:
                waited[span.number, number] += (span.end - span.begin) / scale
    return tuple(
        Lateness(name, tuple(row)) for name, row in zip(spans.layers, waited.tolist(), strict=True)
    )


def _own_pace(spans: TrialSpans) -> bool:
    return not spans.trial.course.in_step


def _begun(worker: WorkerSpans, begin: int, end: int) -> set[int]:
    """The iterations whose forward pass a worker began in [begin, end) ns."""
    first = {span.iteration: span.begin for span in reversed(worker.forward)}
    return {iteration for iteration, at in first.items() if begin <= at < end}


def drawn_iterations(spans: TrialSpans) -> tuple[int, ...]:
    """The iterations that the figure shows."""
    return tuple(spans.trial.trial.measured[-ITERATIONS:])


def draw_trace(spans: TrialSpans, full: Mapping[Way, Full]) -> bytes:
    """Draw a trial; returns a PNG."""
    with style():
        drawing = compose_trace(spans, full)
        png = io.BytesIO()
        drawing.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
    return png.getvalue()


def compose_trace(spans: TrialSpans, full: Mapping[Way, Full]) -> Figure:
    """Lay the figure out, within `style`; `draw_trace` renders it."""
    trial = spans.trial.trial
    iterations = drawn_iterations(spans)
    workers = spans.workers[:_STRIPS_AT_MOST]
    text = textwrap.wrap(_caption(spans, full), int((_WIDTH - 2 * _MARGIN) * _CAPTION_TEXT))
    strips = _STRIP * len(workers)
    foot = len(text) * _CAPTION_LINE + _MARGIN
    names = 0.2 + 0.04 * max(map(len, spans.layers))  # they stand aslant
    height = _HEAD + _FULLNESS + _GAP + strips + _AXIS + 0.25 + _LATENESS + names + foot
    drawing = Figure(figsize=(_WIDTH, height), facecolor="white")
    FigureCanvasAgg(drawing)

    def panel(top: float, high: float) -> Axes:
        width = (_WIDTH - _LEFT - _MARGIN) / _WIDTH
        return drawing.add_axes((_LEFT / _WIDTH, 1 - (top + high) / height, width, high / height))

    title = f"{trial.choices.sentence}: where the time of an iteration goes"
    drawing.text(_MARGIN / _WIDTH, 1 - _MARGIN / height, title, size=11, weight="bold", va="top")
    fullness = panel(_HEAD, _FULLNESS)
    means = _draw_fullness(fullness, spans, full, iterations)
    _legend(drawing, 1 - (_MARGIN + 0.26) / height, means)
    below = panel(_HEAD + _FULLNESS + _GAP, strips)
    _draw_strips(below, spans, workers, iterations)
    late = panel(_HEAD + _FULLNESS + _GAP + strips + _AXIS + 0.25, _LATENESS)
    _draw_lateness(late, lateness(spans, iterations), [worker.name for worker in spans.workers])
    place = (_MARGIN / _WIDTH, _MARGIN / height)
    drawing.text(*place, "\n".join(text), size=7, color=SOFT, va="bottom", linespacing=1.35)
    return drawing


def _caption(spans: TrialSpans, full: Mapping[Way, Full]) -> str:
    trial = spans.trial.trial
    what = "; ".join(
        f"{way}: {rate_text(full[way].bits_per_sec * trial.scale.rates)} of payload at"
        f" {', '.join(full[way].ports)}"
        for way in WAYS
    )
    iterations = " and ".join(map(str, drawn_iterations(spans)))
    more = len(spans.workers) - _STRIPS_AT_MOST
    whose = "each worker's own iterations in this time" if _own_pace(spans) else "these iterations"
    hidden = f" {more} more workers are not shown in strips." if more > 0 else ""
    return (
        f"Iterations {iterations} (from 0, {trial.warm_up} for warm-up, {trial.cool_down} for "
        f"cool-down), repeat {trial.repeat}, "
        f"R = {trial.scale.rates:g}, D = {trial.scale.time:g}, {trial.switch}; times and rates are"
        f" the real system's. 100 % is {what}. A layer is late by the time that its forward pass"
        f" waited for its parameters, mean of {whose}.{hidden}"
    )


def _legend(drawing: Figure, top: float, means: Mapping[Way, float]) -> None:
    handles = [
        *(Line2D([], [], color=_COLOURS[way], linewidth=1.6) for way in WAYS),
        Patch(color=_FORWARD),
        Patch(color=_BACKWARD),
        Patch(facecolor=_WAITS, edgecolor=SOFT, hatch="////", linewidth=0.5),
    ]
    ways = [f"{WORDS[way]} arriving ({means[way]:.0f} % on average)" for way in WAYS]
    labels = [*ways, "forward", "backward", "waits"]
    drawing.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(_MARGIN / _WIDTH, top),
        ncols=len(labels),
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handletextpad=0.5,
        columnspacing=1.4,
    )


def _window(spans: TrialSpans, iterations: Sequence[int]) -> tuple[int, int]:
    moments = _moments(spans, iterations)
    return moments[0], moments[-1]


def _moments(spans: TrialSpans, iterations: Sequence[int]) -> list[int]:
    """When the first of them began, and when each of them ended (ns), as they are measured."""
    return spans.trial.course.moments()[-1 - len(iterations) :]


def _draw_fullness(
    axes: Axes, spans: TrialSpans, full: Mapping[Way, Full], iterations: Sequence[int]
) -> dict[Way, float]:
    """Draw both directions, and return their means (%)."""
    averages: dict[Way, float] = {}
    begin, end = _window(spans, iterations)
    top = 100.0
    for way in WAYS:
        values = utilisation(spans, way, full[way], begin, end)
        # The last bin may be cut short by the window's end.
        values = values[: max(1, (end - begin) // BIN_NS)]
        averages[way] = float(values.mean())
        together = -(-len(values) // _POINTS)
        edges = np.arange(0, len(values), together)
        means = np.add.reduceat(values, edges) / np.diff([*edges, len(values)])
        seconds = np.append(edges, len(values)) * BIN_NS / 1e9 / spans.trial.trial.scale.time
        axes.stairs(means, seconds, color=_COLOURS[way], linewidth=1.3)
        axes.stairs(means, seconds, color=_COLOURS[way], alpha=0.13, fill=True)
        top = max(top, float(means.max()))
    axes.set_ylim(0, min(_FULLEST, 1.04 * top))
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("bottleneck full, %", color=SOFT)
    _plain(axes)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    _time_axis(axes, spans, iterations)
    axes.tick_params(axis="x", labelbottom=False)
    for iteration, moment in zip(iterations, _moments(spans, iterations), strict=False):
        place = ((moment - begin) / 1e9 / spans.trial.trial.scale.time, 1.01)
        where = axes.get_xaxis_transform()
        axes.text(*place, f" iteration {iteration}", transform=where, size=7, color=SOFT)
    return averages


def _time_axis(axes: Axes, spans: TrialSpans, iterations: Sequence[int]) -> None:
    begin, end = _window(spans, iterations)
    time = spans.trial.trial.scale.time * 1e9
    axes.set_xlim(0, (end - begin) / time)
    for moment in _moments(spans, iterations)[:-1]:
        axes.axvline((moment - begin) / time, color=INK, linewidth=0.8, clip_on=False)


def _draw_strips(
    axes: Axes, spans: TrialSpans, workers: Sequence[WorkerSpans], iterations: Sequence[int]
) -> None:
    begin, end = _window(spans, iterations)
    time = spans.trial.trial.scale.time * 1e9

    def bars(worker_spans: Sequence[Span]) -> list[tuple[float, float]]:
        inside = (span for span in worker_spans if span.end > begin and span.begin < end)
        return [((span.begin - begin) / time, (span.end - span.begin) / time) for span in inside]

    for number, worker in enumerate(workers):
        place = (number + 0.12, 0.76)
        for worker_spans, colour in ((worker.forward, _FORWARD), (worker.backward, _BACKWARD)):
            axes.broken_barh(bars(worker_spans), place, facecolor=colour)
        waits = bars((*worker.waited, *worker.barrier))
        axes.broken_barh(
            waits, place, facecolor=_WAITS, edgecolor=SOFT, hatch="//////", linewidth=0.4
        )
    axes.set_ylim(len(workers), 0)
    axes.set_yticks([number + 0.5 for number in range(len(workers))])
    axes.set_yticklabels([worker.name for worker in workers])
    _plain(axes)
    _time_axis(axes, spans, iterations)
    axes.set_xlabel("seconds of the real system", color=SOFT, labelpad=2)


def _draw_lateness(axes: Axes, late: Sequence[Lateness], workers: Sequence[str]) -> None:
    means = [each.mean for each in late]
    axes.bar(range(len(late)), means, width=0.8, color="#8FA3B5")
    if len(workers) <= len(_WORKER_MARKS):
        for number, name in enumerate(workers):
            axes.plot(
                [each.by_worker[number] or np.nan for each in late],  # not where none waited
                linestyle="none",
                marker=_WORKER_MARKS[number],
                markersize=2.6,
                color=INK,
                alpha=0.7,
                label=name,
            )
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=len(workers),
            frameon=False,
            fontsize=7,
            borderpad=0,
            handletextpad=0.1,
        )
    top = max((value for each in late for value in each.by_worker), default=0.0)
    axes.set_xlim(-0.7, len(late) - 0.3)
    axes.set_ylim(0, 1.06 * top or 1.0)
    named = list(range(len(late)))
    if len(late) > _LABELLED:
        waiting = [layer for layer in named if means[layer] > 0]
        named = _apart(sorted(waiting, key=lambda layer: -means[layer]), len(late))
    axes.set_xticks(named)
    axes.set_xticklabels([late[layer].layer for layer in named], rotation=40, ha="right")
    axes.set_ylabel("late, ms", color=SOFT)
    title = "how late each layer's parameters were (bars: mean of the workers), in forward order"
    axes.set_title(title, size=8, loc="left", color=INK, pad=4)
    _plain(axes)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)


def _apart(ordered: Sequence[int], count: int) -> list[int]:
    """The first of them whose names do not overlap."""
    kept: list[int] = []
    for layer in ordered:
        if len(kept) < _LATEST and all(abs(layer - other) > count / 40 for other in kept):
            kept.append(layer)
    return sorted(kept)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.tick_params(length=0, colors=SOFT, labelsize=7, pad=2)
    axes.set_axisbelow(True)
