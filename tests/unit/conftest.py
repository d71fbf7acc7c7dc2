"""What all unit tests have in common: how long one takes decides none, on a busy machine either."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
