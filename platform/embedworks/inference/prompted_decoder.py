"""A decoder read under prompts, without training, and what each of these methods finds on pairs of texts.

Methods (their prompts: :mod:`embedworks.transforms.embedding_prompts`) are those of the survey arXiv
2412.12591, section 3; the decisions where their codes differ stand in
:mod:`embedworks.systems.text_embedding.llm_embedders`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.engine import Engine
from embedworks.inference.ranks import cosines, reciprocal_rank
from embedworks.inference.said_words import rewritten, sparse_vectors
from embedworks.nn.attention import set_attention
from embedworks.nn.pooling import Pooling
from embedworks.nn.sparse_words import hybrid_scores, sparse_scores
from embedworks.nn.token_prepending import (
    PLACEHOLDER,
    TokenPrepending,
    add_placeholder,
    set_token_prepending,
)
from embedworks.transforms.embedding_prompts import PROMPTS, READERS, with_example, with_placeholder
from embedworks.transforms.templates import templates_of

# Shape legend: N texts, D width, Q queries, C candidates.

Method = Literal[
    "mean",
    "last",
    "weighted-mean",
    "prompteol",
    "prompteol-icl",
    "pret-cot",
    "ke",
    "metaeol",
    "echo",
    "echo-last",
    "tp",
    "promptreps",
]
Measured = Method | Literal["metaeol-single", "geneol", "promptreps-hybrid"]
Pairs = Sequence[tuple[str, str]]
Floats = NDArray[np.float32]

POOLINGS: dict[str, Pooling] = {"last": "last", "weighted-mean": "weighted-mean", "echo-last": "last"}
BARE_METHODS = ("mean", "last", "weighted-mean")
REWRITES = (
    "the same in other words",
    "the same in fewer words",
    "what follows from it",
    "the same in detail",
)
WORD_LENGTH = 24  # characters of a demonstration's word


@dataclass(frozen=True)
class PromptedDecoder:
    """A decoder and the settings of the methods that have any.

    Args:
        base: The decoder; its attention becomes causal.
        seed: Of the placeholder of token prepending, and of drawn rewrites.
        first: s of token prepending, a layer from 0 on.
        end: e of token prepending.
        rewrites: m of GenEOL, at most ``len(REWRITES)``.
        rewrite_length: Tokens of a rewrite.
    """

    base: Embedder
    seed: int = 0
    first: int = 1
    end: int = 3
    rewrites: int = 2
    rewrite_length: int = 12

    def under(self, method: Method, example: Sequence[str] | None = None) -> Embedder:
        """The base read under a method: raw vectors, compared by their cosine.

        It knows the prompts of all methods by their names; the chosen one has those that readers look
        for too. ``example`` is the demonstration of ``prompteol-icl``, a text and its word.
        """
        base = self.base
        set_attention(base.encoder, "causal")
        token = add_placeholder(base.encoder, base.tokenizer, self.seed)
        set_token_prepending(base.encoder, TokenPrepending(token, self.first, self.end))
        prompts = {**PROMPTS, "tp": with_placeholder(PLACEHOLDER)}
        if example is not None:
            prompts["prompteol-icl"] = with_example(*example)
        name = "bare" if method in BARE_METHODS else method.removesuffix("-last")
        settings = base.settings.model_copy(
            update={
                "pooling": POOLINGS.get(method, "mean"),
                "normalize": False,
                "similarity": "cosine",
                "instructions": None,
                "pairs": tuple((layer, base.dimensions) for layer in range(1, base.num_layers + 1)),
                "prompts": prompts | dict.fromkeys(READERS, prompts[name]),
            }
        )
        return Embedder(base.encoder, base.tokenizer, settings, base.projection, base.lineage)


def layer_ranks(
    decoder: PromptedDecoder,
    method: Measured,
    pairs: Pairs,
    example: Sequence[str] | None = None,
    layers: Sequence[int] = (),
) -> dict[int, float]:
    """Layer -> mean reciprocal rank under a method; of methods that need words, the last layer alone.

    ``layers`` are all where none are given. ``metaeol-single`` is the mean over its prompts, each alone.
    """
    depth = decoder.base.num_layers
    sides = [list(side) for side in zip(*pairs, strict=True)]
    if method == "geneol":
        vectors = [geneol_vectors(decoder, texts) for texts in sides]
        return {depth: reciprocal_rank(cosines(*vectors), sides[1])}
    behind = {"promptreps-hybrid": "promptreps", "metaeol-single": "metaeol"}
    embedder = decoder.under(cast(Method, behind.get(method, method)), example)
    if method == "promptreps-hybrid":
        return {depth: reciprocal_rank(hybrid_of(embedder, sides), sides[1])}
    prompt = embedder.settings.prompts["query"]
    each = templates_of(prompt) if method == "metaeol-single" else (prompt,)
    return _ranks_at(embedder, sides, layers or range(1, depth + 1), each)


def _ranks_at(
    embedder: Embedder, sides: Sequence[list[str]], layers: Sequence[int], prompts: Sequence[str]
) -> dict[int, float]:
    engine = Engine(embedder, "fp32")
    ranks: dict[int, list[float]] = {layer: [] for layer in layers}
    for prompt in prompts:
        queries, candidates = (engine.encode_at(texts, layers, prompt=prompt) for texts in sides)
        for layer in layers:
            scores_QC = cosines(queries[layer], candidates[layer])
            ranks[layer].append(reciprocal_rank(scores_QC, sides[1]))
    return {layer: float(np.mean(found)) for layer, found in ranks.items()}


def best_example(decoder: PromptedDecoder, pairs: Pairs, rest: Pairs, tried: int) -> tuple[str, str]:
    """The demonstration, of the first short pairs of ``rest``, under which ``pairs`` rank best.

    Raises:
        InputError: where no pair of ``rest`` is short enough.
    """
    short = [pair for pair in rest if len(pair[1]) <= WORD_LENGTH and '"' not in pair[1]]
    if not short:
        raise InputError(
            "no pair behind the dev pairs can be a demonstration",
            expected=f"positives of at most {WORD_LENGTH} characters",
        )
    last = decoder.base.num_layers
    ranks = [layer_ranks(decoder, "prompteol-icl", pairs, one, (last,))[last] for one in short[:tried]]
    return short[int(np.argmax(ranks))]


def geneol_vectors(decoder: PromptedDecoder, texts: Sequence[str]) -> Floats:
    """``(N, D)``: mean of a text and of the model's own rewrites of it, each under the prompt of ``ke``."""
    embedder = decoder.under("ke")
    engine, versions = Engine(embedder, "fp32"), [texts]
    for number, task in enumerate(REWRITES[: decoder.rewrites]):
        drawn = rewritten(embedder, texts, task, tokens=decoder.rewrite_length, seed=decoder.seed + number)
        versions.append(drawn)
    vectors: Floats = np.mean([engine.encode(each, prompt=PROMPTS["ke"]) for each in versions], axis=0)
    return vectors


def hybrid_of(embedder: Embedder, sides: Sequence[Sequence[str]]) -> Floats:
    """``(Q, C)`` PromptReps scores: dense cosines and sparse products, both scaled and mixed."""
    engine, prompt = Engine(embedder, "fp32"), PROMPTS["promptreps"]
    dense = cosines(*(engine.encode(texts, prompt=prompt) for texts in sides))
    sparse = sparse_scores(*(sparse_vectors(embedder, texts, prompt) for texts in sides))
    return hybrid_scores(dense, sparse)
