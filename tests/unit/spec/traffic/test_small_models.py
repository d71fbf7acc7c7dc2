"""Models whose bytes do not shrink as D/R says, by hand-computed sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.spec import Overrides, Scale, load_experiment
from orchestrator.spec.traffic.small_models import least_time, off, sent, too_small
from workloads.models.profiles import Model, Tensor, load_model
from workloads.schedule.library import get_schedule
from workloads.schedule.units import Layout
from workloads.transport.wire import HEADER_BYTES

ROOT = Path(__file__).parents[4]


def model() -> Model:
    """1000 and 10 elements: 4040 B."""
    tensors = (Tensor("weight", (10, 100)), Tensor("bias", (10,)))
    squeezenet = load_model("squeezenet")
    layer = squeezenet.layers[0]
    one = replace(layer, tensors=tensors)
    return replace(squeezenet, name="two-tensors", layers=(one,))


def test_a_tensor_keeps_one_element_and_a_message_its_header() -> None:
    assert HEADER_BYTES == 28
    # 1000/100 = 10 elements, 10/100: one.
    assert sent(model(), None, Scale(100, 1)) == (4 * 11 + 2 * 28, 2)
    assert off(model(), None, Scale(100, 1)) == pytest.approx(100 / 40.4 - 1)


def test_slices_of_a_schedule_shrink_too() -> None:
    # 1600 B are 400 elements; at 1/10 they are 40: of 100 elements there are 3, of 1 there is 1.
    assert sent(model(), 1600, Scale(10, 1)) == (4 * 101 + 4 * 28, 4)


@pytest.mark.parametrize("schedule", ["none", "p3", "bytescheduler"])
@pytest.mark.parametrize("scale", [Scale(), Scale(4, 0.3), Scale(4096, 1), Scale(1, 3)])
def test_what_is_counted_is_what_the_hosts_send(schedule: str, scale: Scale) -> None:
    alexnet, unit = load_model("alexnet"), get_schedule(schedule).slice_bytes
    layout = Layout(alexnet, scale.rates, scale.time, unit)
    count = len(layout.chunks)
    assert sent(alexnet, unit, scale) == (layout.bytes + 28 * count, count)


def test_the_least_time_is_the_least() -> None:
    squeezenet = load_model("squeezenet")
    time = least_time(squeezenet, None, 2048)
    assert time is not None
    assert off(squeezenet, None, Scale(2048, time)) <= 0.01
    assert off(squeezenet, None, Scale(2048, time - 1)) > 0.01
    assert least_time(squeezenet, None, 10**6) is None


def test_it_is_said_of_the_worst_with_what_is_enough() -> None:
    models = [load_model("alexnet"), load_model("squeezenet")]
    schedules = [get_schedule("none")]
    assert not too_small(models, schedules, Scale(4, 0.3))
    text = too_small(models, schedules, Scale(1024, 5))
    assert text.startswith("scale: at R=1024, D=5 squeezenet under none has 6.2 % more bytes")
    assert "D = 31 is enough at R = 1024" in text
    assert "no D up to 1000 is enough" in too_small(models, schedules, Scale(10**6, 1))


def test_an_experiment_notes_it_once_its_scale_is_known() -> None:
    def notes(scale: str) -> list[str]:
        loaded = load_experiment(ROOT / "experiments/published.yaml", Overrides(scale=scale))
        return [note for note in loaded.notes if "more bytes" in note]

    assert notes("auto") == notes("auto,0.01") == notes("4,0.3") == []
    assert len(notes("4096,1")) == 1
