"""A user-defined order, named by own-order.yaml: small tensors overtake large ones."""

from __future__ import annotations

from orchestrator.orders import Order, Setting


class SmallestFirst(Order):
    """Pushes the smallest tensors first; answers stay as they are, in the layers' order."""

    def pushes(self, setting: Setting, worker: int) -> list[int]:
        """Per unit its rank, the least first: the size of its tensor, in bytes."""
        return [setting.tensor_bytes[unit.tensor] for unit in setting.units]
