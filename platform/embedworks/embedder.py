"""Keystone 1: the embedder, which is what is saved, merged, evaluated, registered and served.

encoder + pooler (+ projection) with its tokenizer. An embedder may be read at a prefix of its layers
and of its dimensions (2D Matryoshka): pool ``h_n``, keep the first ``d`` coordinates, then normalise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from embedworks.errors import InputError
from embedworks.nn.attention import Attention, set_attention
from embedworks.nn.encoder import cut_layers, last_states, layer_states, num_layers
from embedworks.nn.instructions import Instructions, Marks, without_first
from embedworks.nn.pooling import LEARNED, Pooling, pool
from embedworks.nn.sparsity import Sparsity, sparsify

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from embedworks.nn.latent_pooling import LatentPooler

Pair = tuple[int, int]

# Shape legend: B texts, T tokens, D encoder width, d output dimensions.


class EmbedderSettings(BaseModel):
    """How an encoder's states become vectors. Stored in ``embedworks.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Pooling = "mean"
    normalize: bool = True
    similarity: Literal["cosine", "dot"] = "cosine"
    max_length: int = Field(default=512, ge=1, description="longest input in tokens")
    prompts: dict[str, str] = Field(default_factory=dict, description="name -> text put in front")
    instructions: Instructions | None = Field(
        default=None, description="how instructions are put in front of texts; null: as they are"
    )
    pairs: tuple[Pair, ...] = Field(
        default=(), description="(layers, dimensions) it was trained at; empty: full size only"
    )
    sparsity: Sparsity | None = Field(
        default=None, description="coordinates that stay; the others become 0. null: all stay"
    )
    dimension_names: tuple[str, ...] = Field(
        default=(), description="what each coordinate stands for; empty: nothing by itself"
    )
    calibration: tuple[float, float] | None = Field(
        default=None,
        description="(a, b): sigmoid(a * similarity + b) is the probability that two texts belong together",
    )


class Lineage(BaseModel):
    """Where an embedder comes from. Stored in ``embedworks.json`` and logged with every run."""

    model_config = ConfigDict(extra="forbid")

    code_version: str = ""
    job: dict[str, object] = Field(default_factory=dict, description="the job, as it was run")
    stage: str = ""
    run_id: str = Field(default="", description="MLflow run of the stage")
    parents: list[dict[str, str]] = Field(
        default_factory=list, description="{source, sha256 of the weights, run_id}, in merge order"
    )
    corpora: dict[str, str] = Field(default_factory=dict, description="name -> manifest digest")
    metrics: dict[str, float] = Field(default_factory=dict)


