"""How a training learns, as an experiment file says it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from orchestrator.spec.values.fields import FileModel, Positive
from workloads.models.learning import OPTIMIZERS, Optimizer, OptimizerName

Decay: TypeAlias = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class OrName:
    """In a JSON Schema: a name, or what there was before."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"enum": list(OPTIMIZERS)}, handler(core_schema)], "default": "sgd"}


def named_optimizer(value: Any) -> Any:
    """`optimizer: adam` has that name, and no keys of its own."""
    return {"name": value} if isinstance(value, str) else value


class OptimizerFile(FileModel):
    """What the parameter server does with the mean gradient."""

    name: OptimizerName = Field(description="the optimizer; `momentum` is SGD with momentum")
    momentum: Decay = Field(
        default=0.9, description="`momentum`: share of the last step that is kept"
    )
    nesterov: bool = Field(
        default=False, description="`momentum`: whether to use Nesterov's variant"
    )
    beta1: Decay = Field(default=0.9, description="`adam`: decay of the mean gradient")
    beta2: Decay = Field(default=0.999, description="`adam`: decay of the mean squared gradient")
    epsilon: Positive = Field(
        default=1e-8, description="`adam`: added to the divisor, so that it is not 0"
    )

    def resolve(self) -> Optimizer:
        """What is asked for."""
        return Optimizer(**self.model_dump())
