"""What is remembered, and what is as good as not remembered."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from orchestrator.session.scale.cache import CalibrationCache, default_directory
from orchestrator.session.scale.choose import calibration_key
from orchestrator.spec import Overrides, load_experiment
from tests.unit.session.attempts import attempt

ROOT = Path(__file__).parents[4]
PUBLISHED = ROOT / "experiments/published.yaml"


def key(switch: str = "linux-bridge", **overrides: Any) -> dict[str, Any]:
    return calibration_key(load_experiment(PUBLISHED, Overrides(**overrides)), switch)


def only_file(cache: CalibrationCache) -> Path:
    (file,) = cache.directory.iterdir()
    return file


@pytest.fixture
def cache(tmp_path: Path) -> CalibrationCache:
    return CalibrationCache(tmp_path / "not" / "there")


def test_attempts_come_back_and_add_up(cache: CalibrationCache) -> None:
    assert cache.attempts(key()) == {}
    cache.remember(key(), [attempt(2, push=0.5), attempt(1, push=0.1)])
    cache.remember(key(), [attempt(2), attempt(4)])
    assert cache.attempts(key()) == {1: attempt(1, push=0.1), 2: attempt(2), 4: attempt(4)}
    assert only_file(cache).stat().st_mode & 0o777 == 0o644
    assert [one.key for one in cache.all()] == [key()]


def test_another_question_has_another_answer(
    cache: CalibrationCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.remember(key(), [attempt(1)])
    # R, models and repeats are no part of the question.
    assert cache.attempts(key(scale="7,0.3", models=["vgg19"], repeats=9)) == {1: attempt(1)}
    assert cache.attempts(key("ovs-user")) == {}
    assert cache.attempts(key(scale="auto,1")) == {}
    star = calibration_key(load_experiment(PUBLISHED), "linux-bridge") | {"topology_digest": "x"}
    assert cache.attempts(star) == {}
    monkeypatch.setattr("platform.release", lambda: "7.0")
    assert cache.attempts(key()) == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"key": {}, "attempts": []}', b"\xff\x00", b'{"key": 1}', b"[" * 100_000],
)
def test_a_broken_file_is_ignored_and_written_anew(cache: CalibrationCache, content: bytes) -> None:
    cache.remember(key(), [attempt(1)])
    only_file(cache).write_bytes(content)
    assert cache.attempts(key()) == {}
    cache.remember(key(), [attempt(2)])
    assert cache.attempts(key()) == {2: attempt(2)}


def test_a_figure_that_cannot_be_is_ignored(cache: CalibrationCache) -> None:
    cache.remember(key(), [attempt(1)])
    file = only_file(cache)
    for before, after in (('"share":0.98', '"share":NaN'), ('"idle":0.5', '"idle":7')):
        text = file.read_text().replace(" ", "").replace(before, after)
        assert after in text
        file.write_text(text)
        assert cache.attempts(key()) == {}
        cache.remember(key(), [attempt(1)])


def test_readers_never_see_half_a_file(cache: CalibrationCache) -> None:
    cache.remember(key(), [attempt(1)])

    def write(rates: float) -> None:
        for _ in range(50):
            cache.remember(key(), [attempt(rates)])

    writers = [threading.Thread(target=write, args=(rates,)) for rates in (1, 2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert 1 in cache.attempts(key()) or 2 in cache.attempts(key())
    for writer in writers:
        writer.join()
    assert len(list(cache.directory.iterdir())) == 1


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert default_directory() == Path("/x/dmlbed")
    for not_absolute in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", not_absolute)
        assert default_directory() == Path("/var/cache/dmlbed")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_directory() == Path("/var/cache/dmlbed")
