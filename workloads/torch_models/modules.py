"""The library's models as torch modules, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch

from workloads.errors import unknown_name
from workloads.torch_models.architectures import ARCHITECTURES
from workloads.torch_models.networks import Network
from workloads.torch_models.small_networks import FFL, MobiVSR
from workloads.torch_models.transformers import GPT2, Bert, Llama, Transformer, ViT

LibraryModule: TypeAlias = Network | Transformer | MobiVSR | FFL

_PLAIN: Mapping[str, Callable[[], LibraryModule]] = {
    "gpt2": GPT2,
    "bert-base": Bert,
    "vit-b16": ViT,
    "llama-like": Llama,
    "mobivsr-like": MobiVSR,
    "ffl": FFL,
}


def module_of(name: str, device: str = "cpu") -> LibraryModule:
    """Build a model of the library.

    Args:
        name: of the model.
        device: where its tensors are made; `meta` has shapes and no memory.

    Raises:
        ValueError: there is no such model; the message has the nearest name.
    """
    if name not in _PLAIN and name not in ARCHITECTURES:
        known = [*ARCHITECTURES, *_PLAIN]
        raise ValueError(unknown_name("torch module of model", name, known))
    with torch.device(device):
        return _PLAIN[name]() if name in _PLAIN else Network(name)
