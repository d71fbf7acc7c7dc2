"""Orders with mistakes."""

from __future__ import annotations

from typing import Any

from orchestrator.orders import Order, Setting


class Short(Order):
    def pushes(self, setting: Setting, worker: int) -> list[int]:
        return [0]


class Late(Order):
    def answers(self, setting: Any, worker: int) -> list[int]:
        deadlines: list[int] = setting.deadlines
        return deadlines
