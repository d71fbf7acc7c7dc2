"""A user's torch module by its name: `package.module:factory`, and an example of its input.

A factory is called without arguments, on torch's meta device where it can be, and returns one of

    (module, example)   an example is a tensor whose first dimension is a batch of one
    module              an example's shape is said beside it

torchvision's functions do (`torchvision.models:resnet50`). Of Hugging Face's transformers a
configuration names a model without a head (`transformers:GPT2Config`), and a class itself, which is
built with its configuration's defaults (`transformers:GPT2LMHeadModel`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def build(
    reference: str, shape: tuple[int, ...] | None, dtype: str | None, device: str
) -> tuple[nn.Module, Tensor]:
    """Call a user's factory.

    Args:
        reference: `package.module:factory`.
        shape: of an example, its batch of one included; None: the factory returns an example.
        dtype: of its values, as torch calls it; None: the factory's, or tokens (int64) for a module
            of Hugging Face that takes such, or float32.
        device: where its tensors are made; with `meta` one that cannot be there is made anywhere.

    Raises:
        ValueError: there is no such factory, it fails, or does not return that.
    """
    place, _, attribute = reference.partition(":")
    try:
        factory = getattr(importlib.import_module(place), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"model {reference!r}: {error}") from error
    built = _call(reference, attribute, _maker(factory), device)
    match built:
        case (nn.Module() as module, Tensor() as example):
            pass
        case nn.Module() as module if shape is not None:
            example = torch.zeros(shape, dtype=_dtype(dtype or _dtype_of(module)))
        case nn.Module():
            raise ValueError(
                f"model {reference!r}: {attribute}() returns a module alone, and nothing says what "
                "its input is; it may return an example beside it, or `model import` takes --input"
            )
        case _:
            raise ValueError(
                f"model {reference!r}: {attribute}() must return a torch module and an example of "
                f"its input, a tensor whose first dimension is a batch of one"
            )
    if shape is not None:
        kind = example.dtype if dtype is None else _dtype(dtype)
        example = torch.zeros(shape, dtype=kind)
    if not example.dim() or len(example) != 1:
        raise ValueError(
            f"model {reference!r}: an example's first dimension must be a batch of one, found "
            f"{list(example.shape)}"
        )
    return module, example


def _call(reference: str, attribute: str, maker: Callable[[], Any], device: str) -> Any:
    # Whatever the user's code raises is a problem of that code.
    if device == "meta":
        try:
            with torch.device("meta"):
                return maker()
        except Exception:  # noqa: BLE001 - it wants values, or it fails again
            pass
    try:
        return maker()
    except Exception as error:
        raise ValueError(
            f"model {reference!r}: {attribute}() fails: {type(error).__name__}: {error}"
        ) from error


def _maker(factory: Any) -> Callable[[], Any]:
    """What builds the module: the factory itself, or Hugging Face's way."""
    make: Callable[[], Any] = factory
    if not isinstance(factory, type):
        return make
    of_class: Any = getattr(factory, "config_class", None)
    if of_class is not None:
        with_config: Callable[[Any], Any] = factory
        return lambda: with_config(of_class())
    if getattr(factory, "model_type", ""):
        models = importlib.import_module("transformers").AutoModel
        return lambda: models.from_config(factory())
    return make


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"torch has no dtype {name!r}; images have float32, tokens int64")
    return found


def _dtype_of(module: nn.Module) -> str:
    return "int64" if getattr(module, "main_input_name", "") == "input_ids" else "float32"
