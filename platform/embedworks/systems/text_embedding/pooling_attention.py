"""Pooling and attention: five designs of an LLM embedder that differ in nothing else (arXiv 2409.02727).

One decoder, one set of triples, one loss; what is compared is which tokens see which, and what of their
states becomes the vector. Keys ``attention`` and ``pooling`` give the paper's models:

| model | attention | pooling | what is pooled |
|---|---|---|---|
| 1 | causal | eos | the last token of the last layer, as it is |
| 2 | causal | last-layer | the same, by trained pooling |
| 3 | causal | multi-layer | the last token of every layer, by trained pooling |
| 4 | bidirectional | last-layer | all tokens of the last layer, by trained pooling |
| 5 | bidirectional | multi-layer | the mean of the tokens of every layer, by trained pooling |

Trained pooling is cross-attention whose queries are latent vectors. Over layers it also learns a vector a
layer (:mod:`embedworks.nn.multi_layer_pooling`). It is a part of the embedder: saved, exported and served.

A query reads "Instruct: ...\\nQuery: ..."; what is found has no instruction. The instruction is pooled with
the text, as in the authors' code. Where the stage starts from a model with a pooler of the same shape, that
pooler is trained further.

When to use it: a decoder is at hand, vectors are for finding and for similarity, and what its inner layers
know is to count as well; or to choose between these designs by a test on data of one's own.

Source: the code at yixuantt/PoolingAndAttn. Decisions where it, the paper or CPUs leave a choice:

- Padding is on the right, as everywhere here. The last token is the last real one, and no pooler sees
  padding; in the released model 4 its pooler does.
- A tokenizer that does not end a text with its end token is made to, and saved so.
- The last layer's states have passed the norm behind it and those of inner layers have not, as
  transformers gives them; the pooler norms them all.
- Model 2 pools one vector, so that its attention has nothing to choose: it stays as it is.
- ``mean`` is pooling without parameters, which the paper leaves out, with either attention.
- Negatives are those of the whole batch over all workers, in one step: B positives and B hard negatives a
  query. The released command accumulates 256 batches of one, whose negatives are those of other GPUs alone.
- The released trainer reads the triples of its data set; here hard negatives are found by a teacher, or
  drawn, among the positives of the same corpus.
- All designs against each other are on the page of the job's report stage and on the claim's; an endpoint
  with ``report: runs/pooling-attention/report`` serves the former at ``GET /report``.
- The released pooler has 768 latents and 32 heads of 2048; defaults here are those for CPUs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from embedworks.embedder import Embedder
from embedworks.inference.teaching import unit_encoder
from embedworks.losses.contrastive import in_batch_loss
from embedworks.nn.attention import set_attention
from embedworks.nn.instructions import Instructions
from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig
from embedworks.nn.multi_layer_pooling import MultiLayerPooler, MultiLayerPoolerConfig
from embedworks.objective import Losses, ObjectiveConfig, Rows, Start, Vectors
from embedworks.transforms.ending import ended
from embedworks.transforms.mining import Encode, mined_triples, random_triples
from embedworks.transforms.transform import Batch, Transform
from embedworks.transforms.triples import (
    Triple,
    check_instructions,
    write_corpora,
)
from embedworks.triple_objective import TripleObjective, triple_transform

# Shape legend: B queries, G candidates (B*group, a query's positive first), T tokens, D width.

TEMPLATE = Instructions(pooled=True)

# -- the objective -----------------------------------------------------------------------------------


class PoolingAttention(TripleObjective):
    """Contrastive tuning of a decoder with one of the designs.

    ``l_i = -log softmax_j(cos(q_i, c_j) / tau)`` at the query's own positive, where ``c`` are the positives
    and hard negatives of all queries of the batch.

    Args:
        config: See :class:`Config`.
        start: ``base`` is a decoder.

    Raises:
        InputError: for a base that is no decoder.
    """

    title = "Pooling and attention: what are effective designs for LLM-based embedding models?"
    prepared_by = ("instructions", "hard_negatives", "teacher", "margin", "positive_length")

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``."""

        instructions: tuple[str, ...] = Field(
            min_length=1, description="what is to be found, one a corpus, in their order"
        )
        attention: Literal["causal", "bidirectional"] = Field(
            default="bidirectional", description="what tokens see of each other"
        )
        pooling: Literal["eos", "mean", "last-layer", "multi-layer"] = Field(
            default="multi-layer", description="eos and mean have no parameters"
        )
        latents: int = Field(default=16, ge=1, description="r; the paper has 768")
        heads: int = Field(default=4, ge=1, description="of the pooler; the paper has 32")
        head_width: int = Field(default=48, ge=1, description="of the pooler; the paper has 2048")
        expansion: int = Field(default=2, ge=1, description="of its feed-forward part; the paper has 4")
        temperature: float = Field(default=0.05, gt=0, description="tau: the paper's scale of 20")
        gather: bool = Field(default=True, description="negatives of all workers")
        hard_negatives: int = Field(default=1, ge=0, description="a query")
        teacher: str | None = Field(
            default=None, description="embedder that finds hard negatives: a folder or hub id; null: random"
        )
        margin: float = Field(
            default=0.95, gt=0, le=1, description="share of the positive's score that a negative may have"
        )
        query_length: int = Field(default=64, ge=8, description="tokens, instruction included")
        positive_length: int = Field(default=64, ge=2, description="tokens, of negatives as well")
        prompts: dict[str, str] = Field(
            default_factory=dict,
            description="name -> instruction, for readers: `query`, a task or a kind of tasks such as STS; "
            "empty: `query` has the first corpus's",
        )

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.embedder_ = designed(config, start)

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Give every pair its instruction and its hard negatives; the texts of one corpus are in memory.

        Raises:
            InputError: where corpora and instructions are not as many, or a corpus gives no pair.
        """
        encode = unit_encoder(config.teacher, config.positive_length) if config.teacher else None

        def triples(source: int, of_corpus: Sequence[dict[str, Any]]) -> Iterator[Triple]:
            return instructed(config, config.instructions[source], of_corpus, encode, start.seed)

        write_corpora(rows(), folder, len(config.instructions), triples, where="instructions")

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Triples by their number.

        Raises:
            InputError: for a length that the base cannot read, or that an instruction fills.
        """
        tokenizer = ended(start.tokenizer)
        prompts = {text: TEMPLATE.prompt(text) for text in config.instructions}
        check_instructions(tokenizer, prompts, query_length=config.query_length)
        return triple_transform(config, start, tokenizer)

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:  # noqa: ARG002
        """The loss over the batch of all workers."""
        sides = (vectors["query"], vectors["candidate"])
        config = self.config
        return {"loss": in_batch_loss(*sides, temperature=config.temperature, gather=config.gather).loss}


