"""Models: their graphs against the shapes of tensors and the publications, their way to JSON."""

from __future__ import annotations

import json

import pytest

from workloads.models.profiles import Layer, Model, Tensor, load_model, model_names

IMAGE_CHANNELS = {"digits-cnn": 1}  # all others: 3
NETWORKS = model_names()[: model_names().index("gpt2")]
"""Convolutions and dense layers with their normalisation; in other models that is a layer."""


def channels_in(layer: Layer) -> int:
    """Channels (or, fully connected: values) that its weight takes."""
    shape = layer.tensors[0].shape
    return shape[0] if layer.is_depthwise else shape[1]


def channels_out(layer: Layer) -> int:
    return layer.tensors[0].shape[0]


def pixels_out(name: str) -> list[int]:
    """Pixels of each layer's output, before any pooling."""
    return [layer.output_elements // channels_out(layer) for layer in load_model(name).layers]


def needs(name: str, layer: str) -> list[str]:
    """Names of the layers that a layer needs."""
    layers = load_model(name).layers
    number = [each.name for each in layers].index(layer)
    return [layers[needed].name for needed in load_model(name).graph[number]]


@pytest.mark.parametrize("name", NETWORKS)
def test_channels_agree_with_the_shapes(name: str) -> None:
    layers = load_model(name).layers
    for layer in layers:
        outputs = [channels_out(layers[needed]) for needed in layer.needs] or [
            IMAGE_CHANNELS.get(name, 3)
        ]
        if layer.join == "add":
            assert len(set(outputs)) == 1, layer.name
            outputs = outputs[:1]
        if len(layer.tensors[0].shape) == 4:
            assert channels_in(layer) == sum(outputs), layer.name
        else:  # all pixels of the last pooling, a square of them, side by side
            side = (channels_in(layer) / sum(outputs)) ** 0.5
            assert side in (1, 4, 6, 7), layer.name


@pytest.mark.parametrize("name", NETWORKS)
def test_pixels_agree_with_the_shapes(name: str) -> None:
    pixels = pixels_out(name)
    for number, layer in enumerate(load_model(name).layers):
        before = {pixels[needed] for needed in layer.needs}
        assert not before or pixels[number] <= min(before)
        if layer.join == "add":
            assert len(before) == 1  # nothing is pooled on the way into an addition


@pytest.mark.parametrize("name", NETWORKS)
def test_forward_order_is_topological_and_only_the_last_layer_is_not_needed(name: str) -> None:
    graph = load_model(name).graph
    assert len(graph) == len(load_model(name).layers)
    assert [number for number, needed in enumerate(graph) if not needed] == [0]
    for number, needed in enumerate(graph):
        assert all(0 <= layer < number for layer in needed)
        assert list(needed) == sorted(set(needed))
    assert {layer for needed in graph for layer in needed} == set(range(len(graph) - 1))


@pytest.mark.parametrize("name", ["alexnet", "vgg19", "mobilenet_v1"])
def test_chains(name: str) -> None:
    graph = load_model(name).graph
    assert graph == ((), *((number,) for number in range(len(graph) - 1)))


@pytest.mark.parametrize(
    ("name", "layer", "needed"),
    [
        ("googlenet", "3a.3r", "conv2"),
        ("googlenet", "3a.pp", "conv2"),
        ("googlenet", "3b.1x1", "3a.1x1 3a.3 3a.5 3a.pp"),
        ("googlenet", "3b.3", "3b.3r"),
        ("googlenet", "fc", "5b.1x1 5b.3 5b.5 5b.pp"),
        ("inception3", "A0.p", "c5"),
        ("inception3", "B.3", "A2.1 A2.5 A2.3b A2.p"),
        ("inception3", "C0.1", "A2.1 A2.5 A2.3b A2.p B.3 B.b"),  # concatenated with their pooling
        ("inception3", "C0.d4", "C0.d3"),
        ("inception3", "E0.dr", "C3.1 C3.7b C3.d4 C3.p D.3 D.7c"),
        ("inception3", "E0.3b", "E0.3r"),  # beside 3a, not after it
        ("inception3", "E0.d3", "E0.d1"),
        ("inception3", "fc", "E1.1 E1.3a E1.3b E1.d2 E1.d3 E1.p"),
        ("resnet50", "s0b0.a", "conv1"),
        ("resnet50", "s0b1.a", "s0b0.ds s0b0.c"),
        ("resnet50", "s1b0.ds", "s0b0.ds s0b0.c s0b1.c s0b2.c"),
        ("resnet50", "s1b0.a", "s0b0.ds s0b0.c s0b1.c s0b2.c"),
        ("resnet50", "s1b1.a", "s1b0.ds s1b0.c"),
        ("resnet50", "fc", "s3b0.ds s3b0.c s3b1.c s3b2.c"),
        ("resnet152", "s1b2.a", "s1b0.ds s1b0.c s1b1.c"),
        ("mobilenet", "e1", "p0"),
        ("mobilenet", "e2", "p1"),
        ("mobilenet", "e3", "p1 p2"),
        ("mobilenet", "e10", "p6 p7 p8 p9"),
        ("mobilenet", "last", "p16"),
        ("squeezenet", "fire1.s", "fire0.e1 fire0.e3"),
        ("squeezenet", "fire1.e3", "fire1.s"),
        ("squeezenet", "conv10", "fire9.e1 fire9.e3"),
    ],
)
def test_layers_need_what_the_publications_draw(name: str, layer: str, needed: str) -> None:
    assert needs(name, layer) == needed.split()


def test_mobilenets_shortcuts_are_those_within_a_stage() -> None:
    """Table 2 of the publication: stages of 1, 2, 3, 4, 3, 3 and 1 bottlenecks."""
    layers = load_model("mobilenet").layers
    lengths = {layer.name: len(layer.needs) for layer in layers}
    nexts = [*(f"e{number}" for number in range(1, 17)), "last"]
    assert [lengths[name] for name in nexts] == [1, 1, 2, 1, 2, 3, 1, 2, 3, 4, 1, 2, 3, 1, 2, 3, 1]


@pytest.mark.parametrize("name", model_names())
def test_a_model_is_the_same_after_its_way_through_json(name: str) -> None:
    model = load_model(name)
    text = json.dumps(model.to_json(), sort_keys=True)  # as a run's record has it
    assert Model.from_json(json.loads(text)) == model


def _tied() -> Model:
    """Words, two branches of one weight, and a head that shares the words' weight."""
    words, shared = Tensor("words.w", (10, 4)), Tensor("a.w", (4, 4))
    return Model(
        "tied",
        "",
        (
            Layer("words", 0, (words,), "embedding"),
            Layer("a", 16, (shared,), "dense", needs=(0,)),
            Layer("b", 16, (), "dense", needs=(0,), tied=(shared,)),
            Layer("head", 40, (), "dense", needs=(1, 2), join="add", tied=(words,)),
        ),
        "tokens",
        5,
        (5,),
    )


def test_a_shared_tensor_is_one() -> None:
    model = _tied()
    assert [tensor.name for tensor in model.tensors] == ["words.w", "a.w"]
    assert model.bytes == 4 * (40 + 16)
    assert model.layers[3].float32_bytes == 4 * 40
    assert Model.from_json(json.loads(json.dumps(model.to_json()))) == model
    assert model.of_elements(8).layers[3].tied[0].bytes == 8 * 40


def test_a_shared_tensor_belongs_to_the_layer_that_is_computed_first() -> None:
    model = _tied().in_order((0, 2, 1, 3))
    assert [layer.name for layer in model.layers] == ["words", "b", "a", "head"]
    assert [[one.name for one in layer.tensors] for layer in model.layers] == [
        ["words.w"], ["a.w"], [], []
    ]  # fmt: skip
    assert [[one.name for one in layer.tied] for layer in model.layers] == [
        [], [], ["a.w"], ["words.w"]
    ]  # fmt: skip
    assert model.graph == ((), (0,), (0,), (1, 2))
    assert model.bytes == _tied().bytes
    assert model.in_order((0, 2, 1, 3)) == _tied()


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ((0, 1, 2), "names each of its layers once"),
        ((0, 0, 1, 2), "names each of its layers once"),
        ((0, 3, 1, 2), "head comes before what it needs"),
    ],
)
def test_an_order_must_have_all_layers_after_what_they_need(
    order: tuple[int, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        _tied().in_order(order)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("kind", "convolutoin", r"unknown kind 'convolutoin' \(did you mean 'convolution'\?\)"),
        ("join", "sum", "unknown join 'sum'"),
    ],
)
def test_what_is_no_model_is_refused(key: str, value: str, why: str) -> None:
    record = _tied().to_json()
    record["layers"][1][key] = value
    with pytest.raises(ValueError, match=why):
        Model.from_json(record)
    with pytest.raises(ValueError, match="unknown unit 'img'"):
        Model.from_json({**_tied().to_json(), "unit": "img"})
