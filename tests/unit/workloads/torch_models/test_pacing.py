"""A paced module: its tensors, its gradients' order, its time, and what is sent of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import pytest

pytest.importorskip("torch", reason="torch is not installed: make setup-torch")

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from workloads.models.devices import known_devices
from workloads.models.profiles import load_model
from workloads.torch_models import paced
from workloads.torch_models.modules import module_of
from workloads.torch_models.pacing import PUBLISHED_DEVICE

torch.set_num_threads(1)


class Watch:
    """A clock that a wait moves on at once."""

    def __init__(self) -> None:
        self.time = 10**9

    def now(self) -> int:
        return self.time

    def sleep_until(self, moment: int) -> None:
        self.time = max(self.time, moment)


class Mixed(nn.Module):
    """Convolution and normalisation, attention, two branches, a weight shared by two modules."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(16, 20000)  # declared first, called last; a bucket by itself
        self.first = nn.Conv2d(3, 16, 3)
        self.normal = nn.BatchNorm2d(16)
        self.attend = nn.MultiheadAttention(16, 2, batch_first=True)
        self.left, self.right = nn.Linear(16, 16), nn.Linear(16, 16)
        self.again = nn.Linear(16, 16)
        self.again.weight = self.left.weight
        self.frozen = nn.Linear(16, 16).requires_grad_(requires_grad=False)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        x = torch.relu(self.normal(self.first(images))).flatten(2).transpose(1, 2)
        x, _ = self.attend(x, x, x)
        x = self.frozen(self.right(x) + self.left(x))
        return {"scores": self.last(self.again(x).mean(1))}


def scores(output: dict[str, torch.Tensor] | torch.Tensor) -> torch.Tensor:
    return output["scores"] if isinstance(output, dict) else output


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    store = distributed.FileStore(str(tmp_path_factory.mktemp("group") / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def sent(module: nn.Module, pixels: int) -> list[list[tuple[int, list[str]]]]:
    """What DistributedDataParallel hands over per iteration: buckets' bytes and parameters."""
    parallel = DistributedDataParallel(module, bucket_cap_mb=0.005)
    names = {parameter: name for name, parameter in module.named_parameters()}
    iterations: list[list[tuple[int, list[str]]]] = []

    def record(bucket: distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
        members = [names[parameter] for parameter in bucket.parameters()]
        iterations[-1].append((bucket.buffer().nbytes, members))
        done = torch.futures.Future()
        done.set_result(bucket.buffer())
        return done

    # A lambda: the hook's annotations, which are text here, are compared with classes.
    parallel.register_comm_hook(None, lambda _, bucket: record(bucket))
    for _ in range(3):  # buckets are made anew after the first, in the order of its gradients
        iterations.append([])
        scores(parallel(torch.randn(2, 3, pixels, pixels))).sum().backward()
    return iterations


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize(
    ("build", "pixels"),
    [(Mixed, 6), (partial(module_of, "squeezenet"), 64), (partial(module_of, "mobilenet"), 64)],
)
def test_a_paced_script_sends_the_same_bytes_in_the_same_order(
    build: Callable[[], nn.Module], pixels: int
) -> None:
    environment = {"DMLBED_SCALE_R": "40", "DMLBED_SCALE_D": "40"}
    script = paced(build(), clock=Watch(), environment=environment)
    iterations = sent(script, pixels)
    assert iterations == sent(build(), pixels)
    assert len(iterations[-1]) > 1


def test_each_gradient_comes_when_the_device_would_have_it() -> None:
    batch, stretch = 2, 3
    model, device = load_model("squeezenet"), known_devices()[PUBLISHED_DEVICE]
    clock = Watch()
    environment = {"DMLBED_SCALE_R": str(stretch), "DMLBED_SCALE_D": str(stretch)}
    module = paced(module_of("squeezenet"), clock=clock, environment=environment)
    came = dict[str, int]()
    for name, parameter in module.named_parameters():
        parameter.register_post_accumulate_grad_hook(
            lambda _, name=name: came.update({name: clock.now()})
        )
    moment = clock.now()
    output = module(torch.zeros(batch, 3, 224, 224))
    assert output.shape == (batch, 1000)
    forward = sum(device.forward_seconds(layer, batch) for layer in model.layers)
    moment += round(stretch * forward * 1e9)
    assert clock.now() == pytest.approx(moment, abs=1)

    clock.time = moment = clock.now() + 10**9  # the script's own loss took a second
    output.sum().backward()
    for layer in reversed(model.layers):
        moment += round(stretch * device.backward_seconds(layer, batch) * 1e9)
        assert [came[tensor.name] for tensor in layer.tensors] == [moment] * len(layer.tensors)


def test_parameters_keep_their_names_and_order_and_values() -> None:
    module = Mixed()
    before = [(name, parameter.clone()) for name, parameter in module.named_parameters()]
    assert paced(module) is module
    for (name, values), (now, parameter) in zip(before, module.named_parameters(), strict=True):
        assert name == now
        assert torch.equal(values, parameter)


def test_tensors_are_scaled_where_time_and_rates_are_not_alike() -> None:
    real, module = Mixed(), Mixed()
    paced(module, clock=Watch(), environment={"DMLBED_SCALE_R": "7", "DMLBED_SCALE_D": "2"})
    assert module.again.weight is module.left.weight
    for original, tensor in zip(real.parameters(), module.parameters(), strict=True):
        assert tensor.shape == (math.ceil(original.numel() * 2 / 7),)
    for original, tensor in zip(real.buffers(), module.buffers(), strict=True):
        assert tensor.numel() == math.ceil(original.numel() * 2 / 7)
    scores(module(torch.zeros(2, 3, 6, 6))).sum().backward()
    for original, tensor in zip(real.parameters(), module.parameters(), strict=True):
        assert (tensor.grad is not None) == original.requires_grad


def test_gradients_differ_between_processes_and_no_tensor_is_shared() -> None:
    def gradient(rank: str) -> torch.Tensor:
        module = paced(nn.Linear(300, 300), clock=Watch(), environment={"RANK": rank})
        module(torch.zeros(1, 300)).sum().backward()
        assert module.weight.grad.data_ptr() != module.bias.grad.data_ptr()
        return module.weight.grad

    assert not torch.equal(gradient("0"), gradient("1"))
    assert torch.equal(gradient("1"), gradient("1"))


def test_evaluation_waits_for_the_forward_pass_only() -> None:
    clock = Watch()
    module = paced(module_of("squeezenet"), clock=clock, environment={})
    begin = clock.now()
    with torch.no_grad():
        output = module.eval()(torch.zeros(1, 3, 224, 224))
    assert not output.requires_grad
    assert clock.now() > begin


@pytest.mark.parametrize("scale", ["", "0", "-1", "two", "1/0", "nan"])
def test_a_scale_that_is_none_is_refused(scale: str) -> None:
    with pytest.raises(ValueError, match=r"^DMLBED_SCALE_R must be a positive number, not "):
        paced(nn.Linear(1, 1), environment={"DMLBED_SCALE_R": scale})


def test_an_unknown_device_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=f"did you mean '{PUBLISHED_DEVICE}'"):
        paced(nn.Linear(1, 1), "published-worker-6-cores-2Ghz")
