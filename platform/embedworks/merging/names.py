"""Names of tensors, brought to one form: models of one architecture are saved under different names.

``BertModel`` saves ``encoder.layer.0...``, ``BertForMaskedLM`` ``bert.encoder.layer.0...`` with a head
beside it, and old checkpoints call a norm's weight ``gamma``. All of it is read off the names themselves,
so that any architecture will do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

LAYER = re.compile(r"^((?:[A-Za-z_]\w*\.)*?)(\d+)\.(.+)$")  # stack, number, rest
EMBEDDING = re.compile(r"embed(?!_out)|(^|\.)(wte|wpe|shared)\.")
VOCABULARY = re.compile(
    r"(word_embed|embed_tokens|tok_embed|embed_in|wte\.|shared\.|lm_head|embed_out|decoder|predictions\.bias)"
)
OUTPUT_MATRIX = re.compile(r"(^|\.)(lm_head|embed_out|predictions\.decoder)\.weight$")
OLD_NAMES = (
    (re.compile(r"(Norm\w*)\.gamma$"), r"\1.weight"),
    (re.compile(r"(Norm\w*)\.beta$"), r"\1.bias"),
)

# What a model may have and an embedder does not read.
SPARE = re.compile(r"^(pooler\.|.*position_ids$|.*\.inv_freq$)")


@dataclass(frozen=True)
class Naming:
    """How one model names its tensors.

    Attributes:
        prefix: In front of everything that is no head, as ``bert.``; or empty.
        stack: Name of the stack of layers without the prefix, as ``encoder.layer.``; or empty.
        depth: Layers in the stack.
    """

    prefix: str
    stack: str
    depth: int

    def canonical(self, name: str) -> str:
        """The name without prefix, in today's spelling."""
        for pattern, spelling in OLD_NAMES:
            name = pattern.sub(spelling, name)
        return name.removeprefix(self.prefix) if self.prefix else name

    def is_head(self, name: str) -> bool:
        """Whether a stored name stands outside of the base model."""
        return bool(self.prefix) and not name.startswith(self.prefix)

    def layer(self, canonical: str) -> tuple[int, str] | None:
        """Number of the layer and what follows it; None outside of the stack."""
        if not (self.stack and canonical.startswith(self.stack)):
            return None
        number, _, rest = canonical.removeprefix(self.stack).partition(".")
        return (int(number), rest) if number.isdigit() else None


def read_naming(names: Collection[str], config: Mapping[str, object]) -> Naming:
    """Find prefix and stack of a model.

    Args:
        names: Of its tensors, as stored.
        config: Its ``config.json``, which says the number of layers.
    """
    stacks: dict[str, set[int]] = {}
    for name in names:
        if found := LAYER.match(name):
            stacks.setdefault(found[1], set()).add(int(found[2]))
    stack = _choose(stacks, depth_of(config))
    first = stack.partition(".")[0] + "."
    embeddings = [name for name in names if EMBEDDING.search(name)]
    # The prefix holds stack and embeddings; where embeddings stand beside it, it is a part of the model.
    is_prefix = first != stack and embeddings and all(name.startswith(first) for name in embeddings)
    prefix = first if is_prefix else ""
    return Naming(prefix, stack.removeprefix(prefix), len(stacks.get(stack, ())))


def _choose(stacks: Mapping[str, set[int]], depth: int | None) -> str:
    if depth is not None:
        exact = [stack for stack, layers in stacks.items() if len(layers) == depth]
        if exact:
            return min(exact, key=lambda stack: (stack.count("."), stack))
    return max(stacks, key=lambda stack: (len(stacks[stack]), -stack.count(".")), default="")


DEPTH_KEYS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers", "encoder_layers")


def depth_key(config: Mapping[str, object]) -> str | None:
    """The key of ``config.json`` that says how many layers there are."""
    return next((key for key in DEPTH_KEYS if isinstance(config.get(key), int)), None)


def depth_of(config: Mapping[str, object]) -> int | None:
    """How many layers ``config.json`` says there are."""
    key = depth_key(config)
    value = config[key] if key else None
    return value if isinstance(value, int) else None


def is_vocabulary(canonical: str, shape: tuple[int, ...], rows: object) -> bool:
    """Whether a tensor has a row for each token of a vocabulary of ``rows`` tokens."""
    return bool(shape) and shape[0] == rows and VOCABULARY.search(canonical) is not None
