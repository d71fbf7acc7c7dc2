"""What we use of Mininet, imported without setuptools.

Mininet compares versions with distutils, which Python 3.11 still has and calls deprecated. In a
virtual environment setuptools answers that import with its own copy, and loads all of itself
for it, which takes longer than all that a run needs.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def _standard_distutils() -> Iterator[None]:
    """Let distutils be the standard library's while the body runs."""
    finders = list(sys.meta_path)
    sys.meta_path[:] = [
        finder for finder in finders if type(finder).__module__ != "_distutils_hack"
    ]
    try:
        yield
    finally:
        sys.meta_path[:] = finders


with _standard_distutils(), warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from mininet.link import Link
    from mininet.net import Mininet
    from mininet.node import Host, Node, Switch

__all__ = ["Host", "Link", "Mininet", "Node", "Switch"]
