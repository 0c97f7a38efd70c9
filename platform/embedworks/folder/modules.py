"""The form of sentence-transformers: ``modules.json``, ``1_Pooling/`` and what is beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.errors import InputError
from embedworks.folder.heads import POOLERS, save_pooler, save_projection
from embedworks.folder.json_files import read_json, write_json
from embedworks.transforms.templates import is_template

POOLING = "1_Pooling"
POOLING_KEYS = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "last": "pooling_mode_lasttoken",
    "weighted-mean": "pooling_mode_weightedmean_tokens",
}
POOLING_NAMES = {
    **{name: name for name in POOLING_KEYS},
    "lasttoken": "last",
    "weightedmean": "weighted-mean",
}
# Modules that sentence-transformers does not know: it must not open such a folder and pool otherwise.
LEARNED_TYPES = {name: f"{kind.__module__}.{kind.__qualname__}" for name, (kind, _) in POOLERS.items()}


def write_modules(embedder: Embedder, folder: Path) -> None:
    """Write an embedder's modules, but for its encoder and tokenizer."""
    settings = embedder.settings
    modules = [("", _type("Transformer")), (POOLING, _type("Pooling"))]
    if embedder.pooler is not None:
        modules[1] = (POOLING, LEARNED_TYPES[settings.pooling])
        save_pooler(embedder.pooler, folder / POOLING)
    else:
        pooling: dict[str, Any] = {key: name == settings.pooling for name, key in POOLING_KEYS.items()}
        pooling["word_embedding_dimension"] = int(embedder.encoder.config.hidden_size)
        pooling["include_prompt"] = settings.instructions is None or settings.instructions.pooled
        write_json(folder / POOLING / "config.json", pooling)
    if embedder.projection is not None:
        modules.append(("2_Dense", _type("Dense")))
        save_projection(embedder.projection, folder / "2_Dense")
    if settings.normalize:
        modules.append((f"{len(modules)}_Normalize", _type("Normalize")))
        (folder / modules[-1][0]).mkdir(exist_ok=True)
    write_json(
        folder / "modules.json",
        [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(modules)],
    )
    write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": settings.max_length, "do_lower_case": False},
    )
    write_json(
        folder / "config_sentence_transformers.json",
        {
            # A library that puts prompts in front would misread one with a place for the text.
            "prompts": {name: text for name, text in settings.prompts.items() if not is_template(text)},
            "similarity_fn_name": settings.similarity,
        },
    )


def read_modules(folder: Path) -> tuple[EmbedderSettings, Path | None]:
    """What the modules of a folder say of how it is read, and the sub-folder of its projection.

    A folder without modules, as Hugging Face's are, gets mean pooling.

    Raises:
        InputError: for a module or a pooling that an embedder cannot hold.
    """
    config = read_json(folder / "config.json")
    limit = int(config.get("max_position_embeddings") or 512)
    modules = read_json(folder / "modules.json", default=[])
    if not modules:
        return EmbedderSettings(max_length=limit), None
    values: dict[str, Any] = {"normalize": False}
    projection = None
    for module in modules:
        kind, place = module["type"].rpartition(".")[2], folder / module["path"]
        if kind == "Pooling":
            values["pooling"] = _read_pooling(place)
        elif module["type"] in LEARNED_TYPES.values():
            values["pooling"] = next(name for name, one in LEARNED_TYPES.items() if one == module["type"])
        elif kind == "Normalize":
            values["normalize"] = True
        elif kind == "Dense":
            projection = place
        elif kind != "Transformer":
            raise InputError(
                f"{folder / 'modules.json'} has a module {kind!r} that an embedder cannot hold",
                expected="Transformer, Pooling, Dense or Normalize",
            )
    extra = read_json(folder / "config_sentence_transformers.json")
    values["prompts"] = {name: text for name, text in (extra.get("prompts") or {}).items() if text}
    if extra.get("similarity_fn_name") in ("cosine", "dot"):
        values["similarity"] = extra["similarity_fn_name"]
    length = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    values["max_length"] = min(int(length or limit), limit)
    return EmbedderSettings(**values), projection


def _type(kind: str) -> str:
    return f"sentence_transformers.models.{kind}"


def _read_pooling(place: Path) -> str:
    config = read_json(place / "config.json")
    named = config.get("pooling_mode")
    active = [named] if named else [n for n, key in POOLING_KEYS.items() if config.get(key)]
    if len(active) != 1 or active[0] not in POOLING_NAMES:
        raise InputError(
            f"{place / 'config.json'} asks for pooling {active}",
            expected=f"one of {[*POOLING_KEYS]}",
        )
    return POOLING_NAMES[active[0]]
