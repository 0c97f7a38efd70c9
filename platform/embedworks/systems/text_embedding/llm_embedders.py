"""Language models as text embedders, with and without training (survey: arXiv 2412.12591).

Every way of the survey is run on one and the same decoder, so that they can be compared:

- ``llm-embedders/direct``: no training (``steps: 0``). A prompt makes the model say what a text is about,
  and the state that is about to say it is the vector (PromptEOL, with a demonstration, Pretended CoT,
  Knowledge Enhancement, MetaEOL, token prepending, PromptReps); or the text is said twice and pooled the
  second time (echo). The export is served under all of them: a request's ``prompt_name`` is the method.
- ``llm-embedders/mntp``: the causal mask is dropped, and blanked tokens are predicted (LLM2Vec).
- ``llm-embedders``: contrastive tuning, unsupervised (SimCSE) or supervised with hard negatives, under any
  prompt, attention and pooling. The reference cell is bidirectional, mean, MNTP, one hard negative.

Where there is no decoder to start from, ``nv-embed/pretrain`` makes one of a job's corpora. Lines of a
dictionary ought to be among them, ``<definition>, in one word: "<headword>"``, or "in one word" means
nothing to it: a corpus with columns ``text`` and ``word`` is read so.

When to use it: a decoder is at hand and there is no time, or no data, to train it; or it is to be tuned,
and the question is which of attention, pooling, warm-up, loss, prompt and data is worth its while.

The survey has no code of its own. Forms of prompts and losses are those of its methods' codes:
kongds/scaling_sentemb, ZBWpro/PretCoTandKE, Yibin-Lei/MetaEOL, raghavlite/GenEOL,
fuyuchenIfyw/token_prepending, jakespringer/echo-embeddings, ielab/PromptReps, McGill-NLP/llm2vec.

Decisions where they differ or are silent:

- Rows are padded on the right and the last token is found by the mask; it is the same state. Templates are
  tokenised piece by piece and have no EOS; ``mean``, ``last`` and ``weighted-mean`` read the bare sentence.
- A read-out layer below the last is read through the norm that the last one has, as a model that is cut
  there is; the official codes read it bare.
- The head is tied: scores of words are inner products with the word embeddings. So SimCSE's, MNTP's and
  PromptReps' models need no weights beside the encoder's, and a decoder with a head of its own loses it.
- The placeholder of token prepending has the deviation of the other embeddings, not 1.
- MetaEOL averages raw vectors, here as at the endpoint. GenEOL has no template: it is measured on the
  dev pairs and cannot be served by a prompt; its rewrites are drawn from the model itself.
- The demonstration of ``prompteol-icl`` and the best layer are chosen by the reciprocal rank of dev pairs.
- Blanks of MNTP fall on each token by itself; a batch without any has loss 0 and no gradient.
- SimCSE's dropout is of attention and of what ``nn.Dropout`` there is; it is not saved.
- Hard negatives are a teacher's, as NV-Embed finds them, or drawn where there is no teacher.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.prompted_decoder import (
    REWRITES,
    Measured,
    Method,
    PromptedDecoder,
    best_example,
    layer_ranks,
)
from embedworks.inference.teaching import unit_encoder
from embedworks.losses.contrastive import in_batch_loss
from embedworks.nn.attention import set_attention
from embedworks.nn.causal_lm import masked_next_token_loss
from embedworks.nn.dropout import set_dropout
from embedworks.nn.encoder import last_states
from embedworks.nn.instructions import Instructions
from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig, new_latent_pooler
from embedworks.objective import Losses, Objective, ObjectiveConfig, Rows, Start, Vectors
from embedworks.transforms.blanks import BlankTransform
from embedworks.transforms.embedding_prompts import PROMPTS, READERS
from embedworks.transforms.mining import mined_triples, random_triples
from embedworks.transforms.templates import PromptedTokenizer
from embedworks.transforms.texts import TextTransform
from embedworks.transforms.transform import SOURCE, Batch, Transform
from embedworks.transforms.triples import Triple, write_triples
from embedworks.triple_objective import TripleObjective, triple_transform

# Shape legend: B texts, G candidates (B*group, a query's positive first), T tokens, D width, V vocabulary.

TEMPLATE = Instructions()
FOUND = "found.json"


# -- tuning ------------------------------------------------------------------------------------------


class LlmEmbedders(TripleObjective):
    """Contrastive tuning of a decoder: ``-log(e^s_ii / sum_n e^s_in)`` with cosines ``s / tau`` over all
    candidates of the batch; in ``simcse`` a text's candidate is itself under another dropout.

    Args:
        config: See :class:`Config`.
        start: ``base`` is a decoder.

    Raises:
        InputError: for a base that is no decoder.
    """

    title = "LLM-based text embedders: contrastive tuning of a decoder"
    prepared_by = (
        "loss",
        "prompt",
        "instruction",
        "hard_negatives",
        "teacher",
        "margin",
        "positive_length",
    )

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``."""

        loss: Literal["supervised", "simcse"] = Field(
            default="supervised", description="of `query` and `positive`, or of `text` alone"
        )
        attention: Literal["bidirectional", "causal"] = Field(
            default="bidirectional", description="what tokens see of each other"
        )
        pooling: Literal["mean", "last", "weighted-mean", "latent"] = Field(
            default="mean", description="of the tokens that the prompt leaves to it"
        )
        prompt: Literal["none", "prompteol", "echo", "instruction"] = Field(
            default="none", description="around both sides; an instruction is of queries alone"
        )
        instruction: str = Field(
            default="Find the text that says the same",
            min_length=1,
            description="for `prompt: instruction`",
        )
        temperature: float = Field(default=0.05, gt=0, description="tau")
        gather: bool = Field(default=True, description="in-batch negatives of all workers")
        hard_negatives: int = Field(default=1, ge=0, description="a query")
        teacher: str | None = Field(
            default=None, description="embedder that finds hard negatives: a folder or hub id; null: random"
        )
        margin: float = Field(default=0.95, gt=0, le=1, description="share of the positive's score")
        dropout: float = Field(default=0.3, ge=0, lt=1, description="of SimCSE; LLM2Vec has 0.3")
        latents: int = Field(default=32, ge=1, description="r of `pooling: latent`")
        heads: int = Field(default=4, ge=1, description="of the latent pooler")
        head_width: int = Field(default=32, ge=1, description="of the latent pooler")
        query_length: int = Field(default=48, ge=4, description="tokens, prompt included")
        positive_length: int = Field(default=48, ge=4, description="tokens, of negatives as well")

        @property
        def template(self) -> str:
            """The prompt that both sides have."""
            return PROMPTS.get(self.prompt, "")

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.embedder_ = tuned_embedder(config, start)
        if config.loss == "simcse":
            set_dropout(self.embedder_.encoder, config.dropout)

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Find the hard negatives of supervised pairs, corpus by corpus."""
        if config.loss == "simcse":
            return
        encode = unit_encoder(config.teacher, config.positive_length) if config.teacher else None
        rng = np.random.default_rng(start.seed)
        front = TEMPLATE.prompt(config.instruction) if config.prompt == "instruction" else ""
        for source, group in groupby(rows(), key=lambda row: int(row.get(SOURCE, 0))):
            pairs, count = _pairs(group), config.hard_negatives
            if not count:
                found: Iterator[Triple] = (Triple(query, [positive]) for query, positive in pairs)
            elif encode:
                found = mined_triples(pairs, encode, count, config.margin)
            else:
                found = random_triples(pairs, count, rng)
            write_triples(
                (one._replace(query=front + one.query) for one in found), folder, source, len(pairs)
            )

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Triples by their number, or the column ``text``; under the prompt.

        Raises:
            InputError: for a length that the base cannot read.
        """
        if config.loss == "simcse":
            made: Any = TextTransform(
                start.tokenizer, length=config.query_length, max_length=start.max_length
            )
        else:
            made = triple_transform(config, start)
        made.tokens = PromptedTokenizer(made.tokens, config.template)
        return made  # type: ignore[no-any-return]

    def represent(self, batch: Batch) -> Vectors:
        """``query`` (B, D) and ``candidate`` (G, D) raw pooled vectors, float32."""
        if self.config.loss != "simcse":
            return super().represent(batch)
        ids_BT, mask_BT = batch["input_ids"], batch["attention_mask"]
        return {side: self.vectors(ids_BT, mask_BT) for side in ("query", "candidate")}

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:  # noqa: ARG002
        """InfoNCE over everybody's candidates."""
        found = in_batch_loss(
            vectors["query"],
            vectors["candidate"],
            temperature=self.config.temperature,
            gather=self.config.gather,
        )
        return {"loss": found.loss}


