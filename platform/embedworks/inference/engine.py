"""An embedder run fast: sorted by length, batched by tokens, in bfloat16 where the hardware has it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from embedworks.embedder import Embedder
from embedworks.inference.batches import pad, plan_batches
from embedworks.inference.tokens import TokenIds, TokenReader
from embedworks.nn.encoder import cut_layers
from embedworks.nn.pooling import pool
from embedworks.nn.precision import Precision, choose_dtype

Vectors = NDArray[np.float32]

MAX_TOKENS = 4096

# Shape legend: N texts, B texts of a batch, T tokens, D encoder or projection width, d output dimensions.


class Engine:
    """Runs one embedder. Equal to :meth:`Embedder.encode` up to the precision of the encoder.

    The encoder computes in ``precision``; pooling, projection and normalisation are always float32.
    The engine takes the embedder over: it is put in eval mode, and in float32 its weights are shared.
    One thread at a time may call it.

    Args:
        embedder: What to run.
        precision: ``bf16``, ``fp32``, or ``auto``: bf16 where the hardware multiplies it.
        device: Where to run; None leaves the embedder where it is.

    Raises:
        InputError: for an unknown precision.

    Example:
        >>> engine = Engine(Embedder.load("runs/quickstart/docs/embedder"))       # doctest: +SKIP
        >>> engine.encode(["What does yield do?"], dimensions=96).shape           # doctest: +SKIP
        (1, 96)
    """

    def __init__(
        self,
        embedder: Embedder,
        precision: Precision = "auto",
        device: str | torch.device | None = None,
    ) -> None:
        parameter = next(embedder.parameters())
        self.device = torch.device(device) if device is not None else parameter.device
        self.dtype = choose_dtype(precision, self.device)
        self.embedder = embedder.eval()
        self.tokens = TokenReader(embedder.tokenizer, embedder.settings.max_length)
        self._encoder = _convert(embedder.encoder, self.dtype, self.device)
        self._cut: dict[int, PreTrainedModel] = {}
        self._projection = embedder.projection
        if self._projection is not None:
            self._projection = copy.deepcopy(self._projection).to(self.device, torch.float32)

    def encode(
        self,
        texts: Sequence[str],
        *,
        prompt: str = "",
        layers: int | None = None,
        dimensions: int | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> Vectors:
        """Embed texts; longer ones are cut to the embedder's ``max_length``.

        Args:
            texts: What to embed.
            prompt: Put in front of every text.
            layers: Read after this many layers; later ones are not run.
            dimensions: Keep the first this many coordinates, then normalise.
            max_tokens: Budget of one padded batch.

        Returns:
            ``(len(texts), d)`` float32, in the order of ``texts``.

        Raises:
            InputError: for layers or dimensions that the embedder does not have.
        """
        self.embedder.check_pair(layers, dimensions)
        ids = self.tokens.cut(texts, prompt)
        return self.finish(self.pooled(ids, layers=layers, max_tokens=max_tokens), dimensions)

    def token_counts(self, texts: Sequence[str], prompt: str = "") -> list[int]:
        """Tokens of every text as :meth:`encode` reads them: with specials, after cutting."""
        return [len(ids) for ids in self.tokens.cut(texts, prompt)]

    def pooled(self, ids: TokenIds, *, layers: int | None = None, max_tokens: int = MAX_TOKENS) -> Vectors:
        """``(N, D)`` pooled and projected vectors of token ids, neither truncated nor normalised."""
        vectors_ND = np.empty((len(ids), self.embedder.dimensions), dtype=np.float32)
        for batch in plan_batches([len(row) for row in ids], max_tokens):
            vectors_ND[batch] = self._run([ids[i] for i in batch], layers)
        return vectors_ND

    def finish(self, vectors_ND: Vectors, dimensions: int | None = None) -> Vectors:
        """Truncate, then normalise in float32 where the settings say so: ``(N, d)``."""
        return self.embedder.finish(torch.from_numpy(vectors_ND), dimensions).contiguous().numpy()

    @torch.inference_mode()
    def _run(self, ids: TokenIds, layers: int | None) -> Vectors:
        input_ids_BT, mask_BT = (tensor.to(self.device) for tensor in pad(ids, self.tokens.pad_id))
        states_BTD = self._at(layers)(input_ids=input_ids_BT, attention_mask=mask_BT).last_hidden_state
        return self._pool(states_BTD.float(), mask_BT).cpu().numpy()

    def _pool(self, states_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        vectors_BD = pool(states_BTD, mask_BT, self.embedder.settings.pooling)
        return vectors_BD if self._projection is None else self._projection(vectors_BD)

    def _at(self, layers: int | None) -> PreTrainedModel:
        if layers is None or layers == self.embedder.num_layers:
            return self._encoder
        if layers not in self._cut:
            self._cut[layers] = cut_layers(self._encoder, layers)
        return self._cut[layers]


def _convert(encoder: PreTrainedModel, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    parameter = next(encoder.parameters())
    if (parameter.dtype, parameter.device) == (dtype, device):
        return encoder
    # `.to` would convert the caller's own weights in place.
    twin: PreTrainedModel = copy.deepcopy(encoder).to(device=device, dtype=dtype)  # type: ignore[call-arg]
    return twin
