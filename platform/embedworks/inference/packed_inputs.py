"""What graphs of packed texts read: tokens one behind the other, and where attention finds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedworks.transforms.tokenizer import TokenIds

Numbers = NDArray[np.int64]

# Shape legend: B texts, T tokens of the longest, M real tokens.


@dataclass(frozen=True)
class PackedInputs:
    """Texts without padding.

    Attributes:
        ids_M: Token ids, text by text.
        position_M: Places in their texts.
        spread_BT: Which token stands in a padded batch; some token of the text at padding.
        gather_M: Where a token stands in the flattened padded batch.
        start_B: Where each text begins.
        length_B: Its tokens.
    """

    ids_M: Numbers
    position_M: Numbers
    spread_BT: Numbers
    gather_M: Numbers
    start_B: Numbers
    length_B: Numbers

    @property
    def grid(self) -> bool:
        """Whether all texts are equally long."""
        return self.spread_BT.size == len(self.ids_M)

    @property
    def mask_BT(self) -> Numbers:
        """1 for real tokens."""
        return (np.arange(self.spread_BT.shape[1]) < self.length_B[:, None]).astype(np.int64)


def pack(ids: TokenIds) -> PackedInputs:
    """Token lists as a graph reads them."""
    length_B = np.fromiter(map(len, ids), np.int64, len(ids))
    start_B = np.cumsum(length_B) - length_B
    place_T = np.arange(int(length_B.max()))
    real_BT = place_T < length_B[:, None]
    return PackedInputs(
        ids_M=np.concatenate([np.array(row, np.int64) for row in ids]),
        position_M=np.broadcast_to(place_T, real_BT.shape)[real_BT],
        spread_BT=start_B[:, None] + np.minimum(place_T, length_B[:, None] - 1),
        gather_M=np.flatnonzero(real_BT),
        start_B=start_B,
        length_B=length_B,
    )
