"""A tree as rules that a person reads (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workloads.models.execution import TERMS, Tree

_WORDS = {
    "macs": "MACs",
    "bytes_in": "bytes in",
    "bytes_out": "bytes out",
    "bytes_of_parameters": "bytes of parameters",
    "macs_per_output": "MACs per output",
    "macs_per_input": "MACs per input",
    "macs_per_parameter": "MACs per parameter",
    "outputs_per_input": "outputs per input",
    "bytes": "bytes in all",
    "channels_in": "channels in",
    "channels_out": "channels out",
}
_UNITS = {
    "seconds_per_gmac": "per GMAC",
    "seconds_per_megabyte_in": "per MB in",
    "seconds_per_megabyte_out": "per MB out",
    "seconds_per_megabyte_of_parameters": "per MB of parameters",
}
_PREFIXES = ((1e9, " G"), (1e6, " M"), (1e3, " k"))


def rules(kind: str, passes: Mapping[str, Tree]) -> list[str]:
    """The lines of a kind of layer: a heading per pass, then a line per branch."""
    lines = []
    for way, tree in passes.items():
        if "if" in tree:
            lines += [f"{kind}, {way}:", *_branches(tree, 1)]
        else:
            lines.append(f"{kind}, {way}: {leaf_text(tree)}")
    return lines


def leaf_text(leaf: Tree) -> str:
    """A leaf, such as `0.02 ms + 11 ms per GMAC`."""
    parts = [
        f"{_milliseconds(leaf[term])} {_UNITS.get(term, '')}".strip()
        for term in TERMS
        if leaf.get(term)
    ]
    return " + ".join(parts) or "no time"


def _branches(tree: Tree, depth: int) -> Iterator[str]:
    word, limit = _WORDS[tree["if"]], _amount(tree["at_most"])
    for branch, sign in (("then", "<="), ("else", "> ")):
        question = f"{'  ' * depth}{word} {sign} {limit}:"
        below = tree[branch]
        if "if" in below:
            yield question
            yield from _branches(below, depth + 1)
        else:
            yield f"{question} {leaf_text(below)}"


def _milliseconds(seconds: float) -> str:
    return f"{_figure(seconds * 1e3)} ms"


def _amount(value: float) -> str:
    for size, prefix in _PREFIXES:
        if value >= size:
            return f"{_figure(value / size)}{prefix}"
    return _figure(value)


def _figure(value: float) -> str:
    return f"{value:.3g}" if 1e-4 <= value < 1e6 or not value else f"{value:.2e}"
