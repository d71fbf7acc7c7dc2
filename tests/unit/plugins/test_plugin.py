"""What is not ours, by the kind that has it: orders."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from orchestrator.orders import Order, OwnOrder, ranks_of
from orchestrator.plugins import PluginError
from tests.unit.orders.settings import setting_for
from workloads.schedule.library import get_schedule

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


def test_a_module_beside_the_experiment(tmp_path: Path) -> None:
    module = write(tmp_path, "beside_the_experiment")
    own = OwnOrder.find(f"{module}:Mine", tmp_path)
    assert isinstance(own.instance, Order)
    assert type(own.instance).__name__ == "Mine"
    assert str(tmp_path) not in sys.path
    assert own.files == {"beside_the_experiment.py": MINE}
    assert own.digest == hashlib.sha256(MINE.encode()).hexdigest()


def test_an_order_travels_with_all_its_modules(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for name, text in (
        ("kit/__init__.py", ""),
        ("kit/deeper/ranks.py", "TWO = 2"),
        ("never.py", "not imported"),
        ("of_many.py", "from kit.deeper.ranks import TWO\nfrom orchestrator.orders import Order\n"
         "class Mine(Order):\n    def pushes(self, setting, worker):\n        return [TWO]"),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    own = OwnOrder.find("of_many:Mine", folder)
    assert set(own.files) == {"kit/__init__.py", "kit/deeper/ranks.py", "of_many.py"}
    shutil.rmtree(folder)
    there = OwnOrder(**json.loads(json.dumps(own.to_json())))
    assert there == own
    setting: Any = None
    assert there.instance.pushes(setting, 0) == [2]


def test_every_module_of_it_decides_its_digest(tmp_path: Path) -> None:
    text = "from {} import {}\nfrom orchestrator.orders import Order\n"
    mine = text.format("part", "A") + "class Mine(Order):\n    steady = A\n"
    digests = set()
    for value in (True, False):
        (tmp_path / "part.py").write_text(f"A = {value}")
        (tmp_path / "of_parts.py").write_text(mine)
        own = OwnOrder.find("of_parts:Mine", tmp_path)
        assert own.instance.steady is value
        digests.add(own.digest)
    assert len(digests) == 2


def test_modules_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    both = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "of_one_name", f"{MINE}\nclass Of_{name}(Mine): ...\n")
        both.append(OwnOrder.find(f"of_one_name:Of_{name}", tmp_path / name))
    assert [type(one.instance).__name__ for one in both] == ["Of_a", "Of_b"]


def test_an_installed_order_that_has_changed_is_told(tmp_path: Path) -> None:
    sys.path.insert(0, str(tmp_path))
    try:
        module = write(tmp_path, "an_installed_one")
        own = OwnOrder.find(f"{module}:Mine", Path("/"))
        assert own.files == {}
        there = OwnOrder(**own.to_json())
        write(tmp_path, module, f"{MINE}\nchanged = 1\n")
        with pytest.raises(PluginError, match="the installed an_installed_one:Mine was changed"):
            _ = there.instance
    finally:
        sys.path.remove(str(tmp_path))


@pytest.mark.parametrize("taken", ["random", "sched", "numpy", "workloads"])
def test_a_file_with_the_name_of_another_module_is_refused(tmp_path: Path, taken: str) -> None:
    """Whether that one is loaded already or not; and when it is part of a user's package."""
    write(tmp_path, taken)
    write(tmp_path, "importing", f"from {taken} import Mine\n")
    what = "one of Python's own modules" if taken in ("random", "sched") else "an installed module"
    for module in (taken, "importing"):
        with pytest.raises(PluginError) as refused:
            OwnOrder.find(f"{module}:Mine", tmp_path)
        assert f"{taken}.py beside the experiment has the name of {what}" in refused.value.message
        assert refused.value.hint == f"rename it, for instance to my_{taken}.py"


def test_a_file_that_nobody_names_does_not_take_the_place_of_a_library(tmp_path: Path) -> None:
    """`sched` imports `heapq`: it gets Python's, whatever is beside the experiment."""
    for name in ("sched", "heapq"):
        sys.modules.pop(name, None)
    write(tmp_path, "heapq", "raise RuntimeError('not this one')")
    module = write(tmp_path, "that_schedules", f"import sched\n{MINE}")
    own = OwnOrder.find(f"{module}:Mine", tmp_path)
    assert list(own.files) == ["that_schedules.py"]


