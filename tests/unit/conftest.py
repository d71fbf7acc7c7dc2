"""What all unit tests have in common: how long one takes decides none, on a busy machine either."""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Whatever is imported stays: to look for garbage in it takes a third of the time of that."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
