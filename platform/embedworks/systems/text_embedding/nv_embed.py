"""NV-Embed: a decoder becomes a generalist embedder (arXiv 2405.17428).

The causal mask is dropped, tokens are pooled through a trained dictionary of latent vectors, and the
instruction tuning goes in two contrastive stages: retrieval with in-batch negatives, then all kinds of
tasks with each query's own hard negatives alone, as in a batch of classes another query's positive is
often right too.

- ``nv-embed/pretrain``: the decoder, by the next token, where there is none to start from.
- ``nv-embed``: one stage of tuning; ``in_batch`` says which. Batches blend all tasks.

A query reads "Instruct: ...\\nQuery: ..." and so do both sides of symmetric tasks (classes, similarity);
documents of retrieval have no instruction. The instruction is seen and not pooled.

When to use it: one model is to serve tasks of several kinds (finding, classes, clusters, similarity), each
told by its instruction, and a decoder is at hand or texts to train one on.

Decisions where the paper or its code leaves a choice: the temperature is 0.02; in stage 1 the hard
negatives of other queries count as their positives do; hard negatives are sought among the positives of
the same corpus; which tokens are the instruction's is read from the tokens, at training and later alike;
with two classes the names of the classes are the texts; a text alone in its class is no example; a query
for which the teacher allows no negative gets the candidates that score worst; a corpus that gives fewer
triples than it has rows repeats them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.inference.teaching import unit_encoder
from embedworks.losses.contrastive import in_batch_loss, own_negatives_loss
from embedworks.nn.attention import set_attention
from embedworks.nn.causal_lm import Architecture, CausalLmConfig, new_causal_lm, next_token_loss
from embedworks.nn.encoder import last_states
from embedworks.nn.instructions import Instructions
from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig, new_latent_pooler
from embedworks.objective import Losses, Objective, ObjectiveConfig, Rows, Start, Vectors
from embedworks.transforms.bpe import write_bpe
from embedworks.transforms.mining import (
    Encode,
    alike_by_tags,
    both_directions,
    example_triples,
    mined_triples,
    random_triples,
)
from embedworks.transforms.transform import Batch, Transform
from embedworks.transforms.triples import Triple, check_instructions, write_corpora
from embedworks.transforms.word_lines import WordLineTransform, line_of
from embedworks.triple_objective import TripleObjective, triple_transform

# Shape legend: B queries, G candidates (B*group, a query's positive first), T tokens, D width.

Kind = Literal["pairs", "classes", "scored", "tags"]
Row = dict[str, Any]

TEMPLATE = Instructions()

# -- the tasks ---------------------------------------------------------------------------------------


class TaskConfig(BaseModel):
    """What one of the stage's corpora is to teach."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(
        default="pairs",
        description="pairs: `query`, `positive`; classes: `query`, `label`; scored: `query`, `positive`, "
        "`score` from 0 to 5; tags: `query`, `tags`, whose Jaccard index is the score",
    )
    instruction: str = Field(min_length=1, description="what is to be found")
    examples: bool = Field(
        default=True, description="classes: right are other texts of the class; false: its name"
    )


def triples_of(
    task: TaskConfig, rows: Sequence[Row], config: NvEmbed.Config, encode: Encode | None, seed: int
) -> Iterator[Triple]:
    """A corpus's rows as triples, with instructions in front of the texts that have them."""
    rng = np.random.default_rng(seed)
    if task.kind == "classes":
        labelled = [(row["query"], row["label"]) for row in rows if row["query"] and row["label"]]
        found = example_triples(labelled, rng, examples=task.examples)
        symmetric = task.examples and len({label for _, label in labelled}) > 2
    else:
        pairs = _pairs(task.kind, rows, config.least_score)
        symmetric = task.kind != "pairs"
        count = max(1, config.hard_negatives)
        found = (
            mined_triples(pairs, encode, count, config.margin)
            if encode
            else random_triples(pairs, count, rng)
        )
    prompt = TEMPLATE.prompt(task.instruction)
    front = prompt if symmetric else ""
    for query, *sides in found:
        positives, negatives = ([front + text for text in side] for side in sides)
        yield Triple(prompt + query, positives, negatives)


