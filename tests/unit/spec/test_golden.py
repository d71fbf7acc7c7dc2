"""Good files resolve to the JSON beside them; broken files give exactly the text beside them.

After a wanted change: `PYTHONPATH=. python tests/unit/spec/test_golden.py` rewrites
what is expected; read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestrator.errors import InputError
from orchestrator.spec import load_any

GOLDEN = Path(__file__).parents[2] / "golden"
GOOD = sorted(path.name for path in (GOLDEN / "good").glob("*.yaml"))
BROKEN = sorted(path.name for path in (GOLDEN / "broken").glob("*.yaml"))


def good_text(name: str) -> str:
    return json.dumps(load_any(Path(name)).resolved(), indent=2) + "\n"


def broken_text(name: str) -> str:
    with pytest.raises(InputError) as caught:
        load_any(Path(name))
    assert caught.value.exit_code == 2
    return "\n".join(caught.value.lines()) + "\n"


def test_there_are_golden_files() -> None:
    assert len(GOOD) >= 6
    assert len(BROKEN) >= 25


@pytest.mark.parametrize("name", GOOD)
def test_good_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN / "good")
    assert good_text(name) == Path(name).with_suffix(".json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN / "broken")
    assert broken_text(name) == Path(name).with_suffix(".txt").read_text(encoding="utf-8")


def _rewrite() -> None:
    os.chdir(GOLDEN / "good")
    for name in GOOD:
        Path(name).with_suffix(".json").write_text(good_text(name), encoding="utf-8")
    os.chdir(GOLDEN / "broken")
    for name in BROKEN:
        Path(name).with_suffix(".txt").write_text(broken_text(name), encoding="utf-8")


if __name__ == "__main__":
    _rewrite()
