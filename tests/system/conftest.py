"""What all of these tests' commands have in common.

None reads or writes what this machine remembers of calibrations, and all can be interrupted.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A private cache for all tests, module-wide fixtures included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache-home")))
        yield


LONGEST = ("test_killed", "test_deployment", "test_sweep")
"""Modules of which a test takes long: begun last, it would be waited for alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that look at one finished run come first, so that one process has them all.

    Of two that share the tests, each would make that run for itself.
    """

    def place(item: pytest.Item) -> tuple[bool, int]:
        longest = item.path.stem in LONGEST
        rank = LONGEST.index(item.path.stem) if longest else len(LONGEST)
        return "finished" not in getattr(item, "fixturenames", ()), rank

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def can_be_interrupted() -> None:
    """A shell starts what is in its background with SIGINT ignored, and commands inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