def _pairs(kind: Kind, rows: Sequence[Row], least: float) -> list[tuple[str, str]]:
    if kind == "pairs":
        return [(row["query"], row["positive"]) for row in rows if row["query"] and row["positive"]]
    if kind == "scored":
        return both_directions(((row["query"], row["positive"], row["score"]) for row in rows), least)
    return both_directions(
        alike_by_tags({row["query"]: set(row["tags"]) for row in rows if row["tags"]}), least
    )


# -- the contrastive stages --------------------------------------------------------------------------


class NvEmbed(TripleObjective):
    """One stage of contrastive instruction tuning.

    ``l_i = -log(e^(s_ii) / (e^(s_ii) + sum_n e^(s_in)))`` with cosines ``s / tau``; n are the query's own
    hard negatives and, with ``in_batch``, all other candidates of the batch over all workers.

    Args:
        config: See :class:`Config`.
        start: ``base`` is a decoder, or the embedder of the stage before.

    Raises:
        InputError: for a base that is no decoder.
    """

    title = "NV-Embed: techniques for training LLMs as generalist embedding models"
    prepared_by = ("tasks", "hard_negatives", "teacher", "margin", "least_score", "positive_length")

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``."""

        tasks: tuple[TaskConfig, ...] = Field(min_length=1, description="one a corpus, in their order")
        in_batch: bool = Field(default=True, description="true: stage 1; false: stage 2")
        gather: bool = Field(default=True, description="in-batch negatives of all workers")
        temperature: float = Field(default=0.02, gt=0, description="tau")
        hard_negatives: int = Field(default=3, ge=0, description="a query; the paper has 7")
        teacher: str | None = Field(
            default=None, description="embedder that finds hard negatives: a folder or hub id; null: random"
        )
        margin: float = Field(default=0.95, gt=0, le=1, description="share of the positive's score")
        least_score: float = Field(default=4, ge=0, le=5, description="of similar pairs that are right")
        attention: Literal["bidirectional", "causal"] = Field(
            default="bidirectional", description="what tokens see of each other"
        )
        pooling: Literal["latent", "mean", "last"] = Field(default="latent", description="last: EOS")
        latents: int = Field(default=32, ge=1, description="r; the released model has 512")
        heads: int = Field(default=4, ge=1, description="of the pooler; the released model has 8")
        head_width: int = Field(default=48, ge=1, description="of the pooler; the released model has 4096")
        query_length: int = Field(default=64, ge=8, description="tokens, instruction included")
        positive_length: int = Field(default=64, ge=2, description="tokens, of negatives as well")
        prompts: dict[str, str] = Field(
            default_factory=dict,
            description="name -> instruction, for readers: `query`, a task or a kind of tasks such as STS; "
            "empty: `query` has the first task's",
        )

        @model_validator(mode="after")
        def _check(self) -> NvEmbed.Config:
            if not self.in_batch and not self.hard_negatives:
                raise ValueError("without in-batch negatives, hard_negatives must be 1 or more")
            return self

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.embedder_ = decoder_embedder(config, start)

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Make the triples of every corpus: examples of classes, hard negatives by the teacher.

        The texts of one corpus are in memory at a time.

        Raises:
            InputError: where corpora and tasks are not as many, or a corpus gives no example.
        """
        encode = unit_encoder(config.teacher, config.positive_length) if config.teacher else None

        def triples(source: int, of_corpus: Sequence[Row]) -> Iterator[Triple]:
            return triples_of(config.tasks[source], of_corpus, config, encode, start.seed)

        write_corpora(rows(), folder, len(config.tasks), triples, where="tasks")

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Triples by their number.

        Raises:
            InputError: for a length that the base cannot read, or that an instruction fills.
        """
        check_instructions(
            start.tokenizer,
            {task.instruction: TEMPLATE.prompt(task.instruction) for task in config.tasks},
            query_length=config.query_length,
            positive_length=config.positive_length,
        )
        return triple_transform(config, start)

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:  # noqa: ARG002
        """The loss of the stage."""
        sides = (vectors["query"], vectors["candidate"])
        temperature = self.config.temperature
        if self.config.in_batch:
            return {"loss": in_batch_loss(*sides, temperature=temperature, gather=self.config.gather).loss}
        return {"loss": own_negatives_loss(*sides, temperature=temperature).loss}


def decoder_embedder(config: NvEmbed.Config, start: Start) -> Embedder:
    """The base with the attention, the pooling and the instructions of the config.

    A latent pooler that the base has stays, so that stage 2 goes on with that of stage 1.
    """
    base = start.embedder()
    set_attention(base.encoder, config.attention)
    pooler: LatentPooler | None = None
    if config.pooling == "latent":
        shape = LatentPoolerConfig(
            width=int(base.encoder.config.hidden_size),
            latents=config.latents,
            heads=config.heads,
            head_width=config.head_width,
        )
        kept = base.pooler if isinstance(base.pooler, LatentPooler) else None
        pooler = kept if kept and kept.config == shape else new_latent_pooler(shape, start.seed)
    instructions = config.prompts or {"query": config.tasks[0].instruction}
    settings = base.settings.model_copy(
        update={
            "pooling": config.pooling,
            "normalize": True,
            "similarity": "cosine",
            "instructions": TEMPLATE,
            "pairs": (),
            "prompts": {name: TEMPLATE.prompt(text) for name, text in instructions.items()},
        }
    )
    return Embedder(base.encoder, base.tokenizer, settings, base.projection, base.lineage, pooler)


# -- the decoder -------------------------------------------------------------------------------------


class NvEmbedPretrain(Objective):
    """Causal language modelling: each token from those before it, with a tied head.

    Args:
        config: See :class:`Config`.
        start: ``base`` is a decoder to go on from; without one, a new one is made.

    Raises:
        InputError: for a base that is no decoder.
    """

    variant = "pretrain"
    title = "Causal language modelling (the decoder of NV-Embed)"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``; those of the model's size count without a base only."""

        length: int | None = Field(default=None, ge=4, description="tokens; null: all that the model reads")
        architecture: Architecture = Field(default="llama", description="of a new model")
        layers: int = Field(default=6, ge=1, description="of a new model")
        width: int = Field(default=192, ge=8, description="of a new model")
        heads: int = Field(default=4, ge=1, description="of a new model; divides the width")
        inner_width: int | None = Field(default=None, ge=8, description="of a new model; null: 4 widths")
        vocab_size: int = Field(default=8000, ge=300, description="byte-level BPE tokens of a new model")
        max_length: int = Field(default=128, ge=4, description="tokens that a new model reads")

        @property
        def sizes(self) -> CausalLmConfig:
            """The sizes of a new model."""
            return CausalLmConfig(**{name: getattr(self, name) for name in CausalLmConfig.model_fields})

        @model_validator(mode="after")
        def _check(self) -> NvEmbedPretrain.Config:
            assert self.sizes
            return self

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(start.seed)
            self.embedder_ = start.embedder() if start.base else self._new()
        set_attention(self.embedder_.encoder, "causal")

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Without a base: learn a byte-level BPE vocabulary from the corpora's lines."""
        if start.base is None:
            lines = lambda: ({"text": line_of(row)} for row in rows())  # noqa: E731
            write_bpe(lines, config.vocab_size, config.max_length, folder)

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Column ``text``; a row with a ``word`` is a line that ends with it, in quotation marks.

        Raises:
            InputError: for a length that the model cannot read.
        """
        limit = start.max_length if start.base else config.max_length
        return WordLineTransform(start.tokenizer, length=config.length or limit, max_length=limit)

    def forward(self, batch: Batch) -> Losses:
        """The loss of ``input_ids`` and ``attention_mask``, (B, T)."""
        encoder: Any = self.embedder_.encoder
        ids_BT, mask_BT = batch["input_ids"], batch["attention_mask"]
        states_BTD = last_states(encoder, ids_BT, mask_BT)
        table_VD = encoder.get_input_embeddings().weight
        return {"loss": next_token_loss(states_BTD, ids_BT, mask_BT, table_VD)}

    def embedder(self) -> Embedder:
        """The decoder, read at its last token: nothing else has seen the whole text."""
        return self.embedder_

    def _new(self) -> Embedder:
        tokenizer, config = self.start.tokenizer, self.config
        settings = EmbedderSettings(pooling="last", max_length=config.max_length)
        return Embedder(new_causal_lm(config.sizes, tokenizer), tokenizer, settings)
