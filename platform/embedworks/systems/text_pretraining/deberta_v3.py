"""DeBERTaV3: replaced-token detection with gradient-disentangled embedding sharing.

He, Gao and Chen, "DeBERTaV3: Improving DeBERTa using ELECTRA-Style Pre-Training with
Gradient-Disentangled Embedding Sharing", arXiv 2111.09543. A generator G fills masked tokens; a
discriminator D tells for every token whether G replaced it. D's token table is

    NES    its own
    ES     G's, with both gradients, and one optimizer step for both losses
    GDES   stop_gradient(E_G) + E_delta, E_delta zero at first: D reads what G learnt, and does not
           pull at it

Under NES and GDES a step has two phases: G's update on L_MLM, then D's on lambda L_RTD, with the
tokens G had drawn and with E_D made from the E_G just updated. Only D is kept.

When to use it: a backbone is to be pre-trained from unlabelled text of one's own, before it is fine-tuned
as an embedder; every token teaches it, not the masked ones alone.

The paper gives position tables the same treatment. D reads no absolute position (they enter in G's
mask decoder alone), so its position delta would stay zero for ever and is left out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import nn
from transformers import DebertaV2Config, DebertaV2Model

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.losses.replaced_token_detection import (
    corrupt,
    draw_tokens,
    masked_token_loss,
    replaced_token_loss,
)
from embedworks.nn.deberta import MaskedDeberta, ReplacedTokenHead, deberta_config, require_deberta
from embedworks.nn.shared_embedding import (
    BorrowedEmbedding,
    DeltaEmbedding,
    folded_table,
    mean_cosine,
    table_parameters,
)
from embedworks.objective import Losses, Objective, ObjectiveConfig, Rows, Start, run_modules
from embedworks.transforms.bpe import write_bpe
from embedworks.transforms.replaced_tokens import MaskAllChosen
from embedworks.transforms.transform import Batch, Transform

# Shape legend: B texts, T tokens, D width, V vocabulary, M masked positions of the whole batch.


class DebertaV3Config(ObjectiveConfig):
    """Defaults are DeBERTaV3-xsmall's (``rtd_xsmall.json`` and ``rtd.sh`` of the authors' code).

    A stage that starts from a model takes that model's sizes, dropout and tokenizer; ``layers`` to
    ``dropout`` and ``vocab_size`` are then not read, ``generator_layers`` and ``max_length`` are.
    """

    objective: Literal["rtd", "mlm"] = Field(
        default="rtd", description="mlm: the baseline, a model of D's size trained as G is"
    )
    sharing: Literal["es", "nes", "gdes"] = Field(
        default="gdes", description="how D gets its token table (section 3.3); not read by mlm"
    )
    layers: int = Field(default=12, ge=1, description="depth of D (xsmall and base: 12)")
    generator_layers: int | None = Field(
        default=None, ge=1, description="depth of G; null: half of D's, as in all the paper's models"
    )
    width: int = Field(default=384, ge=1, description="width of both (xsmall: 384, base: 768)")
    heads: int = Field(default=6, ge=1, description="attention heads of both (xsmall: 6, base: 12)")
    relative_buckets: int = Field(default=256, ge=2, description="k; the relative table has 2 k rows")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="on states and attention (paper: 0.1)")
    vocab_size: int = Field(
        default=128_100, ge=1, description="tokens of the tokenizer that is trained (paper: 128,100)"
    )
    max_length: int = Field(default=512, ge=4, description="tokens of a text (paper: 512)")
    mask_rate: float = Field(default=0.15, gt=0, lt=1, description="share of tokens masked (paper: 0.15)")
    rtd_weight: float = Field(default=10.0, gt=0, description="lambda before L_RTD (code: 10; ELECTRA: 50)")
    temperature: float = Field(default=1.0, gt=0, description="of the draws from G (code: 1)")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class Generator(nn.Module):
    """First phase: predicts the masked tokens, and draws what D will see.

    Args:
        model: Encoder, mask decoder and head.
        temperature: Of the draws; None where nobody needs them.
    """

    def __init__(self, model: MaskedDeberta, temperature: float | None) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature

    def forward(self, batch: Batch) -> Losses:
        """``loss`` is L_MLM; ``corrupted_ids`` and ``replaced`` (both ``(B, T)``) are for D."""
        labels_BT = batch["labels"]
        chosen_BT = labels_BT > 0
        targets_M = labels_BT[chosen_BT]
        logits_MV = self.model(batch["input_ids"], batch["attention_mask"], chosen_BT)
        hits = (logits_MV.argmax(-1) == targets_M).sum() / max(1, len(targets_M))
        losses = {"loss": masked_token_loss(logits_MV, targets_M), "mlm_accuracy": hits}
        if self.temperature is None:
            return losses
        draws_M = draw_tokens(logits_MV, self.temperature)
        corrupted_BT, replaced_BT = corrupt(batch["input_ids"], labels_BT, draws_M)
        return losses | {"corrupted_ids": corrupted_BT, "replaced": replaced_BT}


class Discriminator(nn.Module):
    """Second phase: tells replaced tokens from original ones, at every real position.

    Args:
        model: The encoder that is kept; its token table is one of the three kinds of sharing.
        weight: lambda.
    """

    def __init__(self, model: DebertaV2Model, weight: float) -> None:
        super().__init__()
        self.model = model
        self.head = ReplacedTokenHead(model.config)
        self.weight = weight

    def forward(self, batch: Batch) -> Losses:
        """``loss`` is lambda L_RTD; ``replaced_share`` is the share of real tokens that G changed."""
        mask_BT, replaced_BT = batch["attention_mask"], batch["replaced"]
        states_BTD = self.model(input_ids=batch["corrupted_ids"], attention_mask=mask_BT).last_hidden_state
        logits_BT = self.head(states_BTD)
        rtd_loss = replaced_token_loss(logits_BT, replaced_BT, mask_BT)
        real_BT = mask_BT.bool()
        right_BT = (logits_BT > 0) == (replaced_BT > 0)
        return {
            "loss": self.weight * rtd_loss,
            "rtd_loss": rtd_loss.detach(),
            "rtd_accuracy": right_BT[real_BT].float().mean(),
            "replaced_share": replaced_BT[real_BT].float().mean(),
        }


class DebertaV3(Objective):
    """Replaced-token detection, or the masked-LM baseline of the same size."""

    Config = DebertaV3Config
    title = "DeBERTaV3: ELECTRA-style pre-training with gradient-disentangled embedding sharing"

    config: DebertaV3Config

    def __init__(self, config: DebertaV3Config, start: Start) -> None:
        super().__init__(config, start)
        self.tokenizer = start.tokenizer
        self.generator: Generator
        self.discriminator: Discriminator | None = None
        # Forked, so that building a model leaves the caller's random state alone; and every kind of
        # sharing draws the same weights for G and D from one seed, which pairs a claim's arms.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(start.seed)
            self._build(self._encoder())

    def _encoder(self) -> DebertaV2Model:
        """An encoder of D's size: the base, or a new one."""
        config, start = self.config, self.start
        if start.base is not None:
            return require_deberta(start.embedder().encoder, where=str(start.base))
        return DebertaV2Model(
            deberta_config(
                vocab_size=len(self.tokenizer),
                layers=config.layers,
                width=config.width,
                heads=config.heads,
                max_length=config.max_length,
                buckets=config.relative_buckets,
                dropout=config.dropout,
            )
        )

    def _build(self, encoder: DebertaV2Model) -> None:
        if self.config.objective == "mlm":
            self.generator = Generator(MaskedDeberta(encoder), temperature=None)
            return
        small = _generator_config(encoder.config, self.config.generator_layers)
        model = MaskedDeberta(DebertaV2Model(small))
        model.encoder.embeddings.load_state_dict(encoder.embeddings.state_dict())
        self.generator = Generator(model, self.config.temperature)
        self.discriminator = Discriminator(encoder, self.config.rtd_weight)
        if self.config.sharing == "es":
            encoder.set_input_embeddings(BorrowedEmbedding(model.table))
        elif self.config.sharing == "gdes":
            encoder.set_input_embeddings(DeltaEmbedding(model.table, self._gather))

    def _gather(self, parameters: Iterable[nn.Parameter]) -> AbstractContextManager[None]:
        # Looked up at every call: the engine replaces `gathered` after construction.
        return self.gathered(parameters)

    @classmethod
    def prepare(cls, config: DebertaV3Config, start: Start, rows: Rows, folder: Path) -> None:
        """Train a byte-level BPE tokenizer on the corpus's texts, unless a base brings its own.

        Raises:
            InputError: for a vocabulary that cannot hold every byte, or a corpus without text.
        """
        if start.base is None:
            write_bpe(rows, config.vocab_size, config.max_length, folder)

    @classmethod
    def transform(cls, config: DebertaV3Config, start: Start) -> Transform:
        """One text a row, cut to the model's longest input, every chosen token masked."""
        return MaskAllChosen(
            start.tokenizer,
            max_length=_max_length(config, start),
            rate=config.mask_rate,
            seed=start.seed,
        )

    def phases(self) -> Mapping[str, nn.Module]:
        """G then D, each with its optimizer; a single phase under ES and for the baseline."""
        decoupled = self.discriminator is not None and self.config.sharing != "es"
        return self._parts() if decoupled else {"main": self}

    def _parts(self) -> dict[str, nn.Module]:
        parts: dict[str, nn.Module] = {"generator": self.generator}
        return parts if self.discriminator is None else parts | {"discriminator": self.discriminator}

    def forward(self, batch: Batch) -> Losses:
        """L_MLM + lambda L_RTD in ``loss``, and each part's numbers as ``generator/...``.

        Args:
            batch: ``input_ids``, ``labels`` and ``attention_mask``, each ``(B, T)``.
        """
        numbers: Losses = {}
        for name, losses in run_modules(self._parts(), batch):
            numbers |= {f"{name}/{key}": value for key, value in losses.items()}
        total = torch.stack([numbers[f"{name}/loss"] for name in self._parts()]).sum()
        return {"loss": total, **numbers}

    @torch.no_grad()
    def diagnostics(self) -> Mapping[str, float]:
        """Mean pairwise cosine of 512 tokens in each table: tight for E_G, loose for NES's E_D."""
        return {f"{name}/token_cosine": self._token_cosine(name) for name in self._parts()}

    def _token_cosine(self, part: str) -> float:
        table = self._encoder_of(part).embeddings.word_embeddings
        parameters = table_parameters(table)
        with self.gathered(parameters):
            rows = parameters[0].shape[0]
            ids = torch.linspace(1, rows - 1, min(512, rows - 1), device=parameters[0].device).long()
            return mean_cosine(folded_table(table, ids))

    def _encoder_of(self, part: str) -> DebertaV2Model:
        if part == "generator" or self.discriminator is None:
            return self.generator.model.encoder
        return self.discriminator.model

    def embedder(self) -> Embedder:
        """D alone, with the token table E_G + E_delta stored as its own, mean-pooled.

        A copy in float32: training goes on undisturbed. Parameters must be whole when it is called.
        """
        source = self._encoder_of("discriminator")
        with torch.random.fork_rng(devices=[]):
            encoder = DebertaV2Model(copy.deepcopy(source.config))
        state = dict(source.state_dict())
        state["embeddings.word_embeddings.weight"] = folded_table(source.embeddings.word_embeddings)
        encoder.load_state_dict(state)
        settings = EmbedderSettings(max_length=_max_length(self.config, self.start))
        return Embedder(encoder.eval(), self.tokenizer, settings)


def _generator_config(config: DebertaV2Config, layers: int | None) -> DebertaV2Config:
    small: Any = copy.deepcopy(config)
    small.num_hidden_layers = layers or max(1, config.num_hidden_layers // 2)
    return small  # type: ignore[no-any-return]


def _max_length(config: DebertaV3Config, start: Start) -> int:
    return config.max_length if start.base is None else min(config.max_length, start.max_length)
