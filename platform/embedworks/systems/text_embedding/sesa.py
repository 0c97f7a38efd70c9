"""SESA: Supervised Explicit Semantic Analysis, embeddings whose dimensions are concepts (arXiv 1708.03246).

Texts of two kinds, as jobs and profiles, are taken to one space in which every dimension is a named
concept: ``s = sigmoid(W v + b)`` of an encoder's state v. Relevance labels teach which texts belong
together, lists of concepts what each dimension means. A score is a sum over concepts: it can be explained.

- ``sesa/pretrain``: the concepts alone.
- ``sesa``: relevance and concepts together. ``layer: latent`` is the network without concepts that it is
  compared with.

``POST /v1/tasks/score`` answers how well texts match and by which concepts; ``POST /v1/tasks/concepts``
which concepts a text has.

When to use it: texts of two kinds are to be matched, people list skills, tags or topics for them, if only
in part, and whoever is shown a match wants to know why. Without such lists, free dimensions are as good.

Decided where the paper, of which abstract and introduction were read, leaves it open:

- The encoder is a bidirectional LSTM with max pooling over time. Word embeddings are shared between the
  two kinds, recurrent weights are not (``share``). A special token in front of a text says of which kind
  it is, and stands in the embedder's prompts ``query`` and ``document``; without it, a text is a query.
- Relevance is pointwise: each query has a relevant and an irrelevant profile in every step.
- Relevance is graded by the Jaccard index of the items' whole concept lists. The lists that L_c reads are
  those that users gave, which are incomplete; an item with an empty one has none.
- What is saved is sparse: presences below ``threshold``, or beyond the ``top`` largest, become 0. Losses
  see them all.
- ``sim: weighted`` weighs each concept by ``w_k = softplus(u_k)``; the embedder has ``sqrt(w_k)`` as a
  scale of its explicit layer, so that it serves a plain dot product.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from embedworks.concepts.listing import CONCEPT_LISTS
from embedworks.concepts.score import SCORE
from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.errors import InputError
from embedworks.folder import read_settings
from embedworks.losses.multi_label import multi_label_loss
from embedworks.nn.encoder import last_states
from embedworks.nn.pooling import pool
from embedworks.nn.recurrent import RecurrentConfig, RecurrentEncoder
from embedworks.nn.sigmoid_linear import SigmoidLinear
from embedworks.nn.sparsity import Sparsity
from embedworks.objective import Losses, Objective, ObjectiveConfig, Rows, Start
from embedworks.transforms.graded_pairs import GradedPairTransform, write_items
from embedworks.transforms.transform import Batch, Transform
from embedworks.transforms.wordpiece import train_wordpiece

# Shape legend: B queries, N = B or 2B texts of one kind, T tokens, H width of states, K concepts.

ITEMS, CONCEPTS = "items.parquet", "concepts.json"
KINDS = {"query": "[QUERY]", "document": "[DOCUMENT]"}  # prompt -> the token that calls its tower

# -- the concepts ------------------------------------------------------------------------------------


def choose_concepts(lists: Sequence[Sequence[str]], most: int, least: int) -> list[str]:
    """The concepts that most items list, those of equally many in alphabetical order.

    Args:
        lists: What each item lists.
        most: How many are kept.
        least: Items that a concept must have.

    Raises:
        InputError: if none has so many.

    Example:
        >>> choose_concepts([["pet", "dog"], ["pet"], ["cat", "pet", "dog"]], most=9, least=2)
        ['pet', 'dog']
    """
    counts = Counter(concept for own in lists for concept in set(own))
    kept = sorted((c for c, n in counts.items() if n >= least), key=lambda c: (-counts[c], c))
    if not kept:
        raise InputError(f"no concept is listed by {least} items", where="min_items", expected="fewer")
    return kept[:most]


def read_concepts(start: Start) -> list[str]:
    """The concepts that :meth:`Sesa.prepare` chose, in the order of the dimensions."""
    assert start.artifacts is not None
    found: list[str] = json.loads((start.artifacts / CONCEPTS).read_text(encoding="utf-8"))
    return found


# -- the objective -----------------------------------------------------------------------------------


class Sesa(Objective):
    """``L = L_r + lambda L_c``.

    ``L_r = BCE(sigmoid(alpha sim(s_a, s_b) + beta), relevant)`` over pairs, or ``log(1 + exp(-alpha (sim+ -
    sim-)))`` over a relevant and an irrelevant text for one query. ``L_c`` is the cross-entropy of the
    concepts that an item lists, see :func:`embedworks.losses.multi_label.multi_label_loss`.

    Args:
        config: See :class:`Config`.
        start: ``base`` is a SESA embedder, as of ``sesa/pretrain``; without one, a new one is made.

    Raises:
        InputError: for a base whose dimensions are no concepts.
    """

    title = "SESA: supervised explicit semantic analysis"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``; those of the model's size count without a base only.

        The paper's numbers were not read; defaults are those of a small setting that was tried.
        """

        layer: Literal["explicit", "latent"] = Field(
            default="explicit", description="K concepts, or as many free dimensions without a sigmoid"
        )
        sim: Literal["cosine", "dot", "weighted"] = Field(
            default="cosine", description="weighted: a dot product with a trained weight for each concept"
        )
        rank: Literal["pointwise", "pairwise"] = "pointwise"
        concept_weight: float = Field(default=0.5, ge=0, description="lambda; 0 never reads the lists")
        pos_weight: float = Field(default=10.0, gt=0, description="of listed concepts")
        negative_weight: float = Field(
            default=0.3,
            ge=0,
            le=1,
            description="w_neg, of concepts that are not listed, and may be missing",
        )
        alpha: float = Field(default=5.0, description="where the trained slope of the score starts")
        beta: float = Field(default=-2.0, description="where the trained offset of the score starts")
        max_concepts: int = Field(default=400, ge=1, description="K at most; the most frequent are kept")
        min_items: int = Field(default=8, ge=1, description="that list a concept")
        relevant: float = Field(default=0.3, gt=0, le=1, description="Jaccard index from which on it is so")
        irrelevant: float = Field(default=0.0, ge=0, lt=1, description="Jaccard index up to which it is so")
        query_length: int = Field(default=48, ge=4, description="tokens")
        profile_length: int = Field(default=48, ge=4, description="tokens")
        share: bool = Field(
            default=False, description="one encoder for both kinds; else words alone are shared"
        )
        pool: Literal["max", "mean", "last"] = Field(default="max", description="of the states over time")
        bidirectional: bool = Field(default=True, description="of a new encoder")
        embedding_width: int = Field(default=128, ge=1, description="of a new encoder")
        width: int = Field(default=256, ge=2, description="H of a new encoder, both directions together")
        layers: int = Field(default=1, ge=1, description="of a new encoder")
        dropout: float = Field(default=0.0, ge=0, lt=1, description="of a new encoder's words and states")
        vocab_size: int = Field(default=8000, ge=100, description="word pieces of a new encoder")
        max_length: int = Field(default=64, ge=8, description="tokens that a new encoder reads")
        threshold: float = Field(default=0.05, ge=0, lt=1, description="presences below it are saved as 0")
        top: int | None = Field(default=64, ge=1, description="so many presences are saved; null: all")

        @model_validator(mode="after")
        def _check(self) -> Sesa.Config:
            if self.layer == "latent" and (self.concept_weight or self.sim == "weighted"):
                raise ValueError(
                    "a latent layer has no concepts: concept_weight must be 0, and sim not weighted"
                )
            if self.pool == "last" and self.bidirectional:
                raise ValueError(
                    "the last state has not seen the text from its end: bidirectional must be false"
                )
            if self.irrelevant >= self.relevant:
                raise ValueError("irrelevant must be below relevant")
            return self

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.names = read_concepts(start)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(start.seed)
            self.embedder_ = (
                start.embedder() if start.base else new_embedder(config, start, len(self.names))
            )
        self.alpha_1 = nn.Parameter(torch.tensor([config.alpha]))
        self.beta_1 = nn.Parameter(torch.tensor([config.beta]))
        weights_K = take_weights(self.embedder_, config.layer)
        self.weights_K = nn.Parameter(weights_K.expm1().log()) if config.sim == "weighted" else None

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Choose the concepts and write the items; without a base, learn word pieces as well.

        Raises:
            InputError: for a base without named dimensions, or a corpus without concepts.
        """
        if start.base is None:
            lists = [row["listed"] or [] for row in rows()]
            names = choose_concepts(lists, config.max_concepts, config.min_items)
            texts: Iterator[str] = (text for row in rows() for text in (row["query"], *row["profiles"]))
            tokenizer = train_wordpiece(texts, config.vocab_size, config.max_length)
            tokenizer.add_special_tokens({"additional_special_tokens": list(KINDS.values())})
            tokenizer.save_pretrained(folder)
        else:
            names = list(read_settings(start.base)[0].dimension_names)
            if not names:
                raise InputError(
                    "the dimensions of the base have no names", where="from", expected="a SESA embedder"
                )
        write_items(rows(), {name: k for k, name in enumerate(names)}, config.relevant, folder / ITEMS)
        (folder / CONCEPTS).write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """A query, a relevant and an irrelevant profile for each item, with the concepts that they list.

        Raises:
            InputError: for a length that the model cannot read.
        """
        assert start.artifacts is not None
        prompts = read_settings(start.base)[0].prompts if start.base else prompts_of(config)
        return GradedPairTransform(
            start.tokenizer,
            start.artifacts / ITEMS,
            labels=len(read_concepts(start)),
            prompts=(prompts.get("query", ""), prompts.get("document", "")),
            lengths=(config.query_length, config.profile_length),
            max_length=start.max_length if start.base else config.max_length,
            irrelevant=config.irrelevant,
            seed=start.seed,
        )

    def forward(self, batch: Batch) -> Losses:
        """Losses of one batch.

        Args:
            batch: Of ``query`` (N = B) and ``candidate`` (N = 2B, a query's relevant one first) the
                ``*_ids`` and ``*_mask`` (N, T), ``*_labels`` (N, K) and ``*_known`` (N,).

        Returns:
            ``loss`` and its parts ``relevance`` and, where they are read, ``concepts``; ``margin``, how
            much more similar relevant texts are than irrelevant ones.
        """
        logits = {side: self.logits(batch, side) for side in ("query", "candidate")}
        similar_B2 = self.similarities(*(self.presences(each) for each in logits.values()))
        relevance = self.relevance_loss(similar_B2)
        losses = {
            "relevance": relevance.detach(),
            "margin": (similar_B2[:, 0] - similar_B2[:, 1]).mean().detach(),
        }
        if not self.config.concept_weight:
            return {"loss": relevance, **losses}
        concepts = self.concept_loss(logits, batch)
        total = relevance + self.config.concept_weight * concepts
        return {"loss": total, **losses, "concepts": concepts.detach()}

    def logits(self, batch: Batch, side: str) -> Tensor:
        """``(N, K)`` float32 before the sigmoid; with a latent layer the dimensions themselves."""
        mask_NT, projection = batch[f"{side}_mask"], self.embedder_.projection
        states_NTH = last_states(self.embedder_.encoder, batch[f"{side}_ids"], mask_NT)
        pooled_NH = pool(states_NTH, mask_NT, self.embedder_.settings.pooling)
        if isinstance(projection, SigmoidLinear):
            return projection.logits(pooled_NH).float()
        assert projection is not None
        vectors_NK: Tensor = projection(pooled_NH)
        return vectors_NK.float()

    def presences(self, logits_NK: Tensor) -> Tensor:
        """s, the explicit vectors."""
        return torch.sigmoid(logits_NK) if self.config.layer == "explicit" else logits_NK

    def similarities(self, query_BK: Tensor, candidate_GK: Tensor) -> Tensor:
        """``(B, 2)`` of each query and its own candidates."""
        candidate_B2K = candidate_GK.view(len(query_BK), -1, query_BK.shape[1])
        if self.config.sim == "cosine":
            return F.cosine_similarity(query_BK[:, None], candidate_B2K, dim=-1)
        if self.weights_K is not None:
            query_BK = query_BK * F.softplus(self.weights_K.float())
        return torch.einsum("bk,bck->bc", query_BK, candidate_B2K)

    def relevance_loss(self, similar_B2: Tensor) -> Tensor:
        """L_r of each query's similarity with its relevant and with its irrelevant text."""
        alpha, beta = self.alpha_1.float(), self.beta_1.float()
        if self.config.rank == "pairwise":
            return F.softplus(-alpha * (similar_B2[:, 0] - similar_B2[:, 1])).mean()
        relevant_B2 = torch.tensor([1.0, 0.0], device=similar_B2.device).expand_as(similar_B2)
        return F.binary_cross_entropy_with_logits(alpha * similar_B2 + beta, relevant_B2)

    def concept_loss(self, logits: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """L_c over the texts of both kinds."""
        whole = torch.cat([logits["query"], logits["candidate"]])
        labels, known = (
            torch.cat([batch[f"query_{key}"], batch[f"candidate_{key}"]]) for key in ("labels", "known")
        )
        return multi_label_loss(
            whole,
            labels,
            known,
            positive_weight=self.config.pos_weight,
            negative_weight=self.config.negative_weight,
            gather=True,
        )

    def diagnostics(self) -> Mapping[str, float]:
        """The trained slope and offset of the score."""
        with self.gathered([self.alpha_1, self.beta_1]):
            return {"alpha": self.alpha_1.detach().item(), "beta": self.beta_1.detach().item()}

    def embedder(self) -> Embedder:
        """Encoder and explicit layer, with the concepts' names and the scale of the score."""
        config, embedder = self.config, self.embedder_
        explicit = config.layer == "explicit"
        projection = embedder.projection
        if self.weights_K is not None:
            projection = scaled(projection, F.softplus(self.weights_K.detach()).sqrt())
        settings = embedder.settings.model_copy(
            update={
                "normalize": False,
                "similarity": "cosine" if config.sim == "cosine" else "dot",
                "dimension_names": tuple(self.names) if explicit else (),
                "sparsity": Sparsity(threshold=config.threshold, top=config.top) if explicit else None,
                "calibration": (self.alpha_1.detach().item(), self.beta_1.detach().item()),
            }
        )
        return Embedder(embedder.encoder, embedder.tokenizer, settings, projection, embedder.lineage)


class SesaPretrain(Sesa):
    """L_c alone, over the texts of both kinds; keys of the relevance loss are not read."""

    variant = "pretrain"
    title = "SESA's pre-training on concept lists"

    def __init__(self, config: Sesa.Config, start: Start) -> None:
        super().__init__(config, start)
        if config.layer == "latent":
            raise InputError("a latent layer has no concepts to learn", where="layer", expected="explicit")
        for unread in (self.alpha_1, self.beta_1, self.weights_K):
            if unread is not None:
                unread.requires_grad_(False)

    def forward(self, batch: Batch) -> Losses:
        """``loss``, which is L_c."""
        return {
            "loss": self.concept_loss({s: self.logits(batch, s) for s in ("query", "candidate")}, batch)
        }

    def diagnostics(self) -> Mapping[str, float]:
        """None: no score is trained."""
        return {}


def take_weights(embedder: Embedder, layer: str) -> Tensor:
    """``(K,)`` the weights of the concepts that an embedder was saved with, which it loses; 1 without any.

    Raises:
        InputError: for an embedder with another layer than the one that is to be trained.
    """
    projection = embedder.projection
    if isinstance(projection, SigmoidLinear) != (layer == "explicit"):
        raise InputError(f"the base has no {layer} layer", where="layer", expected="that of the base")
    if not isinstance(projection, SigmoidLinear) or projection.scale is None:
        return torch.ones(embedder.dimensions)
    weights_K = projection.scale.detach().square()
    projection.scale = None
    return weights_K


def prompts_of(config: Sesa.Config) -> dict[str, str]:
    """Prompt -> what calls the tower of its kind of texts; none where one encoder reads both."""
    return {} if config.share else {kind: f"{token} " for kind, token in KINDS.items()}


def new_embedder(config: Sesa.Config, start: Start, concepts: int) -> Embedder:
    """A recurrent encoder with random weights, the prepared tokenizer and the explicit or latent layer."""
    tokenizer: Any = start.tokenizer
    towers = () if config.share else tuple(tokenizer.convert_tokens_to_ids(list(KINDS.values())))
    encoder = RecurrentEncoder(
        RecurrentConfig(
            vocab_size=len(tokenizer),
            embedding_size=config.embedding_width,
            hidden_size=config.width,
            num_hidden_layers=config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
            tower_tokens=towers,
            max_position_embeddings=config.max_length,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    settings = EmbedderSettings(
        pooling=config.pool, normalize=False, max_length=config.max_length, prompts=prompts_of(config)
    )
    layer = SigmoidLinear if config.layer == "explicit" else nn.Linear
    return Embedder(encoder, tokenizer, settings, layer(config.width, concepts))


def scaled(projection: nn.Module | None, scale_K: Tensor) -> SigmoidLinear:
    """The explicit layer with a factor for each concept."""
    assert isinstance(projection, SigmoidLinear)
    found = SigmoidLinear(projection.in_features, projection.out_features, scale=True)
    found.load_state_dict({**projection.state_dict(), "scale": scale_K})
    return found.to(projection.weight)


# -- what it serves, and any model whose dimensions have names ----------------------------------------

TASKS = (SCORE, CONCEPT_LISTS)
