"""Transformers of the library as plain torch modules, with the tensors of the published ones.

Gradients of embeddings are dense here: as large as the embedding, whatever rows were read.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention, silu

_LIKE_GPT2 = 0.02  # standard deviation of first values


class Attention(nn.Module):
    """Every head's attention: queries, keys and values side by side, [n, length, 3 width], to
    [n, length, width].

    Args:
        heads: how many.
        causal: whether a place sees those before it only.
    """

    def __init__(self, heads: int, *, causal: bool) -> None:
        super().__init__()
        self._heads = heads
        self._causal = causal

    def forward(self, joined: Tensor) -> Tensor:
        """Attend."""
        parts = joined.unflatten(2, (3, self._heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind()
        mixed = scaled_dot_product_attention(queries, keys, values, is_causal=self._causal)
        return mixed.transpose(1, 2).flatten(2)


class Block(nn.Module):
    """Attention and two dense layers, each around a shortcut.

    Args:
        width: of a place's values.
        heads: of the attention.
        causal: see `Attention`.
        first: whether it normalises before a branch (GPT-2, ViT) or after the sum (BERT).
        epsilon: of the normalisations.
    """

    def __init__(
        self, width: int, heads: int, *, causal: bool, first: bool, epsilon: float
    ) -> None:
        super().__init__()
        self._first = first
        self.ln_1 = nn.LayerNorm(width, epsilon)
        self.qkv = nn.Linear(width, 3 * width)
        self.attention = Attention(heads, causal=causal)
        self.out = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width, epsilon)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[n, length, width] to the same."""
        if self._first:
            x = x + self.out(self.attention(self.qkv(self.ln_1(x))))
            return x + self.down(gelu(self.up(self.ln_2(x))))
        x = self.ln_1(x + self.out(self.attention(self.qkv(x))))
        return self.ln_2(x + self.down(gelu(self.up(x))))


class Transformer(nn.Module):
    """What the library's transformers share: the shape of an example, and first values."""

    input_shape: ClassVar[tuple[int, ...]]
    input_dtype: ClassVar[torch.dtype] = torch.int64

    def _begin(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding) and not module.weight.is_meta:
                nn.init.normal_(module.weight, 0.0, _LIKE_GPT2)


class GPT2(Transformer):
    """GPT-2 of 124 M parameters (Radford et al. 2019), whose head is the embedding of words."""

    input_shape = (1024,)

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(50257, 768)
        self.wpe = nn.Embedding(1024, 768)
        self.h = nn.Sequential(
            *(Block(768, 12, causal=True, first=True, epsilon=1e-5) for _ in range(12))
        )
        self.ln_f = nn.LayerNorm(768)
        self.head = nn.Linear(768, 50257, bias=False)
        self.head.weight = self.wte.weight
        self._begin()

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of the next word at each place: [n, length] to [n, length, words]."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.ln_f(self.h(self.wte(tokens) + self.wpe(places))))


class Bert(Transformer):
    """BERT base, uncased (Devlin et al. 2018): embeddings, encoder and pooler."""

    input_shape = (128,)

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30522, 768)
        self.places = nn.Embedding(512, 768)
        self.kinds = nn.Embedding(2, 768)
        self.ln = nn.LayerNorm(768, 1e-12)
        self.h = nn.Sequential(
            *(Block(768, 12, causal=False, first=False, epsilon=1e-12) for _ in range(12))
        )
        self.pooler = nn.Linear(768, 768)
        self._begin()

    def forward(self, tokens: Tensor) -> Tensor:
        """The pooled first place: [n, length] to [n, 768]."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        kinds = torch.zeros_like(tokens)  # all of one sentence
        x = self.ln(self.words(tokens) + self.places(places) + self.kinds(kinds))
        return self.pooler(self.h(x)[:, 0]).tanh()


class ViT(Transformer):
    """ViT-B/16 (Dosovitskiy et al. 2020) for images of 224 x 224 and 1000 classes."""

    input_shape = (3, 224, 224)
    input_dtype = torch.float32

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 768, 16, 16)
        self.label = nn.Parameter(torch.zeros(1, 1, 768))
        self.places = nn.Parameter(torch.zeros(1, 197, 768))
        self.h = nn.Sequential(
            *(Block(768, 12, causal=False, first=True, epsilon=1e-6) for _ in range(12))
        )
        self.ln = nn.LayerNorm(768, 1e-6)
        self.head = nn.Linear(768, 1000)
        self._begin()

    def forward(self, images: Tensor) -> Tensor:
        """Scores: [n, 3, 224, 224] to [n, 1000]."""
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat((self.label.expand(len(x), -1, -1), x), 1) + self.places
        return self.head(self.ln(self.h(x))[:, 0])


class LlamaBlock(nn.Module):
    """Llama's block (Touvron et al. 2023): no biases, gated dense layers, rotated places.

    Args:
        width: of a place's values.
        inner: of the gated layers.
        heads: of the attention.
    """

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.norm_1 = nn.RMSNorm(width, 1e-5)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.attention = Attention(heads, causal=True)
        self.out = nn.Linear(width, width, bias=False)
        self.norm_2 = nn.RMSNorm(width, 1e-5)
        self.gate = nn.Linear(width, inner, bias=False)
        self.up = nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, length, width] to the same."""
        x = x + self.out(self.attention(_rotated(self.qkv(self.norm_1(x)), self._heads)))
        y = self.norm_2(x)
        return x + self.down(silu(self.gate(y)) * self.up(y))


def _rotated(joined: Tensor, heads: int) -> Tensor:
    """Queries and keys turned by their places, values as they are."""
    parts = joined.unflatten(2, (3, heads, -1))
    half = parts.shape[-1] // 2
    places = torch.arange(joined.shape[1], device=joined.device)
    rates = 10000.0 ** (-torch.arange(half, device=joined.device) / half)
    angles = (places[:, None] * rates)[None, :, None, None, :]
    turned, values = parts[:, :, :2], parts[:, :, 2:]
    low, high = turned[..., :half], turned[..., half:]
    cos, sin = angles.cos(), angles.sin()
    turned = torch.cat((low * cos - high * sin, high * cos + low * sin), -1)
    return torch.cat((turned, values), 2).flatten(2)


class Llama(Transformer):
    """A language model as Llama's, of 148 M parameters; its head is a tensor of its own."""

    input_shape = (1024,)

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(32000, 768)
        self.h = nn.Sequential(*(LlamaBlock(768, 2048, 12) for _ in range(14)))
        self.norm = nn.RMSNorm(768, 1e-5)
        self.head = nn.Linear(768, 32000, bias=False)
        self._begin()

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of the next word at each place: [n, length] to [n, length, words]."""
        return self.head(self.norm(self.h(self.words(tokens))))
