"""Networks as torch modules, against their files and against each other."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed: make setup-torch")

import torch

from workloads.models.profiles import load_model, model_names
from workloads.torch_models.modules import module_of
from workloads.torch_models.profile import imported, profiled, torch_model
from workloads.torch_models.tracing import trace

torch.set_num_threads(1)


MODULES = [name for name in model_names() if name != "ffl-features"]  # a part of ffl


@pytest.mark.parametrize("name", MODULES)
def test_what_is_found_out_about_a_library_module_is_what_its_file_says(name: str) -> None:
    """Layers, graph, tensors and elements are equal; torch counts as many multiplications."""
    model, module = load_model(name), module_of(name, "meta")
    example = torch.zeros(1, *module.input_shape, dtype=module.input_dtype, device="meta")
    found = profiled(name, module, example)
    assert found.model.layers == model.layers
    assert found.model.input_shape == model.input_shape
    assert found.flops == 2 * sum(layer.macs for layer in model.layers)
    assert found.notes == ()


@pytest.mark.parametrize("name", MODULES)
def test_a_library_modules_layers_own_their_tensors(name: str) -> None:
    built = torch_model(name, "meta")
    assert [layer.name for layer in built.layers] == [layer.name for layer in built.model.layers]
    flat = [number for layer in built.layers for number in layer.tensors]
    assert flat == list(range(len(built.model.tensors)))
    numbered = zip(built.model.tensors, built.parameters_by_tensor, strict=True)
    assert all(tensor.shape == tuple(parameter.shape) for tensor, parameter in numbered)
    assert set(built.parameters_by_tensor) == set(built.module.parameters())


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


def looking_at_ones() -> tuple[torch.nn.Module, torch.Tensor]:
    return Looks(2, 2), torch.ones(1, 2)


def failing() -> tuple[torch.nn.Module, torch.Tensor]:
    raise OSError("no such file")


def test_a_users_model_has_layers_in_the_order_of_their_calls() -> None:
    built = torch_model(f"{__name__}:attention")
    layers = [(layer.name, layer.kind, layer.macs, layer.needs) for layer in built.model.layers]
    assert layers == [
        ("words", "embedding", 0, ()),
        ("root", "other", 0, (0,)),  # what it does with a tensor of its own
        ("attend", "attention", 5 * 8 * 32 + 2 * 5 * 5 * 8, (1,)),
        ("narrow", "dense", 5 * 8 * 8, (2,)),
        ("root@2", "attention", 2 * 5 * 5 * 8, (3,)),  # two products between two modules
        ("head", "dense", 5 * 8 * 10, (4,)),
    ]
    # A weight that two share is of whoever is called first, and a child's that is never called of
    # its parent.
    assert [len(layer.tensors) for layer in built.model.layers] == [1, 1, 4, 2, 0, 0]
    assert built.model.layers[5].tied == built.model.layers[0].tensors
    assert sum(len(layer.parameters) for layer in built.layers) == len(built.parameters_by_tensor)
    assert set(built.parameters_by_tensor) == set(built.module.parameters())
    assert (built.input_shape, built.input_dtype) == ((5,), torch.int64)


class Branches(torch.nn.Module):
    """Two branches of one weight, one of which strides; a choice by shape; a weight not used."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(1, 4, 3, padding=1)
        self.shared = torch.nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.up = torch.nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.spare = torch.nn.Linear(3, 3)
        self.out = torch.nn.Linear(6 * 16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).relu_()
        small, large = self.shared(torch.nn.functional.max_pool2d(x, 2)), self.shared(x)
        if large.shape[2] > small.shape[2]:
            small = self.up(small)
        both = torch.cat((large, small), 1)
        return self.out(torch.nn.functional.avg_pool2d(both, 2).flatten(1))


def test_a_module_with_branches_and_a_layer_that_is_called_twice() -> None:
    found = profiled("mine", Branches(), torch.zeros(1, 1, 8, 8))
    layers = [
        (one.name, one.kind, one.macs, one.input_elements, one.output_elements, one.needs, one.join)
        for one in found.model.layers
    ]
    assert layers == [
        ("stem", "convolution", 64 * 4 * 9, 64, 256, (), "concat"),
        ("shared", "depthwise", 16 * 4 * 9, 64, 64, (0,), "concat"),
        ("shared@2", "depthwise", 64 * 4 * 9, 256, 256, (0,), "concat"),
        ("up", "convolution", 16 * 4 * 2 * 4, 64, 128, (1,), "concat"),
        ("out", "dense", 96 * 2, 96, 2, (2, 3), "concat"),
    ]
    assert found.flops == 2 * sum(layer.macs for layer in found.model.layers)
    assert found.model.layers[2].tensors == ()
    assert found.model.layers[2].tied == found.model.layers[1].tensors
    assert found.notes == ("never used, sent with the first layer: spare.weight, spare.bias",)
    assert sum(tensor.elements for tensor in found.model.tensors) == sum(
        parameter.numel() for parameter in Branches().parameters()
    )


def test_a_module_that_decides_by_values_is_called_with_the_example() -> None:
    found = profiled("mine", Looks(2, 2), torch.ones(1, 2))
    assert [layer.name for layer in found.model.layers] == ["root"]
    assert "found out with the example's values" in found.notes[0]
    assert imported(f"{__name__}:looking_at_ones").model.layers == found.model.layers


class Fails(torch.nn.Module):
    """Its second layer wants other shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (torch.nn.Linear(*n) for n in ((4, 4), (5, 4), (4, 4)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.three(self.two(self.one(x)))


def test_an_error_says_in_which_layer_and_what_is_not_known() -> None:
    with pytest.raises(ValueError, match=r"layer two: .* nothing is known of three$"):
        profiled("mine", Fails(), torch.zeros(1, 4))


def test_multiplications_that_nobody_counts_are_said() -> None:
    class Fourier(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(torch.fft.rfft(x).abs())

    found = profiled("mine", torch.nn.Sequential(Fourier(3, 3)), torch.zeros(1, 4))
    assert found.notes == ("0: what _fft_r2c multiplies is not counted",)


@pytest.mark.parametrize(
    ("factory", "problem"),
    [
        ("nothing", "has no attribute 'nothing'"),
        ("failing", r"failing\(\) fails: OSError: no such file"),
        ("bare", r"bare\(\) returns a module alone, and nothing says what its input is"),
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
