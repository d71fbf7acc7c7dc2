"""Real computation: PyTorch's layers, whose parameters arrive and whose gradients leave one by one.

Parameters are views of the arena. A module waits for its layers' parameters before it computes, and
a gradient takes its parameter's place as soon as autograd has it: nobody computes with the
parameter any more, which autograd itself checks (it counts the changes of what it has saved).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workloads.errors import WorkloadError
from workloads.models.learning import SHIPPED_DATA
from workloads.process.checkpoints import Arrays
from workloads.process.plugins import shipped_first
from workloads.process.process_records import EvaluationRecord
from workloads.process.training import TrainingJob, WorkerJob
from workloads.schedule.units import Layout
from workloads.torch_models.datasets import Examples, batches, digits
from workloads.torch_models.judging import Judging, loss_of, tensors
from workloads.torch_models.made_up import made_up
from workloads.torch_models.profile import TorchModel, torch_model
from workloads.training.clock import Clock
from workloads.training.compute import Compute, Gate
from workloads.transport.memory import Arena

_MADE_UP = 5  # keeps these random numbers apart from others of the same seed


def threads_of(cores: float | None, processors: int, workers: int) -> int:
    """How many threads a worker computes with.

    Args:
        cores: its cap; None: it has none.
        processors: of the machine, which all workers share.
        workers: how many there are.
    """
    share = max(1, processors // workers)
    return share if cores is None else max(1, min(share, math.floor(cores)))


def built_of(job: TrainingJob, layout: Layout) -> TorchModel:
    """The job's network, with its initial parameters from the job's seed.

    Raises:
        WorkloadError: it cannot be built, or its tensors are not those that are exchanged.
    """
    torch.manual_seed(job.seed)
    try:
        with shipped_first():
            built = torch_model(job.model.name)
    except ValueError as error:
        raise WorkloadError(str(error)) from error
    built.module.to(torch.float64 if job.learning.dtype == "float64" else torch.float32)
    sizes = [one.element_size() * one.numel() for one in built.parameters_by_tensor]
    if sizes != [sum(one.length for one in chunks) for chunks in layout.tensor_chunks]:
        raise WorkloadError(
            f"{job.model.name} has other tensors as a torch module than those that are exchanged"
        )
    return built


def initialise(job: TrainingJob, parameters: Arena, layout: Layout) -> None:
    """Fill an arena with the initial parameters of the job's network.

    Raises:
        WorkloadError: as `built_of`.
    """
    for number, parameter in enumerate(built_of(job, layout).parameters_by_tensor):
        torch.from_numpy(parameters.tensor(number)).copy_(parameter.detach().flatten())


class TorchCompute(Compute):
    """Computes a model's module on its share of the data.

    Args:
        job: what the worker is told.
        layout: of the model's tensors.
        arena: where they are; overwritten.
        clock: of the times.

    Raises:
        WorkloadError: there is no such module or data.
    """

    def __init__(self, job: WorkerJob, layout: Layout, arena: Arena, clock: Clock) -> None:
        threads = threads_of(job.cores, len(os.sched_getaffinity(0)), len(job.workers))
        torch.set_num_threads(threads)
        self._clock = clock
        self._learning = job.learning
        self._last_iteration = job.all_iterations - 1
        self._names = [tensor.name for tensor in job.model.tensors]
        self._layer_of = layout.tensor_layers
        self._sizes = [len(numbers) for numbers in layout.layer_tensors]
        built = built_of(job, layout)
        self._module = built.module
        self._parameters = built.parameters_by_tensor
        for number, parameter in enumerate(self._parameters):
            # What arrives in the arena is computed with.
            parameter.data = torch.from_numpy(arena.tensor(number)).view(parameter.shape)
        training, held_out = self._data(job, built)
        self._batches = batches(training, job.batch, job.seed, job.worker)
        self._judging: Judging | None = None
        if held_out is not None and job.worker == 0:
            every = job.learning.evaluate_every
            self._judging = Judging(self._module, arena, held_out, every)
        self._warm_up(training[: job.batch])
        torch.manual_seed(job.seed + job.worker + 1)  # of dropout
        self._iteration = -1
        self._gate: Gate | None = None
        self._logits_loss: Tensor | None = None
        self._loss: float | None = None
        self._cpu_ns = self._away_ns = 0
        for number, layer in enumerate(built.layers):
            layer.module.register_forward_pre_hook(self._before(number))
            layer.module.register_forward_hook(self._after(number))
        for number, parameter in enumerate(self._parameters):
            parameter.register_post_accumulate_grad_hook(self._gradient(number))

    @staticmethod
    def _data(job: WorkerJob, built: TorchModel) -> tuple[Examples, Examples | None]:
        """A worker's share, and what is held out."""
        if job.learning.data in SHIPPED_DATA:
            training, held_out = digits(job.seed)
            return training[job.worker :: len(job.workers)], held_out
        return made_up(
            built, job.batch, np.random.default_rng([job.seed, _MADE_UP, job.worker])
        ), None

    def _warm_up(self, examples: Examples) -> None:
        """Compute once before anything is measured: PyTorch prepares itself at the first time."""
        before = [buffer.clone() for buffer in self._module.buffers()]
        images, labels = tensors(examples, self._module)
        loss_of(self._module.train()(images), labels).backward()
        for parameter in self._parameters:
            parameter.grad = None
        for buffer, value in zip(self._module.buffers(), before, strict=True):
            buffer.copy_(value)

    # -- what is asked ---------------------------------------------------------------------------

    @property
    def cpu_ns(self) -> int:
        """Processor time of forward and backward passes so far, of the thread that calls."""
        return self._cpu_ns

    @property
    def loss(self) -> float | None:
        """Cross entropy, mean over the batch."""
        return self._loss

    def state(self) -> Arrays:
        """Running means and the like, which every worker has of its own, and random numbers."""
        buffers = {f"buffer{n}": one.numpy() for n, one in enumerate(self._module.buffers())}
        return {**buffers, "random": torch.get_rng_state().numpy()}

    def restore(self, state: Arrays, iterations: int) -> None:
        """Continue with the batches that follow."""
        for number, buffer in enumerate(self._module.buffers()):
            buffer.copy_(torch.from_numpy(state[f"buffer{number}"]))
        torch.set_rng_state(torch.from_numpy(state["random"]))
        for _ in range(iterations):
            next(self._batches)

    def forward(self, gate: Gate) -> None:
        """Compute the loss of the next batch; each module waits for its parameters."""
        self._gate = gate
        self._iteration += 1
        self._begun: dict[int, int] = {}
        self._ended: dict[int, int] = {}
        self._came = 0
        begin, self._away_ns = time.thread_time_ns(), 0
        images, labels = tensors(next(self._batches), self._module)
        self._module.train()
        self._logits_loss = loss_of(self._module(images), labels)
        self._loss = self._logits_loss.item()
        for layer in range(len(self._sizes)):
            if layer not in self._begun:  # it was not needed
                self._wait(layer)
        for layer, ended in self._ended.items():
            gate.computed("forward", layer, self._begun[layer], ended)
        self._cpu_ns += time.thread_time_ns() - begin - self._away_ns
        if self._judging is not None:
            last = self._iteration == self._last_iteration
            self._judging.keep(self._iteration, self._came, gate.judged, last=last)

    def backward(self, gate: Gate) -> None:
        """Let autograd compute the gradients, each of which leaves when it is there.

        Raises:
            WorkloadError: one is not finite.
        """
        assert self._logits_loss is not None
        self._gate = gate
        begin, self._away_ns = time.thread_time_ns(), 0
        self._missing = list(self._sizes)
        self._given = [False] * len(self._names)
        self._before_ns = self._clock.now()
        self._logits_loss.backward()
        self._logits_loss = None
        for number, parameter in enumerate(self._parameters):
            if not self._given[number]:  # it had no part in the loss
                parameter.grad = torch.zeros_like(parameter)
                self._gradient(number)(parameter)
        self._cpu_ns += time.thread_time_ns() - begin - self._away_ns
        self._gate = None

    def evaluations(self) -> Sequence[EvaluationRecord]:
        """Loss and accuracy of the held-out data, as training went on; of the first worker only."""
        return () if self._judging is None else self._judging.judged()

    # -- hooks -----------------------------------------------------------------------------------

    def _before(self, layer: int) -> Callable[[nn.Module, Any], None]:
        def wait(_module: nn.Module, _inputs: Any) -> None:
            if self._gate is not None and layer not in self._begun:
                self._wait(layer)

        return wait

    def _wait(self, layer: int) -> None:
        assert self._gate is not None
        away_since = time.thread_time_ns()
        _, came = self._gate.wait((layer,))
        self._came = max(self._came, came)
        self._begun[layer] = self._clock.now()
        self._away_ns += time.thread_time_ns() - away_since

    def _after(self, layer: int) -> Callable[[nn.Module, Any, Any], None]:
        def note(_module: nn.Module, _inputs: Any, _output: Any) -> None:
            if self._gate is not None:
                self._ended[layer] = self._clock.now()

        return note

    def _gradient(self, number: int) -> Callable[[Tensor], None]:
        layer = self._layer_of[number]

        def give(parameter: Tensor) -> None:
            gradient = parameter.grad
            assert gradient is not None
            assert self._gate is not None
            # A sum reads the memory once, and is finite only if all of it is.
            if not math.isfinite(gradient.sum().item()):
                raise WorkloadError(
                    f"the gradient of {self._names[number]} is not finite (loss {self._loss:.4g}): "
                    "a smaller learning_rate may help"
                )
            with torch.no_grad():
                parameter.copy_(gradient)
            parameter.grad = None
            self._given[number] = True
            self._missing[layer] -= 1
            if not self._missing[layer]:
                now = self._clock.now()
                self._gate.computed("backward", layer, self._before_ns, now)
                self._before_ns = now
            away_since = time.thread_time_ns()
            self._gate.give(number)
            self._away_ns += time.thread_time_ns() - away_since

        return give
