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
from embedworks.nn.multi_layer_pooling import MultiLayerPooler
from embedworks.nn.pooling import LEARNED, Pooling, pool, within_spans
from embedworks.nn.sparsity import Sparsity, sparsify
from embedworks.transforms.templates import PromptReader, is_template, templates_of
from embedworks.transforms.tokenizer import PortableTokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from embedworks.nn.latent_pooling import LatentPooler

    Pooler = LatentPooler | MultiLayerPooler

Pair = tuple[int, int]
States = Tensor | tuple[Tensor, ...]

# Shape legend: B texts, T tokens, D encoder width, d output dimensions.


class EmbedderSettings(BaseModel):
    """How an encoder's states become vectors. Stored in ``embedworks.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Pooling = "mean"
    normalize: bool = True
    similarity: Literal["cosine", "dot"] = "cosine"
    max_length: int = Field(default=512, ge=1, description="longest input in tokens")
    prompts: dict[str, str] = Field(
        default_factory=dict,
        description="name -> text put in front, or a template with {text} or {sentence} in it",
    )
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
        pooler: What pools, where the settings say ``latent`` or ``multi-layer``.

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
        pooler: Pooler | None = None,
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
        self._reader: tuple[dict[str, str], PromptReader] | None = None

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
        tokens = {"input_ids": input_ids, "attention_mask": attention_mask}
        return self._read(tokens, 1, layers, dimensions)

    def _read(
        self, tokens: dict[str, Tensor], templates: int, layers: int | None, dimensions: int | None
    ) -> Tensor:
        ids_BT, mask_BT = tokens["input_ids"], tokens["attention_mask"]
        states = self.states(ids_BT, mask_BT, layers)
        pooled_BD = self.pool(states, self.pool_mask(ids_BT, mask_BT))
        if templates > 1:
            pooled_BD = pooled_BD.unflatten(0, (-1, templates)).mean(1)
        return self.finish(pooled_BD, dimensions)

    @property
    def pools_every_layer(self) -> bool:
        """Whether the pooler reads the states of all layers, and not those of the last alone."""
        return isinstance(self.pooler, MultiLayerPooler)

    def states(self, input_ids: Tensor, attention_mask: Tensor, layers: int | None = None) -> States:
        """What :meth:`pool` reads: ``(B, T, D)`` states of the last layer, or of each where it reads all.

        Args:
            input_ids: ``(B, T)`` token ids.
            attention_mask: ``(B, T)``, 1 for real tokens.
            layers: Cut the encoder to so many.
        """
        encoder = self.encoder if layers is None else cut_layers(self.encoder, layers)
        read = layer_states if self.pools_every_layer else last_states
        return read(encoder, input_ids, attention_mask)

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

    @property
    def reader(self) -> PromptReader:
        """The tokenizer with the settings' prompts: token ids, and which of them a template pools."""
        prompts = self.settings.prompts
        if self._reader is None or self._reader[0] != prompts:
            self._reader = (prompts, PromptReader(PortableTokenizer(self.tokenizer), prompts.values()))
        return self._reader[1]

    def pool_mask(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """``(B, T)``, 1 for the tokens that are pooled: real ones, without those of an instruction.

        Of a template's rows only the tokens that it is read at; see
        :mod:`embedworks.transforms.templates`.
        """
        marks, mask_BT = self.marks, attention_mask
        if marks is not None:
            mask_BT = without_first(mask_BT, marks.lengths(input_ids, attention_mask))
        if self._reader is None and not any(map(is_template, self.settings.prompts.values())):
            return mask_BT
        lengths = attention_mask.sum(1).tolist()
        rows = [row[:length] for row, length in zip(input_ids.tolist(), lengths, strict=True)]
        spans = self.reader.spans(rows)
        return mask_BT if spans is None else within_spans(mask_BT, torch.tensor(spans))

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

    def pool(self, states: States, mask_BT: Tensor) -> Tensor:
        """States to ``(B, D)`` vectors, projected but neither cut nor normalised.

        Args:
            states: Hidden states of one layer; of each, where :attr:`pools_every_layer`.
            mask_BT: What :meth:`pool_mask` gives; the attention mask, where texts have no instructions.

        Raises:
            InputError: for those of one layer, where all are pooled.
        """
        if self.pools_every_layer and isinstance(states, Tensor):
            what = "this model pools the states of all its layers, and here it is read at one"
            raise InputError(what, expected="a model that pools one layer")
        if self.pooler is not None:
            vectors: Tensor = self.pooler(states, mask_BT)
        else:
            assert isinstance(states, Tensor), "a pooling without parameters reads one layer"
            vectors = pool(states, mask_BT, self.settings.pooling)
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
        """Texts to padded ``input_ids`` and ``attention_mask``, cut to ``max_length`` tokens.

        A prompt of several templates gives as many rows a text, one behind the other.
        """
        if is_template(prompt):
            rows = self.reader.lists(texts, self.settings.max_length, prompt)
            return padded(rows, self.reader.pad_id)
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
            parts.append(self._read(tokens, len(templates_of(prompt)), layers, dimensions).float().cpu())
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


def padded(rows: Sequence[Sequence[int]], pad_id: int) -> dict[str, Tensor]:
    """Token ids to ``input_ids`` and ``attention_mask``, ``(B, T)`` each, padded on the right."""
    width = max(map(len, rows), default=0)
    ids = [[*row, *[pad_id] * (width - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
