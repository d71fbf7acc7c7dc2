"""Pooling, concatenation and addition on the way to layers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make setup-torch")

from workloads.models.execution import Work  # noqa: E402
from workloads.models.layer_work import works_of  # noqa: E402
from workloads.models.profiles import Model, Passage, load_model  # noqa: E402
from workloads.torch_models.modules import module_of  # noqa: E402
from workloads.torch_models.profile import profiled  # noqa: E402


@pytest.mark.parametrize("name", ["alexnet", "squeezenet", "mobilenet"])
def test_the_library_has_what_is_seen_when_a_network_computes(name: str) -> None:
    model = load_model(name)
    module = module_of(name, "meta")
    traced = profiled(name, module, torch.zeros(1, *model.input_shape, device="meta")).model
    assert [layer.before for layer in traced.layers] == [layer.before for layer in model.layers]
    assert [layer.before for layer in Model.from_json(model.to_json()).layers] == [
        layer.before for layer in model.layers
    ]


def test_a_passage_is_work_before_the_layer() -> None:
    (first, second) = load_model("alexnet").layers[:2]
    assert not first.before
    assert second.before == (Passage("pooling", first.output_elements, second.input_elements),)
    pooling, convolution = works_of(second, 2)
    into, out = 8 * first.output_elements, 8 * second.input_elements
    assert pooling == Work("pooling", 0, into, out, 0)
    assert convolution.kind == "convolution"
