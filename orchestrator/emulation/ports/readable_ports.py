"""The ports of a running network: shaped, read back, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from orchestrator.emulation.ports.counters import Count, queue_counts
from orchestrator.emulation.ports.readback import differences
from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.emulation.runner import Runner


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
        for shape in shapes:
            before = self._shapes.get(shape.port)
            if before == shape:
                continue
            if before is not None:
                self._run(shape, before.clear())
            for command in shape.commands():
                self._run(shape, command)
            self._shapes[shape.port] = shape

    def differences(self) -> list[str]:
        """Where the kernel's shaping now differs from what was asked."""
        return [line for shape in self._shapes.values() for line in self._differences(shape)]

    def counts(self) -> dict[str, dict[str, Count]]:
        """Per port and class, what was sent and dropped so far."""
        return {
            shape.port: queue_counts(
                shape, self._run(shape, ("tc", "-j", "-s", "qdisc", "show", "dev", shape.device))
            )
            for shape in self._shapes.values()
        }

    def _differences(self, shape: PortShape) -> list[str]:
        device = ("dev", shape.device)
        handles = [f"{tier + 1}:" for tier in range(len(shape.tiers()))]
        return differences(
            shape,
            self._run(shape, ("tc", "-d", "class", "show", *device)),
            self._run(shape, ("tc", "-j", "qdisc", "show", *device)),
            {
                handle: self._run(shape, ("tc", "filter", "show", *device, "parent", handle))
                for handle in handles
            },
            self._run(shape, ("ip", "-d", "-j", "link", "show", *device)),
        )

    def _run(self, shape: PortShape, command: tuple[str, ...]) -> str:
        node = shape.port.partition("->")[0]
        return self._runner(command, namespace=self._namespace(node))
