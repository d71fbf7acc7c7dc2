"""How a training learns: what computes its gradients, of which data, and how it is judged.

Pure: who reads an experiment and who trains both know it, with or without PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from workloads.errors import unknown_name

ComputeName = Literal["emulated", "torch"]
DataName = Literal["synthetic", "digits"]
DtypeName = Literal["float32", "float64"]
OptimizerName = Literal["sgd", "momentum", "adam"]

COMPUTES: tuple[str, ...] = get_args(ComputeName)
DATA: tuple[str, ...] = get_args(DataName)
DTYPES: tuple[str, ...] = get_args(DtypeName)
OPTIMIZERS: tuple[str, ...] = get_args(OptimizerName)


@dataclass(frozen=True)
class Optimizer:
    """What the mean gradient does to the parameters; names and defaults are those of PyTorch.

    Attributes:
        name: `sgd`: plain; `momentum`: SGD with momentum; `adam`.
        momentum: of `momentum`.
        nesterov: whether `momentum` looks ahead.
        beta1: of `adam`: how much of the mean gradient stays.
        beta2: the same of the mean square.
        epsilon: of `adam`: added to the root of the mean square.
    """

    name: OptimizerName = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        if self.name not in OPTIMIZERS:
            raise ValueError(unknown_name("optimizer", str(self.name), OPTIMIZERS))
        for name in ("momentum", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0, and below 1")
        if self.epsilon <= 0:
            raise ValueError("epsilon must be above 0")

    @property
    def states(self) -> int:
        """How many values it keeps for each parameter."""
        return {"sgd": 0, "momentum": 1, "adam": 2}[self.name]


@dataclass(frozen=True)
class Learning:
    """How a training learns.

    Attributes:
        optimizer: what the parameter server does with gradients, made up or real.
        compute: `emulated`: time passes as a device would need it, and gradients are made up;
            `torch`: PyTorch computes the real layers, in the time that this machine needs.
        data: what `torch` trains on: images made up from the seed, or scikit-learn's digits.
        evaluate_every: iterations between two looks at the held-out part of the data.
        dtype: of parameters and gradients, in memory and on the wire.
        checkpoint_every: iterations between two checkpoints of real training; None: there is none.
        target_accuracy: share of the held-out part, from 0 to 1, that is asked for; None: none.
    """

    compute: ComputeName = "emulated"
    data: DataName = "synthetic"
    evaluate_every: int = 10
    target_accuracy: float | None = None
    optimizer: Optimizer = Optimizer()
    dtype: DtypeName = "float32"
    checkpoint_every: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Learning:
        """What `asdict` made of one.

        Raises:
            ValueError: a key is not known, or a value is not allowed.
        """
        known = dict(_known(cls, given))
        if isinstance(optimizer := known.get("optimizer"), Mapping):
            known["optimizer"] = Optimizer(**_known(Optimizer, optimizer))
        return cls(**known)

    def __post_init__(self) -> None:
        for name, value, known in (
            ("compute", self.compute, COMPUTES),
            ("data", self.data, DATA),
            ("dtype", self.dtype, DTYPES),
        ):
            if value not in known:
                raise ValueError(unknown_name(name, str(value), known))
        if not isinstance(self.evaluate_every, int) or self.evaluate_every < 1:
            raise ValueError("evaluate_every must be a whole number, at least 1")
        every = self.checkpoint_every
        if every is not None and (not isinstance(every, int) or every < 1):
            raise ValueError("checkpoint_every must be a whole number, at least 1")
        target = self.target_accuracy
        if target is not None and not 0 < target <= 1:
            raise ValueError("target_accuracy must be above 0, and at most 1")

    @property
    def element_bytes(self) -> int:
        """Bytes of a value of `dtype`."""
        return {"float32": 4, "float64": 8}[self.dtype]

    @property
    def real(self) -> bool:
        """Whether real layers are computed."""
        return self.compute == "torch"

    def note(self, time: float) -> str:
        """What a person should know of it where time is stretched by D; empty: nothing."""
        if not self.real or time == 1:
            return ""
        return (
            f"`compute: torch` computes in this machine's time: at D={time:g} figures are those of "
            f"hosts that compute {time:g} times as fast"
        )


def _known(kind: type[Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    names = [field.name for field in fields(kind)]
    for name in given:
        if name not in names:
            raise ValueError(unknown_name("key", name, names))
    return given


@dataclass(frozen=True)
class Data:
    """What is known of data without having it.

    Attributes:
        shape: of one image: channels, height, width.
        classes: how many there are.
        training: images to train on, of all workers together.
        held_out: images that are kept for judging.
        models: of the library that take such images.
    """

    shape: tuple[int, int, int]
    classes: int
    training: int
    held_out: int
    models: tuple[str, ...]

    def share(self, workers: int) -> int:
        """Images that each of the workers has at least."""
        return self.training // workers


DIGITS = Data(shape=(1, 8, 8), classes=10, training=1437, held_out=360, models=("digits-cnn",))
"""scikit-learn's 1797 digits, a fifth of them held out."""

SHIPPED_DATA = {"digits": DIGITS}
"""By name; what is made up is as large as asked."""
