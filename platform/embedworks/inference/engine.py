"""An embedder run fast: sorted by length, batched by tokens, by a backend that suits the hardware."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.backends.opening import (
    check_backend,
    choose_precision,
    default_backend,
    open_backend,
)
from embedworks.inference.backends.protocol import (
    BackendName,
    EveryLayer,
    Nested,
    ServingPrecision,
    Setting,
    States,
)
from embedworks.inference.batches import plan_batches, plan_packed
from embedworks.inference.pooled import padded_texts, pool_states
from embedworks.inference.tokens import TokenIds, TokenReader
from embedworks.transforms.templates import average, templates_of

Vectors = NDArray[np.float32]

MAX_TOKENS = 4096

# Shape legend: N texts, B texts of a batch, T tokens, D encoder or projection width, d output dimensions.


class Engine:
    """Runs one embedder. Equal to :meth:`Embedder.encode` up to the precision of the encoder.

    The backend computes hidden states in ``precision``; pooling, projection and normalisation are always
    float32. The engine takes the embedder over: it is put in eval mode, and its weights may be shared. One
    thread at a time may call it.

    Args:
        embedder: What to run.
        precision: ``fp32``, ``bf16``, ``fp16``, ``int8``, or ``auto``: bf16 where the hardware multiplies
            it, else fp32.
        device: Where to run; None leaves the embedder where it is.
        backend: One of :data:`embedworks.inference.backends.protocol.BACKENDS`; None is ``packed`` for
            BERT-like encoders on a CPU, else ``torch``.

    Raises:
        InputError: for a backend or precision that is unknown, not installed or not possible.

    Example:
        >>> engine = Engine(Embedder.load("runs/quickstart/docs/embedder"))       # doctest: +SKIP
        >>> engine.encode(["What does yield do?"], dimensions=96).shape           # doctest: +SKIP
        (1, 96)
    """

    def __init__(
        self,
        embedder: Embedder,
        precision: ServingPrecision = "auto",
        device: str | torch.device | None = None,
        backend: BackendName | None = None,
    ) -> None:
        parameter = next(embedder.parameters())
        self.device = torch.device(device) if device is not None else parameter.device
        name = backend or default_backend(embedder.encoder, self.device)
        check_backend(name, precision)
        self.embedder = embedder.eval()
        settings = embedder.settings
        self.tokens = TokenReader(embedder.tokenizer, settings.max_length, settings.prompts.values())
        chosen = choose_precision(name, precision, self.device)
        self.backend = open_backend(name, Setting.of(embedder, self.tokens.pad_id, chosen, self.device))
        if embedder.pools_every_layer and not isinstance(self.backend, EveryLayer):
            raise InputError(
                f"backend {name} gives the states of one layer, and this model pools those of all",
                expected="backend: torch, which runs every model",
            )
        self.real_tokens = self.computed_tokens = 0  # so far; the second with padding
        self._projection, self._pooler = (
            None if part is None else copy.deepcopy(part).to(self.device, torch.float32)
            for part in (embedder.projection, embedder.pooler)
        )

    @property
    def precision(self) -> str:
        """What the backend computes in."""
        return self.backend.precision

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
            prompt: Put in front of every text, or a template; see :mod:`embedworks.transforms.templates`.
            layers: Read after this many layers; later ones are not run.
            dimensions: Keep the first this many coordinates, then normalise.
            max_tokens: Budget of one batch, with its padding where the backend pads.

        Returns:
            ``(len(texts), d)`` float32, in the order of ``texts``.

        Raises:
            InputError: for layers or dimensions that the embedder does not have.
        """
        self.embedder.check_pair(layers, dimensions)
        ids = self.tokens.cut(texts, prompt)
        pooled_MD = self.pooled(ids, layers=layers, max_tokens=max_tokens)
        return self.finish(average(pooled_MD, len(templates_of(prompt))), dimensions)

    def encode_at(
        self, texts: Sequence[str], depths: Collection[int], *, prompt: str = ""
    ) -> dict[int, Vectors]:
        """Depth -> ``(len(texts), D)`` vectors after so many layers: as :meth:`encode`, in one pass where
        the backend can.

        Raises:
            InputError: for layers that the embedder does not have.
        """
        for depth in depths:
            self.embedder.check_pair(depth, None)
        found, templates = self.pooled_at(self.tokens.cut(texts, prompt), depths), len(templates_of(prompt))
        return {depth: self.finish(average(pooled_MD, templates)) for depth, pooled_MD in found.items()}

    def token_counts(self, texts: Sequence[str], prompt: str = "") -> list[int]:
        """Tokens of every text as :meth:`encode` reads them: with specials, after cutting."""
        rows, templates = self.tokens.cut(texts, prompt), len(templates_of(prompt))
        return [sum(map(len, rows[i : i + templates])) for i in range(0, len(rows), templates)]

    def pooled(self, ids: TokenIds, *, layers: int | None = None, max_tokens: int = MAX_TOKENS) -> Vectors:
        """``(N, D)`` pooled and projected vectors of token ids, neither truncated nor normalised."""
        depth = layers or self.embedder.num_layers
        return self.pooled_at(ids, (depth,), max_tokens=max_tokens)[depth]

    def pooled_at(
        self, ids: TokenIds, depths: Collection[int], *, max_tokens: int = MAX_TOKENS
    ) -> dict[int, Vectors]:
        """Depth -> ``(N, D)`` vectors as :meth:`pooled` gives them after so many layers."""
        shape = (len(ids), self.embedder.dimensions)
        vectors = {depth: np.empty(shape, dtype=np.float32) for depth in depths}
        plan = plan_packed if self.backend.packs else plan_batches
        for batch in plan([len(row) for row in ids], max_tokens) if len(ids) > 1 else [[0]] * len(ids):
            for depth, found_BD in self._run([ids[i] for i in batch], depths):
                vectors[depth][batch] = found_BD
        return vectors

    def finish(self, vectors_ND: Vectors, dimensions: int | None = None) -> Vectors:
        """Truncate, then normalise in float32 where the settings say so: ``(N, d)``."""
        return self.embedder.finish(torch.from_numpy(vectors_ND), dimensions).contiguous().numpy()

    @torch.inference_mode()
    def _run(self, ids: TokenIds, depths: Collection[int]) -> list[tuple[int, Vectors]]:
        marks, spans = self.embedder.marks, self.tokens.spans(ids)
        skip_B = None if marks is None else np.fromiter(map(marks.length, ids), np.int64, len(ids))
        end_B = None
        if spans is not None:
            begin_B, end_B = np.array(spans, np.int64).T
            skip_B = begin_B if skip_B is None else np.maximum(skip_B, begin_B)
        found = []
        for states in self._passes(ids, depths):
            self._count(next(iter(states.values()))[-1])
            for depth, layers in states.items():
                read = layers if end_B is None else tuple(_until(end_B, one) for one in layers)
                found.append((depth, self._pool(read, skip_B)))
        return found

    def _passes(self, ids: TokenIds, depths: Collection[int]) -> Iterator[Mapping[int, tuple[States, ...]]]:
        """Depth -> what is pooled: the states of this layer, or of all up to it; one a pass."""
        backend = self.backend
        if self.embedder.pools_every_layer:
            assert isinstance(backend, EveryLayer)
            yield from ({depth: backend.layer_states(ids, depth)} for depth in depths)
        elif len(depths) > 1 and isinstance(backend, Nested):
            yield {depth: (one,) for depth, one in backend.nested_states(ids, depths).items()}
        else:
            yield from ({depth: (backend.states(ids, depth),)} for depth in depths)

    def _count(self, found: States) -> None:
        self.computed_tokens += len(found.states_MD)
        self.real_tokens += int(found.length_B.sum())

    def _pool(self, found: tuple[States, ...], skip_B: NDArray[np.int64] | None) -> Vectors:
        if self._pooler is None:
            vectors_BD = pool_states(found[-1], self.embedder.settings.pooling, skip_B)
        else:
            texts = [padded_texts(one, skip_B) for one in found]
            states = tuple(states_BTD for states_BTD, _ in texts)
            whole = states if self.embedder.pools_every_layer else states[-1]
            vectors_BD = self._pooler(whole, texts[-1][1])
        if self._projection is not None:
            vectors_BD = self._projection(vectors_BD)
        return vectors_BD.cpu().numpy()


def _until(end_B: NDArray[np.int64], found: States) -> States:
    """The states without what is behind the tokens that are pooled."""
    if (end_B == found.length_B).all():
        return found
    return States(found.states_MD, found.start_B, end_B, False)