def test_a_name_that_is_taken_where_an_order_has_travelled_is_refused_there(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    own = OwnOrder.find(f"{write(here, 'free_name')}:Mine", here)
    write(there, "free_name")
    sys.path.insert(0, str(there))
    try:
        with pytest.raises(PluginError, match="has the name of an installed module"):
            _ = OwnOrder(**own.to_json()).instance
    finally:
        sys.path.remove(str(there))


def test_a_class_that_overrides_nothing_is_no_order_of_ones_own(tmp_path: Path) -> None:
    module = write(tmp_path, "misspelt")
    with pytest.raises(PluginError, match=r"Misspelt overrides nothing of Order: .* 'pushes'\?"):
        OwnOrder.find(f"{module}:Misspelt", tmp_path)


def test_an_entry_point(tmp_path: Path) -> None:
    module = write(tmp_path, "of_an_entry_point")
    point = EntryPoint("mine", f"{module}:Mine", "dmlbed.orders")

    def points(*, group: str) -> list[EntryPoint]:
        return [point] if group == "dmlbed.orders" else []

    with mock.patch("orchestrator.plugins.kind.entry_points", points):
        assert type(OwnOrder.find("mine", tmp_path).instance).__name__ == "Mine"
        with pytest.raises(PluginError, match=r"unknown order 'mime' \(did you mean 'mine'\?\)"):
            OwnOrder.find("mime", tmp_path)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("{}:Absent", "has no 'Absent' (it has: Mine, Misspelt, Demanding)"),
        ("{}:mine", "has no 'mine' (did you mean 'Mine'?)"),
        ("{}:Demandin", "has no 'Demandin' (did you mean 'Demanding'?)"),
        ("{}:Order", "Order overrides nothing of Order: "),
        (
            "{}:number",
            ": 'number' is not a subclass of orchestrator.orders.Order (it has: Mine, ",
        ),
        ("{}:Demanding", "Demanding() raised TypeError"),
        ("{}x:Mine", "cannot be imported, neither from {folder} nor from installed packages"),
        ("{}x:Mine", "No module named 'with_mistakesx' (did you mean 'with_mistakes'?)"),
        ("unknown", "unknown order 'unknown' (known: random, generation, "),
        ("{}.Mine", "unknown order 'with_mistakes.Mine' (did you mean 'with_mistakes:Mine'?)"),
        ("{}", "(a class of with_mistakes.py is named 'with_mistakes:Class')"),
        ("./{}:Mine", "without a path and without .py (did you mean 'with_mistakes:Mine'?)"),
        (
            "/own/{}.py:Mine",
            "without a path and without .py (it lies beside the experiment's file)",
        ),
        (":", "cannot be imported"),
    ],
)
def test_wrong_ones(tmp_path: Path, target: str, message: str) -> None:
    module = write(tmp_path, "with_mistakes")
    with pytest.raises(PluginError) as caught:
        OwnOrder.find(target.format(module), tmp_path)
    assert message.format(folder=tmp_path) in str(caught.value)


@pytest.mark.parametrize("text", ["import nothing_of_that_name", "1 / 0", "def", "exit()"])
def test_a_module_that_fails(tmp_path: Path, text: str) -> None:
    module = write(tmp_path, "that_fails", text)
    with pytest.raises(PluginError, match="cannot be imported"):
        OwnOrder.find(f"{module}:Mine", tmp_path)


def test_nothing_stays_of_a_failure(tmp_path: Path) -> None:
    before: Any = list(sys.path)
    with pytest.raises(PluginError):
        OwnOrder.find("absent_module:Mine", tmp_path)
    assert sys.path == before


def test_a_module_is_named_without_its_ending(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"without \.py \(did you mean 'own_order:Mine'\?\)"):
        OwnOrder.find("own_order.py:Mine", tmp_path)


def test_what_it_prints_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "    def __init__(self):\n        print('made')\n    def pushes(self, setting, worker):\n"
    )
    module = write(
        tmp_path,
        "that_prints",
        f"print('imported')\nfrom orchestrator.orders import Order\nclass Prints(Order):\n{text}"
        "        print('asked')\n        return [0] * len(setting.units)\n",
    )
    own = OwnOrder.find(f"{module}:Prints", tmp_path)
    schedule = get_schedule("p3")
    ranks_of(own.instance, schedule, setting_for(schedule), 1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert set(captured.err.split()) == {"imported", "made", "asked"}
