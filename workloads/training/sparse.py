"""Sparse contributions are applied where they lie: the bits of dense ones, without a dense copy.

(EIE, Han et al., ISCA 2016, computes with compressed weights where they lie. Here it is what
arrives that is compressed.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workloads.transport.memory import Floats, Sparse

_TILE = 1 << 18  # values: 1 MiB of sums stay in a cache


class SparseSum:
    """Subtracts sums of sparse contributions from parameters.

    A value that is zero in all contributions would change nothing, so the result has the bits that
    dense contributions have. Where there are several, they are added up in their order in a tile
    that is as small as a cache.
    """

    def __init__(self) -> None:
        self._tile = np.zeros(_TILE, np.float32)

    def subtract(
        self, parameters: Floats, step: np.floating, contributions: Sequence[Sparse]
    ) -> None:
        """Subtract a sum of contributions, times a step: p -= (sum) step.

        Args:
            parameters: float32 [n], changed in place.
            step: what the sum is multiplied by.
            contributions: at least one, with places below n.
        """
        # Places as numpy indexes with them: else each use would convert them.
        places = [one.places.astype(np.intp) for one in contributions]
        values = [one.values for one in contributions]
        if len(contributions) == 1:
            parameters[places[0]] -= values[0] * step
            return
        edges = np.arange(0, len(parameters) + _TILE, _TILE)
        cuts = [np.searchsorted(one, edges) for one in places]
        for number, begin in enumerate(edges[:-1]):
            parts = [slice(cut[number], cut[number + 1]) for cut in cuts]
            tile_places = [one[part] - begin for one, part in zip(places, parts, strict=True)]
            for there, those, part in zip(tile_places, values, parts, strict=True):
                self._tile[there] += those[part]
            # A place of several contributions is in it several times, with the same result.
            touched = np.concatenate(tile_places)
            tile = parameters[begin : begin + _TILE]
            tile[touched] = tile[touched] - self._tile[touched] * step
            self._tile[touched] = 0.0
