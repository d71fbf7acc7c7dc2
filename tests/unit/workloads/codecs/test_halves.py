"""Two bytes a value, against numpy's float16 and torch's bfloat16."""

from __future__ import annotations

import numpy as np
import pytest

from workloads.codecs.codec import Codec, bytes_of
from workloads.codecs.halves import BFloat16, Float16
from workloads.codecs.part import Part

_SPECIAL = [0.0, -0.0, 1.0, -1.0, 65504.0, 1e-8, 6e-5, 3.3895314e38, 1e38, np.inf, -np.inf, np.nan]


def values_of_all_kinds() -> np.ndarray:
    """Random patterns of bits, NaN among them, and what is special."""
    bits = np.random.default_rng(1).integers(0, 1 << 32, 50_000, dtype=np.uint32)
    return np.concatenate([bits.view(np.float32), np.array(_SPECIAL, np.float32)])


def sent(codec: Codec, values: np.ndarray) -> np.ndarray:
    """What arrives of values."""
    part = Part(0, len(values), len(values))
    payload = bytes_of(codec.encode(part, values))
    assert len(payload) == codec.payload_bytes(part) == 2 * len(values)
    out = np.empty_like(values)
    codec.decode(part, payload, out)
    return out


def test_float16_rounds_and_does_not_overflow() -> None:
    values = np.array([1 + 2**-11, 1 + 3 * 2**-11, 65519, 65520, 1e9, -1e9], np.float32)
    assert sent(Float16(), values).tolist() == [1, 1 + 2**-9, 65504, 65504, 65504, -65504]
    kept = sent(Float16(), np.array([np.inf, -np.inf, np.nan], np.float32))
    assert np.array_equal(kept, [np.inf, -np.inf, np.nan], equal_nan=True)


def test_bfloat16_is_the_one_of_torch() -> None:
    torch = pytest.importorskip("torch")
    values = values_of_all_kinds()
    theirs = torch.from_numpy(values).to(torch.bfloat16).to(torch.float32).numpy()
    ours = sent(BFloat16(), values)
    number = ~np.isnan(values)
    assert (ours[number].view(np.uint32) == theirs[number].view(np.uint32)).all()
    assert np.isnan(ours[~number]).all()


def test_bfloat16_rounds_to_even() -> None:
    values = np.array([1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-8), 1 + 2**-7], np.float32)
    assert sent(BFloat16(), values).tolist() == [1, 1 + 2**-6, -1, 1 + 2**-7]
