"""How a model reads a corpus: all that a row's vectors depend on beside the row itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedworks.embedder import Embedder, Pair
from embedworks.errors import InputError
from embedworks.folder import (
    SETTINGS_FILE,
    TOKENIZER_FILES,
    has_image_tower,
    outline_embedder,
    read_settings,
    weights_digest,
)
from embedworks.indexing.sizes import FULL, choose_pairs
from embedworks.inference.backends.protocol import BackendName, ServingPrecision
from embedworks.vectors.records import Similarity

# What decides about vectors beside the weights; only those that a folder has.
DESCRIBING = (
    "config.json",
    "modules.json",
    f"image/{SETTINGS_FILE}",
    "image/config.json",
    *TOKENIZER_FILES,
)
OF_DOCUMENTS = ("document", "passage", "corpus")  # where sentence-transformers' encode_document looks


@dataclass(frozen=True)
class Reading:
    """A model and how it is run.

    Attributes:
        source: What the model is found by, on any node.
        folder: Of the model, where it was found here.
        weights: Digest of its weights.
        column: The column that is embedded.
        images: Whether that holds the bytes of pictures.
        sizes: (layers, dimensions) that are embedded, full size first.
        full: (L, D) of the model.
        prompt: Text in front of every row.
        precision: As the engine takes it.
        backend: As the engine takes it.
        similarity: How the model's vectors are compared.
        normalized: Whether they have length one.
    """

    source: str
    folder: Path
    weights: str
    column: str
    images: bool
    sizes: tuple[Pair, ...]
    full: Pair
    prompt: str = ""
    precision: ServingPrecision = "auto"
    backend: BackendName | None = None
    similarity: Similarity = "cosine"
    normalized: bool = True

    def identity(self) -> str:
        """Twelve hex digits; where they differ, so may the vectors."""
        facts = {
            "weights": self.weights,
            "describing": {name: _digest(self.folder / name) for name in DESCRIBING},
            "settings": _settings(self.folder),
            "read": [self.column, self.images, self.sizes, self.prompt, self.precision, self.backend],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def read_with(
    source: str,
    folder: Path,
    column: str,
    *,
    images: bool = False,
    sizes: str | Sequence[Pair] = FULL,
    prompt: str | None = None,
    precision: ServingPrecision = "auto",
    backend: BackendName | None = None,
) -> Reading:
    """Check a reading against the model; weights are hashed, not loaded.

    Args:
        source: What the model is found by, on any node.
        folder: Of the model.
        column: The column that is embedded.
        images: Whether that holds pictures.
        sizes: ``full``, ``trained`` for every pair that it was trained at, or pairs.
        prompt: Name of one of the model's prompts; None for the one of documents, if it has one; empty
            for none.
        precision: As the engine takes it.
        backend: As the engine takes it.

    Raises:
        InputError: for a size or prompt that the model does not have, or pictures where it reads texts.
    """
    outline = outline_embedder(folder)
    pairs = choose_pairs(outline, sizes)
    text = "" if images else _prompt(outline, prompt)
    if images:
        _check_images(folder, column, outline, pairs, prompt)
        _check_tower(precision, backend)
    return Reading(
        source,
        folder.absolute(),
        weights_digest(folder),
        column,
        images,
        pairs,
        outline.full_pair,
        text,
        precision,
        backend,
        outline.settings.similarity,
        outline.settings.normalize,
    )


def _prompt(outline: Embedder, name: str | None) -> str:
    prompts = outline.settings.prompts
    if name is None:
        return next((prompts[known] for known in OF_DOCUMENTS if known in prompts), "")
    if not name:
        return ""
    if name not in prompts:
        known = f"one of {', '.join(prompts)}" if prompts else "none, for the model has no prompts"
        raise InputError(f"the model has no prompt {name!r}", expected=known, name=name, known=prompts)
    return prompts[name]


def _check_images(
    folder: Path, column: str, outline: Embedder, pairs: Sequence[Pair], prompt: str | None
) -> None:
    if not has_image_tower(folder):
        raise InputError(
            f"column {column!r} holds images, and {folder} embeds texts alone",
            expected="an embedder with an image tower",
        )
    for layers, _ in pairs:
        if layers != outline.num_layers:
            raise InputError(f"layers={layers} is not possible for images", expected="all layers")
    if prompt:
        raise InputError(f"prompt {prompt!r} is not possible for images", expected="no prompt")


def _check_tower(precision: str, backend: str | None) -> None:
    known = ("auto", "bf16", "fp32")
    if backend is not None:
        raise InputError(f"backend {backend!r} is not possible for images", expected="no backend")
    if precision not in known:
        what = f"precision {precision!r} is not possible for images"
        raise InputError(what, expected=f"one of {', '.join(known)}", name=precision, known=known)


def _digest(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _settings(folder: Path) -> Any:
    """The settings without the lineage beside them, which a copy of the same model need not share."""
    return read_settings(folder)[0].model_dump(mode="json", exclude={"pairs"})
