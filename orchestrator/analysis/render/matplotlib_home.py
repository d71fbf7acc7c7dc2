"""Imports matplotlib so that it writes nothing into the user's home; before all that draws.

It would leave a list of fonts in ~/.cache and a directory in ~/.config, and read a person's
settings there, while our figures depend on nothing but what is drawn.
"""

from __future__ import annotations

import os
import tempfile

_VARIABLE = "MPLCONFIGDIR"


def _import_apart() -> None:
    before = os.environ.get(_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="dmlbed-") as directory:
        os.environ[_VARIABLE] = directory
        try:
            # Asks for its directories and lists the fonts, both once.
            import matplotlib.font_manager  # noqa: F401
        finally:
            del os.environ[_VARIABLE]
            if before is not None:
                os.environ[_VARIABLE] = before


_import_apart()
