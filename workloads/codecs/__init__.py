"""How values travel: subclass `Codec` to write your own (docs/extending.md)."""

from workloads.codecs.codec import Codec, Floats
from workloads.codecs.part import Part

__all__ = ["Codec", "Floats", "Part"]
