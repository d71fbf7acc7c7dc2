"""Examples made up for a module: normal values as images, or tokens, with labels at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from workloads.torch_models.datasets import Examples
from workloads.torch_models.profile import TorchModel


def made_up(built: TorchModel, count: int, generator: np.random.Generator) -> Examples:
    """Make examples that a module takes, and labels that its answers can be compared with.

    Args:
        built: the module; it must answer with scores: [n, classes] or [n, length, classes].
        count: how many examples.
        generator: of all values.
    """
    values: NDArray[Any]
    if built.input_dtype.is_floating_point:
        values = generator.standard_normal((count, *built.input_shape), np.float32)
    else:
        words = next(
            (one.num_embeddings for one in built.module.modules() if isinstance(one, nn.Embedding)),
            2,
        )
        values = generator.integers(0, words, (count, *built.input_shape), np.int64)
    training = built.module.training
    with torch.no_grad():
        kind = built.parameters_by_tensor[0].dtype
        one = torch.from_numpy(values[:1])
        answer = built.module.eval()(one.to(kind) if one.is_floating_point() else one)
    built.module.train(training)
    *places, classes = answer.shape[1:]
    return Examples(values, generator.integers(0, classes, (count, *places), np.int64))
