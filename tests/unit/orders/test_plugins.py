"""Orders that are not ours."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from orchestrator.orders import ENTRY_POINTS, ORDERS, Order, OrderError, find_order, source_digest

MINE = """
from orchestrator.orders import Order

class Mine(Order):
    steady = True

class Misspelt(Order):
    def push(self, setting, worker):
        return [0] * len(setting.units)

class Demanding(Order):
    steady = True

    def __init__(self, what):
        pass

number = 5
"""


def write(folder: Path, name: str, text: str = MINE) -> str:
    folder.joinpath(f"{name}.py").write_text(text)
    return name


def test_ours() -> None:
    assert find_order("layer", Path()) is ORDERS["layer"]
    assert source_digest(ORDERS["layer"]) is None


def test_a_module_beside_the_experiment(tmp_path: Path) -> None:
    module = write(tmp_path, "beside_the_experiment")
    found = find_order(f"{module}:Mine", tmp_path)
    assert isinstance(found, Order)
    assert type(found).__name__ == "Mine"
    assert str(tmp_path) not in sys.path
    assert len(source_digest(found) or "") == 64


def test_a_class_that_overrides_nothing_is_no_order_of_ones_own(tmp_path: Path) -> None:
    module = write(tmp_path, "misspelt")
    with pytest.raises(OrderError, match=r"Misspelt overrides nothing of Order: .* 'pushes'\?"):
        find_order(f"{module}:Misspelt", tmp_path)


def test_an_entry_point(tmp_path: Path) -> None:
    module = write(tmp_path, "of_an_entry_point")
    point = EntryPoint("mine", f"{module}:Mine", ENTRY_POINTS)

    def points(*, group: str, name: str = "mine") -> list[EntryPoint]:
        return [point] if (group, name) == (ENTRY_POINTS, "mine") else []

    with mock.patch("orchestrator.orders.plugins.entry_points", points):
        assert type(find_order("mine", tmp_path)).__name__ == "Mine"
        with pytest.raises(OrderError, match=r"unknown order 'mime' \(did you mean 'mine'\?\)"):
            find_order("mime", tmp_path)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("{}:Absent", "has no 'Absent'"),
        ("{}:number", "is no subclass of orchestrator.orders.Order: 'number'"),
        ("{}:Demanding", "Demanding() raised TypeError"),
        ("{}x:Mine", "cannot be imported, neither from {folder} nor from installed packages"),
        (":", "cannot be imported"),
    ],
)
def test_wrong_ones(tmp_path: Path, target: str, message: str) -> None:
    module = write(tmp_path, "with_mistakes")
    with pytest.raises(OrderError) as caught:
        find_order(target.format(module), tmp_path)
    assert message.format(folder=tmp_path) in str(caught.value)


@pytest.mark.parametrize("text", ["import nothing_of_that_name", "1 / 0", "def"])
def test_a_module_that_fails(tmp_path: Path, text: str) -> None:
    module = write(tmp_path, "that_fails", text)
    with pytest.raises(OrderError, match="cannot be imported"):
        find_order(f"{module}:Mine", tmp_path)


def test_nothing_stays_of_a_failure(tmp_path: Path) -> None:
    before: Any = list(sys.path)
    with pytest.raises(OrderError):
        find_order("absent_module:Mine", tmp_path)
    assert sys.path == before


def test_a_module_is_named_without_its_ending(tmp_path: Path) -> None:
    with pytest.raises(OrderError, match=r"without \.py \(did you mean 'own_order:Mine'\?\)"):
        find_order("own_order.py:Mine", tmp_path)