# -- the designs -------------------------------------------------------------------------------------


def designed(config: PoolingAttention.Config, start: Start) -> Embedder:
    """The base with the attention, the pooling and the instructions of the config."""
    base = start.embedder()
    set_attention(base.encoder, config.attention)
    pooler = new_pooler(config, base, start.seed)
    if pooler and base.pooler and base.pooler.config == pooler.config:
        pooler = base.pooler
    names = {"eos": "last", "mean": "mean", "last-layer": "latent", "multi-layer": "multi-layer"}
    prompts = config.prompts or {"query": config.instructions[0]}
    settings = base.settings.model_copy(
        update={
            "pooling": names[config.pooling],
            "normalize": True,
            "similarity": "cosine",
            "instructions": TEMPLATE,
            "pairs": (),
            "prompts": {name: TEMPLATE.prompt(text) for name, text in prompts.items()},
        }
    )
    return Embedder(base.encoder, ended(base.tokenizer), settings, base.projection, base.lineage, pooler)


def new_pooler(
    config: PoolingAttention.Config, base: Embedder, seed: int
) -> LatentPooler | MultiLayerPooler | None:
    """The pooler of a design: causally the last token alone has seen the text, else all have."""
    causal = config.attention == "causal"
    shape: dict[str, Any] = {
        "width": int(base.encoder.config.hidden_size),
        "latents": config.latents,
        "heads": config.heads,
        "head_width": config.head_width,
        "expansion": config.expansion,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if config.pooling == "last-layer":
            shape |= {"queries": "latents", "tokens": "last" if causal else "all"}
            return LatentPooler(LatentPoolerConfig(**shape))
        if config.pooling == "multi-layer":
            shape |= {"layers": base.num_layers, "tokens": "last" if causal else "mean"}
            return MultiLayerPooler(MultiLayerPoolerConfig(**shape))
    return None


# -- the data ----------------------------------------------------------------------------------------


def instructed(
    config: PoolingAttention.Config,
    instruction: str,
    rows: Sequence[dict[str, Any]],
    encode: Encode | None,
    seed: int,
) -> Iterator[Triple]:
    """A corpus's pairs with hard negatives, the instruction in front of each query."""
    pairs = [(row["query"], row["positive"]) for row in rows if row["query"] and row["positive"]]
    count = max(1, config.hard_negatives)
    if encode:
        found = mined_triples(pairs, encode, count, config.margin)
    else:
        found = random_triples(pairs, count, np.random.default_rng(seed))
    prompt = TEMPLATE.prompt(instruction)
    for query, positives, negatives in found:
        yield Triple(prompt + query, positives, negatives)
