"""How many floating-point operations an encoder's matrix products take, counted from its configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

# Shape legend: D width, F width of the feed-forward layers, T tokens of a text.


def product_flops(model: Path, lengths: Iterable[int]) -> int:
    """Of all layers over texts of these lengths, without padding: two for each multiplication.

    A layer's linear parts take ``2 T (4 D^2 + 2 D F)``, and attention ``4 T^2 D`` for scores and sums. What
    is not a matrix product (embeddings, softmax, GELU, norms, pooling) is left out.

    Example:
        all-MiniLM-L6-v2 (6 layers, D = 384, F = 1536): 234,685,440 for a text of 11 tokens, which is 21.3
        million a token; 6,039,797,760 for one of 256, 23.6 million a token.
    """
    config = json.loads((model / "config.json").read_text())
    width, inner, layers = (
        config[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers")
    )
    linear = 2 * (4 * width**2 + 2 * width * inner)
    return sum(layers * (length * linear + 4 * length**2 * width) for length in lengths)
