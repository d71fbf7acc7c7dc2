"""Write the randomly wired networks of experiments/: `.venv/bin/python -m scripts.wired`.

As Xie et al., "Exploring randomly wired neural networks for image recognition", 2019: stages whose
graphs are networkx' connected_watts_strogatz_graph, edges from lower to higher numbers; a node adds
up what comes in and convolves it. Deviations: 20 nodes a stage where they have 32; a convolution of
3 x 3 where theirs is separable, so that links are what limits; additions have no weights, and what
begins a stage adds up all ends of the one before it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from workloads.models.profiles import Join, Kind, Layer, Model, Tensor

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
NODES, NEIGHBOURS, REWIRED = 20, 4, 0.75
STAGES = ((64, 28), (128, 14), (256, 7))
"""Channels, and pixels of a side, of each stage."""
NETWORKS = {"wired-a": (0, 1, 2), "wired-b": (3, 4, 5)}
"""Seeds of the stages' graphs."""


@dataclass
class _Layers:
    """Layers as they are added.

    Attributes:
        made: all of them.
    """

    made: list[Layer] = field(default_factory=list)

    def add(
        self,
        name: str,
        kind: Kind,
        needs: list[int],
        *,
        weight: tuple[int, ...],
        pixels: int,
        reads: int,
        norm: bool = True,
        join: Join = "concat",
    ) -> int:
        """Add a convolution or a dense layer, with its normalisation or bias; its number."""
        channels = weight[0]
        outputs = channels * pixels**2
        macs = outputs * Tensor("", weight[1:]).elements
        small = ("bn.w", "bn.b") if norm else ("b",)
        tensors = (
            Tensor(f"{name}.w", weight),
            *(Tensor(f"{name}.{one}", (channels,)) for one in small),
        )
        self.made.append(
            Layer(name, macs, tensors, kind, reads, outputs, tuple(sorted(needs)), join)
        )
        return len(self.made) - 1

    def node(self, name: str, needs: list[int], channels: int, pixels: int, before: int) -> int:
        """Add a node of a stage.

        Args:
            name: of it.
            needs: the layers whose outputs it adds up.
            channels: that it writes.
            pixels: of a side, that it writes.
            before: elements of each output that it adds up.
        """
        wide = self.made[needs[0]].tensors[0].shape[0]
        return self.add(
            name,
            "convolution",
            needs,
            weight=(channels, wide, 3, 3),
            pixels=pixels,
            reads=before,
            join="add" if len(needs) > 1 else "concat",
        )


def wired(name: str, seeds: tuple[int, ...]) -> Model:
    """A randomly wired network.

    Args:
        name: of it.
        seeds: of its stages' graphs.
    """
    layers = _Layers()
    first = layers.add(
        "conv1", "convolution", [], weight=(16, 3, 3, 3), pixels=112, reads=3 * 224**2
    )
    ends = [layers.node("conv2", [first], 32, 56, 16 * 112**2)]
    for stage, ((channels, pixels), seed) in enumerate(zip(STAGES, seeds, strict=True), 3):
        begin = layers.node(
            f"s{stage}", ends, channels, pixels, layers.made[ends[0]].output_elements
        )
        numbers = {0: begin}
        inputs = _inputs(seed)
        for node, needs in inputs.items():
            numbers[node] = layers.node(
                f"s{stage}.{node}",
                [numbers[one] for one in needs],
                channels,
                pixels,
                channels * pixels**2,
            )
        used = {one for needs in inputs.values() for one in needs}
        ends = [numbers[node] for node in inputs if node not in used]
    head = layers.add(
        "head", "convolution", ends, weight=(1280, 256, 1, 1), pixels=7, reads=256 * 49, join="add"
    )
    layers.add("fc", "dense", [head], weight=(1000, 1280), pixels=1, reads=1280, norm=False)
    stages = ", ".join(map(str, seeds))
    return Model(
        name,
        f"randomly wired, three stages of {NODES} nodes, Watts-Strogatz ({NEIGHBOURS}, {REWIRED}) "
        f"with seeds {stages}",
        tuple(layers.made),
        input_shape=(3, 224, 224),
    )


def _inputs(seed: int) -> dict[int, list[int]]:
    """Per node from 1, those that it needs; 0 is the stage's beginning."""
    import networkx

    graph = networkx.connected_watts_strogatz_graph(NODES, NEIGHBOURS, REWIRED, seed=seed)
    inputs: dict[int, list[int]] = {node: [] for node in range(1, NODES + 1)}
    for edge in graph.edges:
        before, after = sorted(edge)
        inputs[after + 1].append(before + 1)
    return {node: sorted(needs) or [0] for node, needs in inputs.items()}


def text_of(model: Model) -> str:
    """A model file, a line for every layer."""
    whole = model.to_json()
    layers = ",\n    ".join(json.dumps(layer) for layer in whole.pop("layers"))
    head = json.dumps(whole, indent=2).removesuffix("\n}")
    return f'{head},\n  "layers": [\n    {layers}\n  ]\n}}\n'


def main() -> None:
    """Write the files."""
    for name, seeds in NETWORKS.items():
        file = EXPERIMENTS / f"{name}.json"
        file.write_text(text_of(wired(name, seeds)), "utf-8")
        print(f"{file} written")


if __name__ == "__main__":
    main()
