"""What system tests take for shown by rates: a disturbed link's in a moment, a slow one's never."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from orchestrator.emulation.testbed import EmulatedTestbed
from tests.system import flows
from tests.system.flows import Flow, Phase, Trace, rates_show
from tests.system.undisturbed import ATTEMPTS

MOST = 100e6
FULL = Phase(0.3, 0.95, lambda rates: list(rates) == [pytest.approx(MOST, rel=0.03)])


def trace(bps: Callable[[float], float]) -> Trace:
    """What is received in a second, by the rate at each moment."""
    received, samples = 0.0, [(0, 0)]
    for number in range(100):
        received += bps(number / 100) * 0.01 / 8
        samples.append(((number + 1) * 10_000_000, round(received)))
    return Trace(0, samples, "cubic")


def shown(monkeypatch: pytest.MonkeyPatch, *attempts: Callable[[float], float]) -> int:
    """How many attempts were made; the last of these is made again and again."""
    left = list(attempts)

    def run(_testbed: object, _flows: Sequence[Flow], _buffer: int) -> list[Trace]:
        return [trace(left.pop(0) if len(left) > 1 else left[0])]

    monkeypatch.setattr(flows, "run_flows", run)
    nothing: EmulatedTestbed = object()  # type: ignore[assignment]
    return len(rates_show(nothing, [Flow("a", "b", 1.0)], 1, MOST, FULL))


def stopped(begin: float, end: float) -> Callable[[float], float]:
    return lambda at: 0.0 if begin <= at < end else MOST


def test_a_moment_between_disturbances_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, stopped(0.0, 0.0)) == 1
    assert shown(monkeypatch, stopped(0.45, 0.5)) == 1


def test_without_one_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, stopped(0.6, 0.65), stopped(0.6, 0.65), stopped(0.0, 0.1)) == 3


@pytest.mark.parametrize("share", [0.5, 0.96])
def test_a_slow_link_never_shows_it(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    with pytest.raises(AssertionError, match="never shown") as error:
        shown(monkeypatch, lambda _at: share * MOST)
    assert str(error.value).count("Mbit/s") == ATTEMPTS


def test_a_fast_link_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match=r"105\.00 Mbit/s"):
        shown(monkeypatch, lambda _at: 1.05 * MOST)
