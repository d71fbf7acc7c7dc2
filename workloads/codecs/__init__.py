"""How values travel: subclass `Codec` to write your own (docs/extending.md)."""

from workloads.codecs.codec import Codec, Floats
from workloads.schedule.units import Chunk

__all__ = ["Chunk", "Codec", "Floats"]
