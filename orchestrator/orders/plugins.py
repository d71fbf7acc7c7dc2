"""Orders that are not ours: found by the name of an entry point, or by `module:Class`."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path

from orchestrator.orders.named import ORDERS
from orchestrator.orders.order import Order
from orchestrator.orders.ranks import OrderError
from workloads.errors import unknown_name

ENTRY_POINTS = "dmlbed.orders"


def order_names() -> tuple[str, ...]:
    """Names of ours and of those that installed packages bring."""
    return (*ORDERS, *sorted({point.name for point in entry_points(group=ENTRY_POINTS)}))


def find_order(name: str, folder: Path) -> Order:
    """The order of that name.

    Args:
        name: one of ours, that of an entry point of the group "dmlbed.orders", or `module:Class`.
        folder: where modules are looked for first: that of the experiment.

    Raises:
        OrderError: there is none, it cannot be imported, or it is no order.
    """
    if name in ORDERS:
        return ORDERS[name]
    target = name
    if ":" not in name:
        points = list(entry_points(group=ENTRY_POINTS, name=name))
        if not points:
            raise OrderError(unknown_name("order", name, (*order_names(), "module:Class")))
        target = points[0].value
    module_name, _, class_name = target.partition(":")
    if module_name.endswith(".py"):
        right = f"{module_name.removesuffix('.py')}:{class_name}"
        raise OrderError(f"order {name!r}: a module is named without .py (did you mean {right!r}?)")
    try:
        with _first_on_path(folder):
            module = importlib.import_module(module_name)
    except Exception as error:  # it is anybody's code
        raise OrderError(
            f"order {name!r}: module {module_name!r} cannot be imported, neither from {folder} nor "
            f"from installed packages: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, class_name, None)
    if not (inspect.isclass(found) and issubclass(found, Order)):
        what = "has no" if found is None else "is no subclass of orchestrator.orders.Order:"
        raise OrderError(f"order {name!r}: {module_name} {what} {class_name!r}")
    if problem := _overrides_nothing(found):
        raise OrderError(f"order {name!r}: {class_name} {problem}")
    try:
        return found()
    except Exception as error:
        raise OrderError(
            f"order {name!r}: {class_name}() raised {type(error).__name__}: {error}"
        ) from error


def _overrides_nothing(found: type[Order]) -> str:
    """What is wrong with a class that would be `Order` under another name; or an empty string."""
    known = [key for key in vars(Order) if not key.startswith("_")]
    own = {key for each in found.__mro__ if each not in Order.__mro__ for key in vars(each)}
    if own.intersection(known):
        return ""
    near = [match for key in sorted(own) for match in get_close_matches(key, known, 1)]
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"overrides nothing of Order: {', '.join(known)}{hint}"


def source_digest(order: Order) -> str | None:
    """SHA-256 of the file that an order of somebody else stands in; None of ours.

    A run's identity hangs on it: what is not in the experiment file decides figures, too.
    """
    if order in ORDERS.values():
        return None
    file = inspect.getsourcefile(type(order))
    return None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    entry = str(folder.resolve())
    importlib.invalidate_caches()
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
