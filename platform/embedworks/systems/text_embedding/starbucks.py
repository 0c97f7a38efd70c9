"""Starbucks: one encoder whose prefixes are as good as small models (arXiv 2410.13230).

A short list of (layers n, dimensions d) pairs, small to large and ending with the whole model, is trained
at every step; 2D Matryoshka training (``matryoshka-2d``), which it is compared with, draws one size a
step. Two objectives:

- ``starbucks/smae``: masked auto-encoder pre-training of the encoder at all pairs.
- ``starbucks`` (SRL): contrastive fine-tuning at all pairs, small sizes also distilled from the whole.

All run the encoder once a text and tap its layers, so the cost barely depends on the number of pairs.

When to use it: one model is to serve a few known budgets, a small one for searching and the whole one for
ranking, say. Where any depth and width may be asked for, see ``matryoshka-2d``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from embedworks.embedder import Embedder, EmbedderSettings, Pair
from embedworks.errors import InputError
from embedworks.losses.contrastive import Similarity, in_batch_loss, paired_similarity
from embedworks.losses.cosent import cosent
from embedworks.losses.distillation import kl_divergence
from embedworks.nn.bert import new_bert
from embedworks.nn.encoder import exit_states
from embedworks.nn.mae_decoder import MaeDecoder, decoder_inputs
from embedworks.nn.mlm_head import MlmHead, masked_cross_entropy
from embedworks.objective import ChunkedObjective, Losses, Objective, ObjectiveConfig, Rows, Start, Vectors
from embedworks.transforms.bpe import write_bpe
from embedworks.transforms.masking import NestedMaskTransform
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.transform import Batch, Transform

Pairs = tuple[Pair, ...]

# Shape legend: B texts, G candidates (B*group), Q and N the same of all workers, T tokens, D width,
# d dimensions of a pair.

# -- the sizes ---------------------------------------------------------------------------------------

PAIRS = Field(
    default=(),
    description="(layers, dimensions), small to large, the last one the whole model; "
    "empty: those the base was trained at, else the official list scaled to the base",
)

# The official widths of BERT-base, 32 64 128 256 512 768 at layers 2 4 6 8 10 12, as shares of D.
SHARES = (1 / 24, 1 / 12, 1 / 6, 1 / 3, 2 / 3, 1.0)


def scaled_pairs(layers: int, width: int) -> Pairs:
    """The official list scaled to an encoder of other size.

    Widths are rounded up to a multiple of 8; of pairs that fall on one depth, the wider stays.

    Example:
        >>> scaled_pairs(12, 768)
        ((2, 32), (4, 64), (6, 128), (8, 256), (10, 512), (12, 768))
        >>> scaled_pairs(6, 384)
        ((1, 16), (2, 32), (3, 64), (4, 128), (5, 256), (6, 384))
    """
    by_depth = {}
    for number, share in enumerate(SHARES, start=1):
        depth = max(1, round(layers * number / len(SHARES)))
        # Rounded first: 768 * (1 / 24) must not become 32.000001 and then 40.
        by_depth[depth] = min(width, -(-round(width * share) // 8) * 8)
    return tuple(by_depth.items())


def resolve_pairs(wanted: Pairs, embedder: Embedder) -> Pairs:
    """The pairs to train: the config's, the base's, or the official ones, scaled.

    Raises:
        InputError: unless they grow and end with the whole model.
    """
    full, known = embedder.full_pair, embedder.settings.pairs
    if not wanted:
        usable = known and known[-1] == full and not out_of_order(known)
        return known if usable else scaled_pairs(*full)
    if wanted[-1] != full:
        raise InputError(
            f"pairs end with {list(wanted[-1])}, which is not the whole model",
            where="pairs",
            expected=f"{list(full)} as the last pair",
        )
    for small, large in out_of_order(wanted):
        raise InputError(
            f"pair {list(large)} does not follow {list(small)}",
            where="pairs",
            expected="more layers from pair to pair, at least one, and never fewer dimensions",
        )
    return wanted


def out_of_order(pairs: Pairs) -> list[tuple[Pair, Pair]]:
    """Neighbours of which the second is no larger model than the first."""
    return [
        (small, large)
        for small, large in zip(((0, 1), *pairs), pairs, strict=False)
        if not (small[0] < large[0] and small[1] <= large[1])
    ]


def name(pair: Pair) -> str:
    """How a pair is written in metrics: ``2x96``."""
    return f"{pair[0]}x{pair[1]}"


# -- stage 2: SRL ------------------------------------------------------------------------------------

# The STS form of the official code: cosine x 20, mean pooling, and a KL over the coordinates of the raw
# vectors whose teacher is not detached.
STS_FORM: dict[str, Any] = {
    "similarity": "cosine",
    "temperature": 0.05,
    "kl_weight": 0.3,
    "kl_space": "coords",
    "detach_teacher": False,
    "pooling": "mean",
}


class Starbucks(ChunkedObjective):
    """SRL: the contrastive loss at every pair, summed, with small sizes distilled from the whole.

    ``loss = sum_P CE(s_nd, target) + w * sum_{P without (L,D)} KL(softmax(s_LD) || softmax(s_nd))`` with
    ``s_nd[i, j] = sim(E_n(q_i)[:d], E_n(p_j)[:d]) / tau`` and ``E_n`` the pooled states after layer n.
    Vectors are cut raw; cosine normalises the cut ones.

    Args:
        config: See :class:`Config`.
        start: ``base`` is the embedder to fine-tune.

    Raises:
        InputError: for pairs that do not fit the base.
    """

    title = "Starbucks: improved training for 2D Matryoshka embeddings"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``; defaults are those of the official retrieval form."""

        form: Literal["retrieval", "sts"] = Field(
            default="retrieval", description="`sts` sets other defaults for the keys below; see STS_FORM"
        )
        pairs: Pairs = PAIRS
        base_loss: Literal["ranking", "cosent"] = Field(
            default="ranking", description="in-batch ranking, or the order of pairs by a `score` column"
        )
        similarity: Similarity = Field(default="dot", description="sts: cosine")
        temperature: float = Field(default=1.0, gt=0, description="tau; sts: 0.05, the scale of 20")
        two_way: bool = Field(default=False, description="also rank the queries for each positive")
        gather: bool = Field(default=True, description="rank against candidates of all workers")
        hard_negatives: int = Field(
            default=7, ge=0, description="per query, where the corpus has `negative` or `negatives`"
        )
        kl_weight: float = Field(default=1.0, ge=0, description="w; sts: 0.3")
        kl_space: Literal["scores", "coords"] = Field(
            default="scores", description="distil rows of scores, or coordinates of vectors; sts: coords"
        )
        detach_teacher: bool = Field(
            default=True, description="no gradient of the KL to the whole model; sts: false"
        )
        pooling: Literal["cls", "mean"] | None = Field(
            default="cls", description="null keeps the base's; sts: mean"
        )
        query_length: int = Field(default=32, ge=2, description="tokens")
        positive_length: int = Field(default=196, ge=2, description="tokens, of negatives as well")

        @model_validator(mode="before")
        @classmethod
        def _fill_form(cls, values: Any) -> Any:
            is_sts = isinstance(values, dict) and values.get("form") == "sts"
            return {**STS_FORM, **values} if is_sts else values

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.embedder_ = start.embedder()
        self.pairs = resolve_pairs(config.pairs, self.embedder_)
        self.embedder_.settings = self.embedder_.settings.model_copy(
            update={
                "pairs": self.pairs,
                "pooling": config.pooling or self.embedder_.settings.pooling,
                "similarity": config.similarity,
                "normalize": config.similarity == "cosine",
            }
        )

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Columns ``query``, ``positive`` and, where there are, ``negative(s)`` and ``score``.

        Raises:
            InputError: for a length that the base cannot read.
        """
        return PairTransform(
            start.tokenizer,
            query_length=config.query_length,
            positive_length=config.positive_length,
            max_length=start.max_length,
            hard_negatives=config.hard_negatives,
            seed=start.seed,
        )

    def represent(self, batch: Batch) -> Vectors:
        """Raw pooled vectors of all texts at every pair's depth.

        Args:
            batch: ``query_ids``, ``query_mask`` (B, T), ``candidate_ids``, ``candidate_mask`` (G, S), each
                query's positive first.

        Returns:
            ``query/2x96`` (B, D) and ``candidate/2x96`` (G, D) for each pair, float32.
        """
        found: Vectors = {}
        for side in ("query", "candidate"):
            ids_BT, mask_BT = batch[f"{side}_ids"], batch[f"{side}_mask"]
            states = exit_states(self.embedder_.encoder, ids_BT, mask_BT)
            for pair in self.pairs:
                found[f"{side}/{name(pair)}"] = self.embedder_.pool(states[pair[0] - 1], mask_BT).float()
        return found

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:
        """Losses of one batch.

        Args:
            vectors: See :meth:`represent`.
            batch: For CoSENT, ``score`` (B,).

        Returns:
            ``loss``, and for each pair its part of it, as ``loss/2x96`` and, not yet weighted, ``kl/2x96``.
        """
        queries, candidates = (
            [vectors[f"{side}/{name(pair)}"] for pair in self.pairs] for side in ("query", "candidate")
        )
        bases, scores = [], []
        for (_, d), q_BD, c_GD in zip(self.pairs, queries, candidates, strict=True):
            base, scores_BN = self._base_loss(q_BD[:, :d], c_GD[:, :d], batch)
            bases.append(base)
            scores.append(scores_BN)
        kls = self._divergences(scores, queries, candidates)
        named = {f"loss/{name(p)}": loss.detach() for p, loss in zip(self.pairs, bases, strict=True)}
        named |= {f"kl/{name(p)}": kl.detach() for p, kl in zip(self.pairs, kls, strict=False)}
        # A sum: as a mean, every further pair would take weight from the others.
        total = torch.stack([*bases, *(self.config.kl_weight * kl for kl in kls)]).sum()
        return {"loss": total, **named}

    def embedder(self) -> Embedder:
        """The fine-tuned embedder, readable at each of its pairs."""
        return self.embedder_

    def _base_loss(self, q_Bd: Tensor, c_Gd: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The base loss at one pair, and its ``(B, N)`` scores against all candidates."""
        config = self.config
        ranking = in_batch_loss(
            q_Bd,
            c_Gd,
            temperature=config.temperature,
            similarity=config.similarity,
            two_way=config.two_way,
            gather=config.gather,
        )
        if config.base_loss == "ranking":
            return ranking.loss, ranking.scores_BN
        if "score" not in batch:
            raise InputError("base_loss cosent needs scored pairs", expected="a corpus column `score`")
        similar_B = paired_similarity(q_Bd, c_Gd[:: len(c_Gd) // len(q_Bd)], config.similarity)
        loss = cosent(similar_B, batch["score"], config.temperature, gather=config.gather)
        return loss, ranking.scores_BN

    def _divergences(
        self, scores: list[Tensor], queries: list[Tensor], candidates: list[Tensor]
    ) -> list[Tensor]:
        """KL from the whole model to each smaller pair: over score rows, or coordinates of all texts."""
        if self.config.kl_weight == 0:
            return []
        teachers, students = [scores[-1]] * (len(scores) - 1), scores[:-1]
        if self.config.kl_space == "coords":
            texts = [torch.cat(sides) for sides in zip(queries, candidates, strict=True)]
            widths = [d for _, d in self.pairs[:-1]]
            teachers = [texts[-1][:, :d] for d in widths]
            students = [text_XD[:, :d] for text_XD, d in zip(texts, widths, strict=False)]
        return [
            kl_divergence(teacher, student, detach_teacher=self.config.detach_teacher)
            for teacher, student in zip(teachers, students, strict=True)
        ]


# -- stage 1: SMAE -----------------------------------------------------------------------------------


class StarbucksSmae(Objective):
    """SMAE: masked language modelling and auto-encoding at every pair, averaged.

    ``loss = (1/|P|) sum_P (L_mlm + L_mae) / 2``. ``L_mlm`` reads ``h_n[:, :d]`` of the encoder on the
    lightly masked text. ``L_mae`` rebuilds the heavily masked text in a one-layer decoder that knows the
    text only through ``z = g_d(h_n[0, :d])``. All pairs share one head, whose input is cut to d columns;
    word and position embeddings are the encoder's own. Nothing is frozen or detached.

    Args:
        config: See :class:`Config`.
        start: ``base`` is the encoder to go on from; without one, a new BERT is made.

    Raises:
        InputError: for pairs that do not fit, or an encoder that is not of the BERT family.
    """

    variant = "smae"
    title = "Starbucks masked auto-encoder pre-training (SMAE)"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``; those of the model's size count without a base only."""

        pairs: Pairs = PAIRS
        encoder_ratio: float = Field(default=0.2, gt=0, lt=1, description="p_e, masked for the encoder")
        decoder_ratio: float = Field(default=0.4, gt=0, lt=1, description="p_d, above p_e")
        autoencoding: bool = Field(
            default=True, description="false: masked language modelling alone, at the same pairs"
        )
        length: int | None = Field(default=None, ge=4, description="tokens; null: all that the model reads")
        layers: int = Field(default=6, ge=1, description="of a new model")
        width: int = Field(default=128, ge=8, description="of a new model")
        heads: int = Field(default=4, ge=1, description="of a new model; divides the width")
        vocab_size: int = Field(default=8000, ge=300, description="byte-level BPE tokens of a new model")
        max_length: int = Field(default=128, ge=4, description="tokens that a new model reads")

        @model_validator(mode="after")
        def _check(self) -> StarbucksSmae.Config:
            if self.encoder_ratio >= self.decoder_ratio:
                raise ValueError("encoder_ratio must be below decoder_ratio")
            if self.width % self.heads:
                raise ValueError(f"width {self.width} is not divisible by heads {self.heads}")
            return self

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(start.seed)
            self.embedder_ = start.embedder() if start.base else new_embedder(config, start)
            encoder: Any = self.embedder_.encoder
            self.decoder = MaeDecoder(encoder) if config.autoencoding else None
            std = getattr(encoder.config, "initializer_range", 0.02)
            self.head = MlmHead(encoder.config.hidden_size, encoder.config.vocab_size, std)
        self.pairs = resolve_pairs(config.pairs, self.embedder_)

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Without a base: learn a byte-level BPE vocabulary from the corpus's ``text``."""
        if start.base is None:
            write_bpe(rows, config.vocab_size, config.max_length, folder)

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Column ``text``, corrupted for the encoder and for the decoder.

        Raises:
            InputError: for a length that the model cannot read, or a tokenizer that cannot mask.
        """
        limit = start.max_length if start.base else config.max_length
        return NestedMaskTransform(
            start.tokenizer,
            length=config.length or limit,
            max_length=limit,
            encoder_ratio=config.encoder_ratio,
            decoder_ratio=config.decoder_ratio,
            seed=start.seed,
        )

    def forward(self, batch: Batch) -> Losses:
        """Losses of one batch.

        Args:
            batch: ``encoder_ids``, ``encoder_labels``, ``decoder_ids``, ``decoder_labels`` and
                ``attention_mask``, all (B, T).

        Returns:
            ``loss``, and for each pair ``mlm/2x96`` and ``mae/2x96``.
        """
        parts = self.pair_losses(batch)
        kinds = ("mlm", "mae")
        logged = {
            f"{kind}/{name(pair)}": loss.detach()
            for pair, losses in zip(self.pairs, parts, strict=True)
            for kind, loss in zip(kinds, losses, strict=False)
        }
        return {"loss": torch.stack([torch.stack(losses).mean() for losses in parts]).mean(), **logged}

    def pair_losses(self, batch: Batch) -> list[tuple[Tensor, ...]]:
        """``(L_mlm, L_mae)`` of each pair, or ``(L_mlm,)`` alone, from one pass of the encoder."""
        encoder: Any = self.embedder_.encoder
        states = self.embedder_.layer_states(batch["encoder_ids"], batch["attention_mask"])
        table_VD = encoder.get_input_embeddings().weight
        decode = self._decoder_of(batch) if self.decoder is not None else None
        losses: list[tuple[Tensor, ...]] = []
        for n, d in self.pairs:
            h_BTd = states[n - 1][..., :d]
            mlm = masked_cross_entropy(self.head, h_BTd, batch["encoder_labels"], table_VD)
            losses.append((mlm, decode(h_BTd[:, 0])) if decode else (mlm,))
        return losses

    def _decoder_of(self, batch: Batch) -> Callable[[Tensor], Tensor]:
        """``L_mae`` of a batch, given the ``(B, d)`` states of [CLS] at a pair."""
        assert self.decoder is not None
        encoder: Any = self.embedder_.encoder
        table_VD = encoder.get_input_embeddings().weight
        embedded_BTD, mask = decoder_inputs(encoder, batch["decoder_ids"], batch["attention_mask"])

        def loss(cls_Bd: Tensor) -> Tensor:
            assert self.decoder is not None
            decoded_BTD = self.decoder(self.head.transform(cls_Bd), embedded_BTD, mask)
            return masked_cross_entropy(self.head, decoded_BTD, batch["decoder_labels"], table_VD)

        return loss

    def embedder(self) -> Embedder:
        """The encoder alone, without head and decoder; its pairs are recorded for fine-tuning."""
        embedder = self.embedder_
        embedder.settings = embedder.settings.model_copy(update={"pairs": self.pairs})
        return embedder


def new_embedder(config: StarbucksSmae.Config, start: Start) -> Embedder:
    """A BERT with random weights and the prepared tokenizer; it pools [CLS], as the decoder does."""
    tokenizer = start.tokenizer
    bert = new_bert(
        vocabulary=len(tokenizer),
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        max_length=config.max_length,
        pad_id=tokenizer.pad_token_id,
    )
    return Embedder(bert, tokenizer, EmbedderSettings(pooling="cls", max_length=config.max_length))
