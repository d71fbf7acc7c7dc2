"""No command of these tests reads or writes what this machine remembers."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "cache-home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    return place
