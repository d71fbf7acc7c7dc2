"""Networks as torch modules, against their files and against each other."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed: make setup-torch")

import torch

from workloads.models.profiles import load_model, model_names
from workloads.torch_models.networks import module_of
from workloads.torch_models.profile import profile_of, torch_model
from workloads.torch_models.tracing import trace

torch.set_num_threads(1)


@pytest.mark.parametrize("name", model_names())
def test_a_library_network_has_the_tensors_and_multiplications_of_its_file(name: str) -> None:
    model = load_model(name)
    built = torch_model(name, "meta")
    parameters = [(each, tuple(p.shape)) for each, p in built.module.named_parameters()]
    assert parameters == [(tensor.name, tensor.shape) for tensor in model.tensors]
    # Found by calling it: which layers are called in which order, and what each multiplies.
    example = torch.zeros(1, *built.input_shape, device="meta")
    layers = profile_of(name, built.module, example).layers
    told = [(layer.name, layer.macs, layer.tensors, layer.kind) for layer in layers]
    assert told == [(layer.name, layer.macs, layer.tensors, layer.kind) for layer in model.layers]


@pytest.mark.parametrize("name", model_names())
def test_a_library_networks_layers_own_their_tensors(name: str) -> None:
    built = torch_model(name, "meta")
    assert [layer.name for layer in built.layers] == [layer.name for layer in built.model.layers]
    flat = [number for layer in built.layers for number in layer.tensors]
    assert flat == list(range(len(built.model.tensors)))
    assert [id(p) for p in built.parameters_by_tensor] == [id(p) for p in built.module.parameters()]
    for layer in built.layers:
        assert [id(p) for p in layer.module.parameters()] == [id(p) for p in layer.parameters]


@pytest.mark.parametrize("name", model_names())
def test_each_layer_reads_and_writes_the_elements_of_its_file(name: str) -> None:
    built = torch_model(name, "meta")
    elements = dict[str, tuple[int, int]]()
    for layer in built.layers:
        layer.module.register_forward_hook(
            lambda _, args, output, name=layer.name: elements.update(
                {name: (args[0].numel(), output.numel())}
            )
        )
    with torch.no_grad():
        built.module.eval()(torch.zeros(1, *built.input_shape, device="meta"))
    assert elements == {
        layer.name: (layer.input_elements, layer.output_elements) for layer in built.model.layers
    }


@pytest.mark.parametrize("name", ["squeezenet", "mobilenet"])
def test_a_library_network_computes_and_learns_of_a_batch(name: str) -> None:
    torch.manual_seed(1)
    module = module_of(name)
    images = torch.randn(2, 3, 96, 96)
    labels = torch.tensor([1, 2])
    optimizer = torch.optim.SGD(module.parameters(), lr=0.001)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert losses[-1] < losses[0]


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'alexnet'"):
        torch_model("alexnett")


class Attention(torch.nn.Module):
    """Owns a tensor itself, calls a module that reads its own children's, and ties two weights."""

    def __init__(self) -> None:
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(1, 5, 8))
        self.head = torch.nn.Linear(8, 10, bias=False)  # declared first, called last
        self.words = torch.nn.Embedding(10, 8)
        self.attend = torch.nn.MultiheadAttention(8, 2, batch_first=True)
        self.narrow = torch.nn.Linear(8, 8)
        self.head.weight = self.words.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.words(tokens) + self.place
        x, _ = self.attend(x, x, x)
        x = self.narrow(x)
        return self.head(x @ x.transpose(1, 2) @ x)


def attention() -> tuple[torch.nn.Module, torch.Tensor]:
    return Attention(), torch.zeros(1, 5, dtype=torch.int64)


def bare() -> torch.nn.Module:
    return Attention()


def without_parameters() -> tuple[torch.nn.Module, torch.Tensor]:
    return torch.nn.ReLU(), torch.zeros(1, 2)


class Looks(torch.nn.Linear):
    """Decides by values, which cannot be known without data."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) if x.sum().item() > 0 else x


def that_looks() -> tuple[torch.nn.Module, torch.Tensor]:
    return Looks(2, 2), torch.zeros(1, 2)


def failing() -> tuple[torch.nn.Module, torch.Tensor]:
    raise OSError("no such file")


def test_a_users_model_has_layers_in_the_order_of_their_calls() -> None:
    built = torch_model(f"{__name__}:attention")
    layers = [(layer.name, layer.macs, len(layer.tensors)) for layer in built.model.layers]
    assert layers == [
        ("model", 0, 1),  # what it owns itself
        ("words", 0, 1),  # the weight that two share is of whoever is called first
        ("attend", 5 * 8 * 32 + 2 * 5 * 5 * 8, 4),  # a child that is never called included
        # Two products outside of any layer, and the head, whose weight is not its own.
        ("narrow", 5 * 8 * 8 + 2 * 5 * 5 * 8 + 5 * 8 * 10, 2),
    ]
    assert sum(len(layer.parameters) for layer in built.layers) == len(built.parameters_by_tensor)
    assert set(built.parameters_by_tensor) == set(built.module.parameters())
    assert (built.input_shape, built.input_dtype) == ((5,), torch.int64)


@pytest.mark.parametrize(
    ("factory", "problem"),
    [
        ("nothing", "has no attribute 'nothing'"),
        ("failing", r"failing\(\) fails: OSError: no such file"),
        ("bare", r"bare\(\) must return a torch module and an example"),
        ("without_parameters", "ReLU has no parameters"),
        ("that_looks", "Looks: what it does cannot be found out by calling it without data"),
    ],
)
def test_a_users_model_that_cannot_be_used_is_refused(factory: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        torch_model(f"{__name__}:{factory}")


def test_gradients_come_in_the_order_in_which_autograd_has_them() -> None:
    tokens = torch.zeros(2, 5, dtype=torch.int64)
    module = Attention()
    order: list[str] = []
    for name, parameter in module.named_parameters():
        parameter.register_post_accumulate_grad_hook(lambda _, name=name: order.append(name))
    module(tokens).sum().backward()
    assert trace(module, (tokens,)).gradients == tuple(order)
