"""Networks of users, which tests train."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Unused(nn.Module):
    """Has a layer that is not called, and one whose answer is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 5)
        self.second = nn.Linear(6, 5)
        self.last = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.second(x)
        return self.last(self.first(x).relu())


def unused() -> tuple[nn.Module, Tensor]:
    return Unused(), torch.zeros(1, 6)


class Words(nn.Module):
    """A small transformer: tokens in, scores of the next token out; its layers share attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.scores = nn.Linear(8, 11)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.scores(self.attention(self.embedding(tokens)))


def words() -> tuple[nn.Module, Tensor]:
    return Words(), torch.zeros(1, 4, dtype=torch.int64)
