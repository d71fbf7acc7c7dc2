"""Transformers, mobivsr-like and ffl: parameters, MACs and bytes against formulae of their own."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from workloads.models.profiles import Layer, Model, load_model


def elements(model: Model) -> int:
    return sum(tensor.elements for tensor in model.tensors)


def macs(model: Model, kind: str) -> int:
    return sum(layer.macs for layer in model.layers if layer.kind == kind)


def block(width: int, inner: int) -> int:
    """Parameters of a block with biases: four dense layers and two normalisations."""
    attention = 4 * (width * width + width)
    return attention + 2 * width * inner + inner + width + 2 * 2 * width


@pytest.mark.parametrize(
    ("name", "parameters", "published"),
    [
        ("gpt2", (50257 + 1024) * 768 + 12 * block(768, 3072) + 2 * 768, 124_439_808),
        (
            "bert-base",
            (30522 + 512 + 2) * 768 + 2 * 768 + 12 * block(768, 3072) + 768 * 768 + 768,
            109_482_240,
        ),
        (
            "vit-b16",
            (3 * 16 * 16 + 1) * 768 + 768 + 197 * 768 + 12 * block(768, 3072) + 2 * 768 + 769_000,
            86_567_656,
        ),
        (
            "llama-like",
            2 * 32000 * 768 + 14 * (4 * 768**2 + 3 * 768 * 2048 + 2 * 768) + 768,
            148_264_704,
        ),
    ],
)
def test_parameters(name: str, parameters: int, published: int) -> None:
    assert elements(load_model(name)) == parameters == published


@pytest.mark.parametrize(
    ("name", "length", "blocks", "head"),
    [("gpt2", 1024, 12, 1024 * 768 * 50257), ("bert-base", 128, 12, 768 * 768)],
)
def test_multiplications(name: str, length: int, blocks: int, head: int) -> None:
    model = load_model(name)
    assert macs(model, "dense") == blocks * length * 12 * 768**2 + head
    assert macs(model, "attention") == blocks * 2 * length**2 * 768


def test_gpt2s_embedding_is_sent_once_and_its_head_computes_with_it() -> None:
    model = load_model("gpt2")
    words, head = model.layers[0], model.layers[-1]
    assert head.tensors == ()
    assert head.tied == words.tensors
    assert head.float32_bytes == 4 * 50257 * 768
    assert (model.unit, model.items_per_example) == ("tokens", 1024)


def separable(model: Model) -> list[tuple[Layer, Layer]]:
    """Each depthwise layer with its pointwise one."""
    kinds = [layer for layer in model.layers if layer.kind in ("depthwise-3d", "convolution-3d")]
    return [(one, other) for one, other in pairwise(kinds) if one.kind == "depthwise-3d"]


def test_mobivsr_likes_convolutions_cost_what_theory_says() -> None:
    model = load_model("mobivsr-like")
    pairs = separable(model)
    assert len(pairs) == 20
    for depthwise, pointwise in pairs:
        after, before, *_ = pointwise.tensors[0].shape
        places = pointwise.output_elements // after
        full = places * after * before * 27
        assert Fraction(depthwise.macs + pointwise.macs, full) == Fraction(1, after) + Fraction(
            1, 27
        )


def test_mobivsr_like_has_24_megabytes_and_6_at_8_bits() -> None:
    size = load_model("mobivsr-like").bytes
    assert size / 1e6 == pytest.approx(24, abs=0.5)
    assert size / 4 / 1e6 == pytest.approx(6, abs=0.1)


def sub_network() -> int:
    """Parameters of a ResNet-18 of 100 classes: convolutions, two figures a channel, a head."""
    widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
    total = 3 * 9 * 64 + 2 * 64 + 512 * 100 + 100
    for before, after in pairwise(widths):
        total += 9 * before * after + 9 * after * after + 4 * after
        total += 0 if before == after else before * after + 2 * after
    return total


def test_ffl_sends_far_fewer_bytes_as_features_and_logits() -> None:
    whole, shared = load_model("ffl"), load_model("ffl-features")
    fused = 1024 * 9 + 1024 * 512 + 2 * 512 + 512 * 100 + 100
    assert elements(whole) == 2 * sub_network() + fused
    assert elements(shared) == 32 * (512 * 4 * 4 + 100)
    assert 4 * sub_network() / shared.bytes > 42
    assert whole.bytes / shared.bytes > 86


def test_ffl_features_computes_a_sub_network() -> None:
    whole, shared = load_model("ffl"), load_model("ffl-features")
    first = [layer for layer in whole.layers if layer.name.startswith("first.")]
    assert [layer.macs for layer in shared.layers[:-1]] == [layer.macs for layer in first]
    assert all(not layer.tensors for layer in shared.layers[:-1])
    assert shared.layers[-1].needs[-1] == len(first) - 1
