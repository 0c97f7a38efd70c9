"""An embedder as mteb sees a model, read at one (layers, dimensions) pair."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embedworks.embedder import EmbedderSettings, Pair
from embedworks.errors import InputError

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.models import ModelMeta
    from mteb.types import PromptType

Vectors = NDArray[np.float32]
SHARED = 20_000  # texts a depth that tasks may share: 30 MB at 384 dimensions

# Shape legend: N texts, D full dimensions, d kept dimensions.


class TextEncoder(Protocol):
    """What is needed of :class:`embedworks.inference.engine.Engine`."""

    def encode(
        self,
        texts: Sequence[str],
        *,
        prompt: str = "",
        layers: int | None = None,
        dimensions: int | None = None,
    ) -> Vectors:
        """``(N, d)`` vectors of the texts."""
        ...


@runtime_checkable
class DeepEncoder(Protocol):
    """One that reads several depths in one pass, as :class:`embedworks.inference.engine.Engine` does."""

    def encode_at(
        self, texts: Sequence[str], depths: Collection[int], *, prompt: str = ""
    ) -> dict[int, Vectors]:
        """Depth -> ``(N, D)`` vectors of the texts."""
        ...


class LayerVectors:
    """Full-width vectors at one depth, each text encoded once.

    A narrower vector is a slice of the full one, made unit length again: normalising forgets scale, so
    this equals slicing before normalising. A whole column of the grid costs one encoding pass.

    Args:
        engine: The fast encoder.
        layers: Depth to read at; 0 for the last layer of what does not tell how many it has.
        limit: Texts to remember; later ones are encoded anew each time, so that a hub task of millions
            of documents does not fill the memory.
    """

    def __init__(self, engine: TextEncoder, layers: int, limit: int = 200_000) -> None:
        self.engine = engine
        self.layers = layers
        self.limit = limit
        self.beside: tuple[LayerVectors, ...] = ()  # other depths that the same texts will be asked for
        self._known: dict[tuple[str, str], Vectors] = {}

    def __call__(self, texts: Sequence[str], prompt: str = "") -> Vectors:
        """``(N, D)`` vectors of the texts."""
        missing = [text for text in dict.fromkeys(texts) if (prompt, text) not in self._known]
        fresh: dict[str, Vectors] = {}
        if missing:
            fresh = dict(zip(missing, self._encode(missing, prompt), strict=True))
        self._remember(prompt, fresh)
        rows = [fresh[text] if text in fresh else self._known[prompt, text] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, 0), np.float32)

    def _encode(self, texts: list[str], prompt: str) -> Vectors:
        """Vectors at this depth; those beside it that have room are told theirs."""
        others = [each for each in self.beside if len(each._known) + len(texts) <= each.limit]
        if not others or not isinstance(self.engine, DeepEncoder):
            vectors_ND = self.engine.encode(texts, prompt=prompt, layers=self.layers or None)
            return np.asarray(vectors_ND, dtype=np.float32)
        found = self.engine.encode_at(
            texts, [self.layers, *(each.layers for each in others)], prompt=prompt
        )
        for each in others:
            each._remember(prompt, dict(zip(texts, found[each.layers], strict=True)))
        return found[self.layers]

    def _remember(self, prompt: str, fresh: Mapping[str, Vectors]) -> None:
        room = max(0, self.limit - len(self._known))
        self._known.update({(prompt, text): vector for text, vector in islice(fresh.items(), room)})

    def forget_many(self, most: int) -> None:
        """Forget all texts if there are more than ``most``."""
        if len(self._known) > most:
            self._known.clear()


class MtebEncoder:
    """Satisfies mteb's ``EncoderProtocol``.

    Args:
        subject: What is evaluated.
        pair: (layers, dimensions) to read it at.
        vectors: Full-width vectors at that depth, if other encoders are to share them.
    """

    def __init__(self, subject: Subject, pair: Pair, vectors: LayerVectors | None = None) -> None:
        self.settings = subject.settings
        self.pair = pair
        self.vectors = vectors or LayerVectors(subject.engine, pair[0])
        self.mteb_model_meta = subject.meta(pair)

    def encode(
        self,
        inputs: Iterable[dict[str, Any]],
        *,
        task_metadata: TaskMetadata,
        prompt_type: PromptType | None = None,
        **_options: Any,
    ) -> Vectors:
        """Embed mteb's batches; ``(N, d)``."""
        texts = [text for batch in inputs for text in batch["text"]]
        full_ND = self.vectors(texts, self.prompt(task_metadata, prompt_type))
        return shorten(full_ND, self.pair[1], self.settings.normalize)

    def prompt(self, task: TaskMetadata, kind: PromptType | None) -> str:
        """The prompt by mteb's priorities; where there is none for documents, the one for passages."""
        from mteb.models.abs_encoder import get_prompt_name

        prompts = dict(self.settings.prompts)
        if "passage" in prompts:
            prompts.setdefault("document", prompts["passage"])
        name = get_prompt_name(prompts, task, kind)
        return prompts[name] if name else ""

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """``(N1, N2)`` similarities of all with all, by the embedder's own measure."""
        from mteb.similarity_functions import cos_sim, dot_score

        return (cos_sim if self.settings.similarity == "cosine" else dot_score)(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """``(N,)`` similarities of the i-th with the i-th."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        cosine = self.settings.similarity == "cosine"
        return (pairwise_cos_sim if cosine else pairwise_dot_score)(embeddings1, embeddings2)


def shorten(vectors_ND: Vectors, dimensions: int, normalize: bool) -> Vectors:
    """Keep the first ``dimensions`` coordinates and, for a normalising embedder, restore unit length."""
    vectors_Nd = vectors_ND[:, :dimensions]
    if not normalize:
        return vectors_Nd
    norms_N1 = np.linalg.norm(vectors_Nd, axis=1, keepdims=True)
    unit_Nd: Vectors = vectors_Nd / np.maximum(norms_N1, np.float32(1e-12))
    return unit_Nd


@dataclass(frozen=True)
class Reader:
    """A subject at one depth and width, as tasks of texts read it.

    Attributes:
        vectors: Full-width vectors at the depth.
        dimensions: Coordinates that are kept.
        settings: Of the subject.
    """

    vectors: LayerVectors
    dimensions: int
    settings: EmbedderSettings

    def __call__(self, texts: Sequence[str], kind: str = "") -> Vectors:
        """``(N, d)`` vectors of texts, with the prompt that the subject has for their kind."""
        full_ND = self.vectors(texts, self.settings.prompts.get(kind, ""))
        return shorten(full_ND, self.dimensions, self.settings.normalize)


@dataclass(frozen=True)
class Subject:
    """What is evaluated.

    Attributes:
        engine: Makes the vectors.
        settings: The embedder's settings.
        name: Name of its folder.
        revision: Start of its weights' digest, or of whatever else tells it from an earlier version.
        precision: Of the engine.
        full_pair: All its layers and dimensions; 0 layers for what is read at its last layer alone.
        folder: Where it is, if it is an embedder folder.
        maker: What made the vectors, as a part of the name in mteb's results.
    """

    engine: TextEncoder
    settings: EmbedderSettings
    name: str
    revision: str
    precision: str = "auto"
    full_pair: Pair = (0, 0)
    folder: Path | None = None
    maker: str = "embedworks"
    _depths: dict[int, LayerVectors] = field(default_factory=dict, init=False, repr=False, compare=False)

    def at(self, layers: int) -> LayerVectors:
        """Its vectors at a depth, which tasks share: those of one corpus have many texts in common."""
        return self._depths.setdefault(layers, LayerVectors(self.engine, layers))

    def together(self, depths: Collection[int]) -> None:
        """Let a text that is encoded at one of these depths be encoded at all of them, in one pass."""
        found = [self.at(layers) for layers in depths]
        for each in found:
            each.beside = tuple(other for other in found if other is not each and each.layers)

    def end_task(self) -> None:
        """Keep what a small task encoded for the next one, and make room after a large one."""
        for vectors in self._depths.values():
            vectors.beside = ()
            vectors.forget_many(SHARED)

    def check_pair(self, pair: Pair) -> None:
        """Refuse a pair that the subject cannot be read at.

        Raises:
            InputError: naming the limit.
        """
        layers, dimensions = self.full_pair
        if not layers and pair[0]:
            what = f"{self.name} shows its last layer alone, so it cannot be read at {pair[0]} layers"
            raise InputError(what, expected=f"0x{dimensions}, or fewer dimensions")
        limits = [("dimensions", pair[1], dimensions)]
        for word, value, limit in [("layers", pair[0], layers), *limits] if layers else limits:
            if not 1 <= value <= limit:
                raise InputError(f"{word}={value} is not possible", expected=f"1 to {limit}")

    def meta(self, pair: Pair) -> ModelMeta:
        """mteb's description of the subject at one pair.

        The experiment holds all that changes a vector beside the weights, so a result cache never
        answers for other settings, pairs or precisions.
        """
        from mteb.models import ModelMeta

        fields = self.settings.model_dump_json(exclude={"pairs"})
        experiment = {
            "layers": pair[0],
            "dimensions": pair[1],
            "precision": self.precision,
            "settings": hashlib.sha256(fields.encode()).hexdigest()[:8],
        }
        known: dict[str, Any] = {
            "name": f"{self.maker}/{self.name}",
            "revision": self.revision,
            "embed_dim": pair[1],
            "max_tokens": self.settings.max_length,
            "similarity_fn_name": self.settings.similarity,
            "framework": ["PyTorch"],
            "use_instructions": bool(self.settings.prompts),
            "experiment_kwargs": experiment,
        }
        return ModelMeta(**{**dict.fromkeys(_UNSTATED), **known})


# Fields that mteb demands and that a folder does not state.
_UNSTATED = (
    "loader",
    "release_date",
    "languages",
    "n_parameters",
    "memory_usage_mb",
    "license",
    "open_weights",
    "public_training_code",
    "public_training_data",
    "training_datasets",
)