class Embedder(nn.Module):
    """A text embedder.

    Args:
        encoder: A Hugging Face encoder or decoder that returns hidden states.
        tokenizer: Its tokenizer.
        settings: Pooling, normalisation, prompts, trained pairs.
        projection: An optional layer on the pooled vector; applied at full depth and to prefixes alike.
        lineage: Where it comes from, if it was made by this platform.
        pooler: What pools, where the settings say ``latent``.

    Raises:
        ValueError: for a pooler that the settings do not name, or none where they do.

    Example:
        >>> embedder = Embedder.load("runs/quickstart/docs/embedder")       # doctest: +SKIP
        >>> vectors = embedder.encode(["What does yield do?"])              # doctest: +SKIP
        >>> small = embedder.encode(["What does yield do?"], layers=2, dimensions=96)  # doctest: +SKIP
    """

    def __init__(
        self,
        encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        settings: EmbedderSettings | None = None,
        projection: nn.Module | None = None,
        lineage: Lineage | None = None,
        pooler: LatentPooler | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.settings = settings or EmbedderSettings()
        self.projection = projection
        self.lineage = lineage or Lineage()
        self.pooler = pooler
        if (self.settings.pooling in LEARNED) != (pooler is not None):
            raise ValueError(f"pooling {self.settings.pooling!r} with pooler {type(pooler).__name__}")
        self._marks: tuple[Instructions, Marks] | None = None

    @property
    def num_layers(self) -> int:
        """Depth L of the encoder."""
        return num_layers(self.encoder)

    @property
    def dimensions(self) -> int:
        """Length of a full vector."""
        if isinstance(self.projection, nn.Linear):
            return int(self.projection.out_features)
        return int(self.encoder.config.hidden_size)

    @property
    def full_pair(self) -> Pair:
        """(L, D): the pair that reads the whole model."""
        return (self.num_layers, self.dimensions)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        layers: int | None = None,
        dimensions: int | None = None,
    ) -> Tensor:
        """Embed tokens.

        Args:
            input_ids: ``(B, T)`` token ids.
            attention_mask: ``(B, T)``, 1 for real tokens.
            layers: Read after this many layers; later layers are not run.
            dimensions: Keep the first this many coordinates, before normalising.

        Returns:
            ``(B, d)`` vectors, of unit length if the settings say ``normalize``.
        """
        encoder = self.encoder if layers is None else cut_layers(self.encoder, layers)
        states_BTD = last_states(encoder, input_ids, attention_mask)
        mask_BT = self.pool_mask(input_ids, attention_mask)
        return self.finish(self.pool(states_BTD, mask_BT), dimensions)

    @property
    def marks(self) -> Marks | None:
        """By which tokens an instruction is known that is left out of the pooled vector; None for none.

        Raises:
            InputError: for a tokenizer that does not keep them apart from what is around them.
        """
        template = self.settings.instructions
        if template is None or template.pooled:
            return None
        if self._marks is None or self._marks[0] != template:
            self._marks = (template, Marks.of(self.tokenizer, template))
        return self._marks[1]

    def pool_mask(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """``(B, T)``, 1 for the tokens that are pooled: real ones, without those of an instruction."""
        marks = self.marks
        if marks is None:
            return attention_mask
        return without_first(attention_mask, marks.lengths(input_ids, attention_mask))

    def attend(self, kind: Attention) -> None:
        """Switch what a decoder's tokens see of each other; see :mod:`embedworks.nn.attention`.

        Raises:
            InputError: for an encoder, or for ``prefix`` where the settings have no instructions.
        """
        template = self.settings.instructions
        if kind == "prefix" and template is None:
            raise InputError("attention prefix needs the settings' instructions, which are the prefix")
        prefix = Marks.of(self.tokenizer, template) if kind == "prefix" and template else None
        set_attention(self.encoder, kind, prefix)

    def layer_states(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """``h_1 .. h_L`` of one forward pass, each ``(B, T, D)``."""
        return layer_states(self.encoder, input_ids, attention_mask)

    def pool(self, states_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """States of one layer to ``(B, D)`` vectors, projected but neither cut nor normalised.

        Args:
            states_BTD: Hidden states.
            mask_BT: What :meth:`pool_mask` gives; the attention mask, where texts have no instructions.
        """
        if self.pooler is not None:
            vectors: Tensor = self.pooler(states_BTD, mask_BT)
        else:
            vectors = pool(states_BTD, mask_BT, self.settings.pooling)
        return vectors if self.projection is None else self.projection(vectors)

    def finish(self, vectors_BD: Tensor, dimensions: int | None = None) -> Tensor:
        """Truncate, thin out, then normalise: slicing a unit vector would leave it shorter than one."""
        vectors = vectors_BD[:, :dimensions]
        if self.settings.sparsity is not None:
            vectors = sparsify(vectors, self.settings.sparsity)
        return nn.functional.normalize(vectors, dim=-1) if self.settings.normalize else vectors

    def check_pair(self, layers: int | None, dimensions: int | None) -> None:
        """Refuse layers or dimensions that the embedder does not have.

        Raises:
            InputError: naming the limit.
        """
        for word, value, limit in (
            ("layers", layers, self.num_layers),
            ("dimensions", dimensions, self.dimensions),
        ):
            if value is not None and not 1 <= value <= limit:
                raise InputError(f"{word}={value} is not possible", expected=f"1 to {limit}")

    def tokenize(self, texts: Sequence[str], prompt: str = "") -> dict[str, Tensor]:
        """Texts to padded ``input_ids`` and ``attention_mask``, cut to ``max_length`` tokens."""
        tokens = self.tokenizer(
            [prompt + text for text in texts],
            padding=True,
            truncation=True,
            max_length=self.settings.max_length,
            return_tensors="pt",
        )
        return {key: tokens[key] for key in ("input_ids", "attention_mask")}

    @torch.no_grad()
    def encode(
        self,
        texts: Sequence[str],
        *,
        prompt: str = "",
        layers: int | None = None,
        dimensions: int | None = None,
        batch_size: int = 32,
    ) -> Tensor:
        """Embed texts on the model's own device; ``(len(texts), d)`` float32 on the CPU.

        The plain way, for tests and small jobs; :mod:`embedworks.inference` is the fast one.
        """
        self.check_pair(layers, dimensions)
        was_training = self.training
        self.eval()
        device = next(self.parameters()).device
        parts = []
        for chunk in _chunks(texts, batch_size):
            tokens = {key: value.to(device) for key, value in self.tokenize(chunk, prompt).items()}
            parts.append(self(**tokens, layers=layers, dimensions=dimensions).float().cpu())
        self.train(was_training)
        return torch.cat(parts) if parts else torch.zeros(0, dimensions or self.dimensions)

    def cut(self, layers: int, dimensions: int | None = None) -> Embedder:
        """A smaller embedder with the first ``layers`` layers; kept weights are shared.

        ``dimensions`` is recorded as its only trained pair, the width a reader should ask for.
        """
        self.check_pair(layers, dimensions)
        pairs = ((layers, dimensions or self.dimensions),)
        settings = self.settings.model_copy(update={"pairs": pairs})
        encoder = cut_layers(self.encoder, layers)
        return Embedder(encoder, self.tokenizer, settings, self.projection, self.lineage, self.pooler)

    def save(self, folder: str | Path) -> Path:
        """Write an embedder folder, which sentence-transformers opens as well; see :mod:`.folder`."""
        from embedworks.folder import save_embedder

        return save_embedder(self, Path(folder))

    @classmethod
    def load(cls, source: str | Path) -> Embedder:
        """Open a folder, a hub id or an installed model; see :mod:`.folder`.

        Raises:
            InputError: for a missing, unreadable or pickled model.
        """
        from embedworks.folder import load_embedder, resolve_model

        return load_embedder(resolve_model(source))


def _chunks(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]