def tuned_embedder(config: LlmEmbedders.Config, start: Start) -> Embedder:
    """The base with the attention, the pooling and the prompts of the config."""
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
        pooler = new_latent_pooler(shape, start.seed)
    prompts = dict.fromkeys(READERS, config.template) if config.template else {}
    if config.prompt == "instruction":
        prompts = {name: TEMPLATE.prompt(config.instruction) for name in READERS if name != "document"}
    settings = base.settings.model_copy(
        update={
            "pooling": config.pooling,
            "normalize": True,
            "similarity": "cosine",
            "instructions": TEMPLATE if config.prompt == "instruction" else None,
            "pairs": (),
            "prompts": prompts,
        }
    )
    return Embedder(base.encoder, base.tokenizer, settings, base.projection, base.lineage, pooler)


# -- without training --------------------------------------------------------------------------------


class DirectPrompting(Objective):
    """A decoder read under prompts, as it is: nothing is trained, and a stage has ``steps: 0``.

    Before it is exported, methods are measured on pairs of the stage's corpora at every layer: mean
    reciprocal rank of a query's positive among all. These are the stage's numbers, as
    ``dev/prompteol`` at the last layer, ``dev/prompteol/best`` and ``dev/prompteol/layer``.

    Args:
        config: See :class:`Config`.
        start: ``base`` is a decoder.
    """

    variant = "direct"
    title = "LLM-based text embedders: prompting without training"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``."""

        method: Method = Field(default="prompteol", description="what readers of the model get unasked")
        measured: tuple[Measured, ...] = Field(
            default=(), description="methods that are measured on dev pairs; empty: `method` alone"
        )
        layer: Literal["last", "best"] | int = Field(
            default="last", description="read-out: the last, the best on the dev pairs, or a number"
        )
        dev: int = Field(default=500, ge=2, description="pairs that are measured on, from the first row on")
        examples: int = Field(
            default=8, ge=1, description="short pairs behind them, tried as demonstrations"
        )
        first: int = Field(default=1, ge=0, description="s of token prepending, a layer from 0 on")
        end: int = Field(
            default=3, ge=0, description="e of token prepending; the official s and e are 1, 7"
        )
        rewrites: int = Field(default=2, ge=1, le=len(REWRITES), description="m of GenEOL")
        rewrite_length: int = Field(default=12, ge=1, description="tokens of a rewrite")

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.found = json.loads(((start.artifacts or Path()) / FOUND).read_text(encoding="utf-8"))
        made = _decoder(config, start).under(config.method, self.found["example"])
        layer = self.found["best"][config.method] if config.layer == "best" else config.layer
        self.embedder_ = made if layer == "last" else made.cut(int(layer))

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Choose a demonstration, and measure the methods on the dev pairs."""
        everything = _pairs(rows())
        pairs, rest = everything[: config.dev], everything[config.dev :]
        if len(pairs) < 2:
            raise InputError(
                "there are fewer than two dev pairs", expected="`query` and `positive` in rows"
            )
        decoder = _decoder(config, start)
        methods = dict.fromkeys((config.method, *config.measured))
        shown = "prompteol-icl" in methods
        example = best_example(decoder, pairs, rest, config.examples) if shown else None
        table = {method: layer_ranks(decoder, method, pairs, example) for method in methods}
        best = {method: max(found, key=lambda layer: found[layer]) for method, found in table.items()}
        found = {"example": example, "ranks": table, "best": best}
        (folder / FOUND).write_text(json.dumps(found, indent=1), encoding="utf-8")

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:  # noqa: ARG003
        """Refuses: there is nothing to train.

        Raises:
            InputError: always.
        """
        raise _untrained()

    def forward(self, batch: Batch) -> Losses:  # noqa: ARG002
        """Refuses as :meth:`transform` does."""
        raise _untrained()

    def diagnostics(self) -> Mapping[str, float]:
        """What the methods reach on the dev pairs."""
        numbers: dict[str, float] = {}
        for method, found in self.found["ranks"].items():
            best = self.found["best"][method]
            numbers[f"dev/{method}"] = found[max(found, key=int)]
            numbers |= {f"dev/{method}/best": found[str(best)], f"dev/{method}/layer": float(best)}
        return numbers

    def embedder(self) -> Embedder:
        """The decoder under the method, with the other methods' prompts beside it."""
        return self.embedder_


