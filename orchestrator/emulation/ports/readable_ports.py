"""The ports of a running network: shaped, read back, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.emulation.ports.counters import Count, queue_counts
from orchestrator.emulation.ports.readback import by_device, differences
from orchestrator.emulation.ports.shaping import Command, PortShape
from orchestrator.emulation.runner import Runner, run_together
from orchestrator.errors import RunError


class ShapedPorts:
    """What every port was last asked for, and what the kernel says of it."""

    def __init__(self, runner: Runner, namespace: Callable[[str], int | None]) -> None:
        """Take ports that are not shaped.

        Args:
            runner: carries out the commands.
            namespace: the process in whose network namespace a node's ports are; None: in ours.
        """
        self._runner = runner
        self._namespace = namespace
        self._shapes: dict[str, PortShape] = {}

    @property
    def shapes(self) -> Mapping[str, PortShape]:
        """What was asked for, by port (`node->peer`)."""
        return self._shapes

    def shape(self, shapes: Iterable[PortShape]) -> None:
        """Shape ports; those that are to stay as they are are not touched.

        Raises:
            RunError: the kernel refused something.
        """
        wanted = [shape for shape in shapes if self._shapes.get(shape.port) != shape]
        for namespace, group in self._by_namespace(wanted).items():
            commands = [command for shape in group for command in self._commands(shape)]
            for program in ("ip", "tc"):
                own = [command for command in commands if command[0] == program]
                run_together(self._runner, own, namespace=namespace)
            self._shapes.update({shape.port: shape for shape in group})

    def differences(self) -> list[str]:
        """Where the kernel's shaping now differs from what was asked.

        Raises:
            RunError: a port's device is gone.
        """
        return [
            line
            for namespace, group in self._by_namespace(self._shapes.values()).items()
            for line in self._differences(namespace, group)
        ]

    def counts(self) -> dict[str, dict[str, Count]]:
        """Per port and class, what was sent and dropped so far.

        Raises:
            RunError: a port's device is gone.
        """
        counts = {}
        for namespace, group in self._by_namespace(self._shapes.values()).items():
            qdiscs = self._qdiscs(namespace, "-s")
            for shape in group:
                counts[shape.port] = queue_counts(shape, _of_device(shape, qdiscs))
        return counts

    def _by_namespace(self, shapes: Iterable[PortShape]) -> dict[int | None, list[PortShape]]:
        by_namespace: dict[int | None, list[PortShape]] = {}
        for shape in shapes:
            node = shape.port.partition("->")[0]
            by_namespace.setdefault(self._namespace(node), []).append(shape)
        return by_namespace

    def _commands(self, shape: PortShape) -> Iterator[Command]:
        before = self._shapes.get(shape.port)
        if before is not None:
            yield before.clear()
        yield from shape.commands()

    def _differences(self, namespace: int | None, shapes: Sequence[PortShape]) -> Iterator[str]:
        """Those of the ports of a namespace."""
        qdiscs = self._qdiscs(namespace)
        links = by_device(self._runner(("ip", "-d", "-j", "link", "show"), namespace=namespace))
        for shape in shapes:
            device = ("dev", shape.device)
            handles = [f"{tier + 1}:" for tier in range(len(shape.tiers()))]
            show = [
                ("tc", "class", "show", *device),
                *(("tc", "filter", "show", *device, "parent", handle) for handle in handles),
            ]
            (link,) = _of_device(shape, links)
            yield from differences(
                shape,
                run_together(self._runner, show, namespace=namespace),
                _of_device(shape, qdiscs),
                link,
            )

    def _qdiscs(self, namespace: int | None, *options: str) -> dict[str, list[dict[str, Any]]]:
        command = ("tc", "-j", *options, "qdisc", "show")
        return by_device(self._runner(command, namespace=namespace))


def _of_device(
    shape: PortShape, entries: Mapping[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    if shape.device not in entries:
        raise RunError(f"{shape.port}: the device {shape.device} is gone")
    return entries[shape.device]
