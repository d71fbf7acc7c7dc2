"""What is exchanged where links are looked at: never a model that is all messages."""

from __future__ import annotations

import pytest

from orchestrator.session.plan.exchange import LEAST_BYTES, exchange_scale
from orchestrator.spec import Scale
from workloads.models.profiles import load_model
from workloads.schedule.units import Layout


def bytes_at(name: str, scale: Scale, most: float = float("inf")) -> int:
    own_scale = exchange_scale(load_model(name), scale, most)
    return Layout(load_model(name), own_scale["rates"], own_scale["time"]).bytes


def test_a_model_that_is_large_enough_has_its_own_scale() -> None:
    # 102 MB x 0.3 / 4 are 7.7 MB.
    assert exchange_scale(load_model("resnet50"), Scale(4, 0.3)) == {"rates": 4, "time": 0.3}


@pytest.mark.parametrize("scale", [Scale(64, 1), Scale(1024, 5), Scale(4096, 1), Scale(10**6, 1)])
def test_a_tiny_one_is_exchanged_larger(scale: Scale) -> None:
    assert bytes_at("resnet50", scale) == pytest.approx(LEAST_BYTES, rel=0.001)


def test_none_is_larger_than_real_or_than_memory() -> None:
    squeezenet = load_model("squeezenet")
    assert bytes_at("squeezenet", Scale(1, 5)) == squeezenet.bytes
    assert bytes_at("squeezenet", Scale(4096, 1), 1e6) == pytest.approx(1e6, rel=0.001)
    assert bytes_at("squeezenet", Scale(1, 1), 1e6) == pytest.approx(1e6, rel=0.001)
