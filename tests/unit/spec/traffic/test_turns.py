"""Scales that are too small for an order, by hand-computed windows and messages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.spec import Overrides, Scale, SocketBuffers, load_experiment, without_order
from orchestrator.spec.traffic.turns import (
    Turns,
    too_small_for_order,
)
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule

ROOT = Path(__file__).parents[4]
EXPERIMENT = load_experiment(ROOT / "experiments/published.yaml")
DEMANDS = EXPERIMENT.exchange.demands
AUTO = SocketBuffers()
TURNS = Turns(DEMANDS)
SQUEEZENET = load_model("squeezenet")


def why(schedule: str, scale: Scale, buffers: SocketBuffers = AUTO) -> str:
    return without_order(DEMANDS, buffers, SQUEEZENET, get_schedule(schedule), scale)


def test_a_turn_is_the_models_time_at_the_fullest_port() -> None:
    assert str(TURNS.port) == "switch0->switch1"
    seconds = TURNS.seconds(SQUEEZENET, Scale(64, 0.5))
    assert seconds == pytest.approx(8 * SQUEEZENET.bytes / 1e9 * 0.5)


def test_windows_never_get_smaller_than_the_least_send_buffer() -> None:
    """Three flows, each twice 16 KiB, of which 1448 of every 2728 B are payload."""
    expected = 3 * 2 * 16 * 1024 * 1448 / 2728
    assert TURNS.bytes_in_flight(Scale(64, 0.2)) == pytest.approx(expected)
    assert TURNS.bytes_in_flight(Scale(64, 0.5)) == pytest.approx(expected)


def test_the_server_has_the_messages_of_all_workers_both_ways() -> None:
    """52 tensors, three workers, 15 us at each end."""
    count, seconds = TURNS.messages(SQUEEZENET, None, Scale(64, 0.2))
    assert count == 52 * 3 * 2
    assert seconds == pytest.approx(312 * 15e-6)


@pytest.mark.parametrize("schedule", ["switch-priority", "p3", "planned-order"])
def test_windows_of_a_whole_turn_leave_nothing_to_order(schedule: str) -> None:
    """52,187 B in flight: at R = 64 a model of 4,991,392 B has more from D = 0.67 on."""
    assert pytest.approx(0.669, abs=1e-3) == 52_187 / 4_991_392 * 64
    for time in (0.2, 0.66):
        text = why(schedule, Scale(64, time))
        assert text.startswith("TCP's windows at switch0->switch1 hold 51 KiB together, and squeez")
        assert text.endswith("(D = 0.67 is enough at R = 64)")
    assert why(schedule, Scale(64, 0.67)) == ""


def test_messages_that_take_a_whole_turn_decide_who_goes_on() -> None:
    """4.68 ms of messages; a turn takes 39.9 ms times D, so that D = 0.118 is the least."""
    text = why("switch-priority", Scale(1, 0.1))
    assert text.startswith("312 messages of squeezenet take a host some 4.7 ms, and switch0->switc")
    assert text.endswith("carries one worker's in 4 ms (D = 0.12 is enough at R = 1)")
    assert why("switch-priority", Scale(1, 0.12)) == ""


def test_flows_of_a_worker_have_a_window_each() -> None:
    assert why("geryon", Scale(64, 2))
    assert why("fifo-sliced", Scale(64, 2)) == ""


def test_without_an_order_nothing_is_lost() -> None:
    """Overlap without an order is no matter of windows, but of messages."""
    assert why("none", Scale(64, 0.01)) == ""
    assert why("fifo", Scale(64, 0.5)) == ""
    assert why("fifo", Scale(1, 0.1)).startswith("312 messages")


def test_what_the_real_system_has_too_is_no_fault_of_the_scale() -> None:
    buffers = SocketBuffers(send=2 * 1024 * 1024, receive=8 * 1024 * 1024)
    for scale in (Scale(), Scale(64, 0.2)):
        assert not why("switch-priority", scale, buffers).startswith("TCP's windows")


def test_the_worst_is_named_with_what_is_enough_for_all() -> None:
    models = [load_model(name) for name in ("inception3", "squeezenet", "alexnet")]
    schedules = [get_schedule("none"), get_schedule("switch-priority")]
    text = too_small_for_order([DEMANDS], AUTO, models, schedules, Scale(4096, 1))
    assert text.startswith("scale: at R=4096, D=1 an order has little effect: TCP's windows at ")
    assert "inception3 has 22.7 KiB for one worker; squeezenet: the same (D = 43 is" in text
    assert too_small_for_order([DEMANDS], AUTO, models, schedules, Scale(8, 0.3)) == ""
    assert "no D up to 1000 is enough" in why("switch-priority", Scale(10**6, 1))


def test_an_experiment_notes_it_once_its_scale_is_known() -> None:
    def notes(scale: str) -> list[str]:
        loaded = load_experiment(ROOT / "experiments/published.yaml", Overrides(scale=scale))
        return [note for note in loaded.notes if "an order has little effect" in note]

    assert notes("auto") == notes("1,0.3") == notes("64,0.3") == []
    (text,) = notes("4096,1")
    assert "inception3, resnet50, mobilenet: the same" in text


def test_a_schedule_that_moves_no_whole_model_is_none_of_its() -> None:
    loaded = load_experiment(ROOT / "experiments/published.yaml", Overrides(scale="4096,1"))
    coded = replace(get_schedule("switch-priority"), push_codec="of:Ours")
    own = replace(loaded, schedules=("mine",), custom_schedules={"mine": coded})
    assert not [note for note in own.notes if "an order has little effect" in note]
