"""Momentum and Adam: against formulas by hand, and exact whatever the order and the cut."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.unit.workloads.in_process import model_of
from workloads.models.learning import Learning, Optimizer
from workloads.schedule.units import Layout
from workloads.training.update import update_of
from workloads.transport.memory import Arena, Floats

MODEL = model_of([[70_000, 3], [500]])
LAYOUT = Layout(MODEL, 1, 1)
RATE = 0.05
Doubles: TypeAlias = NDArray[np.float64]

ALL = {
    "sgd": Optimizer(),
    "momentum": Optimizer("momentum", momentum=0.8),
    "nesterov": Optimizer("momentum", nesterov=True),
    "adam": Optimizer("adam", beta1=0.8, beta2=0.95, epsilon=1e-6),
}


def stepped(
    layout: Layout, optimizer: Optimizer, begin: Floats, gradients: list[list[Floats]], seed: int
) -> Floats:
    """Apply the gradients of some iterations, each of all workers; chunks in any order."""
    generator = np.random.default_rng(seed)
    parameters = Arena(layout)
    parameters.values[:] = begin
    workers = len(gradients[0])
    update = update_of(parameters, layout, workers, RATE, optimizer)
    assert update.exact
    for of_all in gradients:
        arenas = [Arena(layout) for _ in of_all]
        for arena, values in zip(arenas, of_all, strict=True):
            arena.values[:] = values
        for number in generator.permutation(len(layout.chunks)):
            chunk = layout.chunks[number]
            update.apply(chunk, [arena.values_of(chunk) for arena in arenas])
    return parameters.values


def by_hand(optimizer: Optimizer, p: Doubles, means: list[Doubles]) -> Doubles:
    """The same in float64, formula by formula."""
    m, v = np.zeros_like(p), np.zeros_like(p)
    for t, g in enumerate(means, start=1):
        match optimizer.name:
            case "sgd":
                p = p - RATE * g
            case "momentum":
                m = optimizer.momentum * m + g
                p = p - RATE * (g + optimizer.momentum * m if optimizer.nesterov else m)
            case "adam":
                b1, b2 = optimizer.beta1, optimizer.beta2
                m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
                p = p - RATE * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + optimizer.epsilon)
    return p


def drawn(seed: int, workers: int, iterations: int) -> tuple[Floats, list[list[Floats]]]:
    generator = np.random.default_rng(seed)
    size = sum(tensor.elements for tensor in MODEL.tensors)
    gradients = [
        [generator.standard_normal(size, np.float32) for _ in range(workers)]
        for _ in range(iterations)
    ]
    return generator.standard_normal(size, np.float32), gradients


@pytest.mark.parametrize("optimizer", ALL.values(), ids=ALL)
@pytest.mark.parametrize("workers", [1, 3])
def test_the_formula_by_hand(optimizer: Optimizer, workers: int) -> None:
    begin, gradients = drawn(1, workers, 5)
    got = stepped(LAYOUT, optimizer, begin, gradients, 1)
    means = [np.mean(np.asarray(of_all, np.float64), axis=0) for of_all in gradients]
    expected = by_hand(optimizer, begin.astype(np.float64), means)
    assert np.allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(got, begin, atol=RATE / 10)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(list(ALL)), st.integers(0, 2**32), st.sampled_from([None, 400, 30_000]))
def test_any_order_and_any_cut_give_the_same_bits(name: str, seed: int, cut: int | None) -> None:
    begin, gradients = drawn(seed, 2, 3)
    one = stepped(LAYOUT, ALL[name], begin, gradients, 1)
    other = stepped(Layout(MODEL, 1, 1, cut), ALL[name], begin, gradients, 2)
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", ["momentum", "nesterov", "adam"])
def test_torch_steps_the_same_way(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: make setup-torch")
    optimizer = ALL[name]
    begin, gradients = drawn(2, 1, 6)
    p = torch.nn.Parameter(torch.tensor(begin, dtype=torch.float64))
    if name == "adam":
        betas = (optimizer.beta1, optimizer.beta2)
        theirs = torch.optim.Adam([p], lr=RATE, betas=betas, eps=optimizer.epsilon)
    else:
        theirs = torch.optim.SGD(
            [p], lr=RATE, momentum=optimizer.momentum, nesterov=optimizer.nesterov
        )
    for (gradient,) in gradients:
        p.grad = torch.tensor(gradient, dtype=torch.float64)
        theirs.step()
    got = stepped(LAYOUT, optimizer, begin, gradients, 3)
    assert np.allclose(got, p.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_what_learns_comes_back_from_json_and_is_checked() -> None:
    section = {"optimizer": {"name": "adam", "beta1": 0.5}, "compute": "torch"}
    learning = Learning.of(section)
    assert (learning.optimizer, learning.compute) == (Optimizer("adam", beta1=0.5), "torch")
    wrong: list[tuple[dict[str, object], str]] = [
        ({"optimizer": {"name": "adma"}}, "did you mean 'adam'"),
        ({"optimizer": {"momentm": 1}}, "did you mean 'momentum'"),
        ({"optimizer": {"momentum": 1.0}}, "momentum must be at least 0, and below 1"),
        ({"comput": "torch"}, "did you mean 'compute'"),
        ({"compute": "torhc"}, "did you mean 'torch'"),
        ({"data": "digit"}, "did you mean 'digits'"),
        ({"evaluate_every": 0}, "evaluate_every must be"),
        ({"target_accuracy": 1.5}, "target_accuracy must be"),
    ]
    for keys, message in wrong:
        with pytest.raises(ValueError, match=message):
            Learning.of(keys)