def _decoder(config: DirectPrompting.Config, start: Start) -> PromptedDecoder:
    return PromptedDecoder(
        start.embedder(),
        seed=start.seed,
        first=config.first,
        end=config.end,
        rewrites=config.rewrites,
        rewrite_length=config.rewrite_length,
    )


def _pairs(rows: Any) -> list[tuple[str, str]]:
    return [(row["query"], row["positive"]) for row in rows if row["query"] and row["positive"]]


def _untrained() -> InputError:
    return InputError(
        "llm-embedders/direct trains nothing", expected="steps: 0, or the system llm-embedders to tune"
    )


# -- the warm-up -------------------------------------------------------------------------------------


class Mntp(Objective):
    """Masked next-token prediction: a decoder gets used to looking both ways.

    Args:
        config: See :class:`Config`.
        start: ``base`` is a decoder.

    Raises:
        InputError: for a base that is no decoder.
    """

    variant = "mntp"
    title = "LLM-based text embedders: masked next-token prediction"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``."""

        rate: float = Field(default=0.3, ge=0, lt=1, description="p; LLM2Vec has 0.8 for Mistral, else 0.2")
        length: int = Field(default=64, ge=4, description="tokens")

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.embedder_ = start.embedder()
        set_attention(self.embedder_.encoder, "bidirectional")
        settings = self.embedder_.settings
        self.embedder_.settings = settings.model_copy(update={"pooling": "mean", "pairs": ()})

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Column ``text``, with blanks."""
        return BlankTransform(
            start.tokenizer,
            length=config.length,
            max_length=start.max_length,
            rate=config.rate,
            seed=start.seed,
        )

    def forward(self, batch: Batch) -> Losses:
        """The loss of ``input_ids``, ``labels`` and ``attention_mask``, (B, T)."""
        encoder: Any = self.embedder_.encoder
        states_BTD = last_states(encoder, batch["input_ids"], batch["attention_mask"])
        table_VD = encoder.get_input_embeddings().weight
        return {"loss": masked_next_token_loss(states_BTD, batch["labels"], table_VD)}

    def embedder(self) -> Embedder:
        """The decoder that looks both ways, read by the mean of its tokens."""
        return self.embedder_
