"""Orders that are not ours: found by the name of an entry point, or by `module:Class`."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from orchestrator.orders.named import ORDERS
from orchestrator.orders.order import Order
from orchestrator.orders.ranks import OrderError
from orchestrator.orders.sources import import_from_folder, import_from_texts
from workloads.errors import unknown_name

ENTRY_POINTS = "dmlbed.orders"


@dataclass(frozen=True)
class OwnOrder:
    """An order that is not ours, with all that it takes to have it elsewhere and later.

    Attributes:
        name: as schedules name it.
        target: `module:Class`.
        folder: where its modules were looked for first: that of the experiment.
        files: text of its modules by their place in that folder; none if it is an installed one.
        digest: SHA-256 of the file that its class stands in, and of its other files. A run's
            identity hangs on it: what is not in the experiment file decides figures, too.
    """

    name: str
    target: str
    folder: str
    files: Mapping[str, str]
    digest: str

    @cached_property
    def order(self) -> Order:
        """The order itself.

        Raises:
            OrderError: it cannot be imported, or it is an installed one that has changed.
        """
        order = _order(self, lambda name: import_from_texts(name, self.files, Path(self.folder)))
        if _digest(order, self.target.partition(":")[0], self.files) != self.digest:
            raise OrderError(f"order {self.name!r}: the installed {self.target} was changed")
        return order

    def to_json(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return asdict(self)


def order_names() -> tuple[str, ...]:
    """Names of ours and of those that installed packages bring."""
    return (*ORDERS, *sorted({point.name for point in entry_points(group=ENTRY_POINTS)}))


def find_order(name: str, folder: Path) -> OwnOrder:
    """The order of that name, which is none of ours.

    Args:
        name: that of an entry point of the group "dmlbed.orders", or `module:Class`.
        folder: where modules are looked for first: that of the experiment.

    Raises:
        OrderError: there is none, it cannot be imported, or it is no order.
    """
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
    found = OwnOrder(name, target, str(folder.resolve()), {}, "")
    files: dict[str, str] = {}

    def imported(module: str) -> ModuleType:
        made, texts = import_from_folder(module, folder)
        files.update(texts)
        return made

    order = _order(found, imported, folder)
    found = OwnOrder(name, target, found.folder, files, _digest(order, module_name, files))
    found.order  # noqa: B018 (what cannot be had from its texts alone must fail now)
    return found


def _order(
    own: OwnOrder, imported: Callable[[str], ModuleType], folder: Path | None = None
) -> Order:
    """An object of the order's class, from its module."""
    name = own.name
    module_name, _, class_name = own.target.partition(":")
    try:
        module = imported(module_name)
    except Exception as error:  # it is anybody's code
        raise OrderError(
            f"order {name!r}: module {module_name!r} cannot be imported, neither from "
            f"{folder or own.folder} nor from installed packages: {type(error).__name__}: {error}"
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


def _digest(order: Order, module: str, files: Mapping[str, str]) -> str:
    """Of the file that an order's class stands in, and then of the others with their places."""
    stem = module.replace(".", "/")
    own = {place for place in (f"{stem}/__init__.py", f"{stem}.py") if place in files}
    if own:
        content = "".join(files[place] for place in own).encode()
    else:
        file = inspect.getsourcefile(type(order))
        content = b"" if file is None else Path(file).read_bytes()
    found = hashlib.sha256(content)
    for place in sorted(files.keys() - own):
        found.update(f"\0{place}\0{files[place]}".encode())
    return found.hexdigest()
