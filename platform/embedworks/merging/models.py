"""A model folder as a merge sees it: its tensors under canonical names, none of them read yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.folder import refuse_pickles
from embedworks.merging.lora import adapter_base, apply_adapter, is_adapter
from embedworks.merging.names import Naming, read_naming
from embedworks.merging.tensors import TensorSource, stored_tensors

INDEX = "model.safetensors.index.json"
WEIGHTS = "model.safetensors"

Resolve = Callable[[str], Path]


@dataclass(frozen=True)
class Model:
    """One model of a merge.

    Attributes:
        name: As the recipe names it.
        folder: Where it is; of an adapter, its base.
        config: Its ``config.json``.
        naming: How it names its tensors.
        tensors: Those of its encoder, canonical name -> tensor.
        stored: Canonical name -> the name in its files.
        extras: Those in sub-folders, as a projection's or an image tower's: file -> name -> tensor.
        heads: Canonical names that stand outside of the base model.
        adapter: Folder of the adapter that is applied to it.
    """

    name: str
    folder: Path
    config: dict[str, Any]
    naming: Naming
    tensors: dict[str, TensorSource]
    stored: dict[str, str]
    extras: dict[str, dict[str, TensorSource]]
    heads: frozenset[str]
    adapter: Path | None = None


def open_model(name: str, resolve: Resolve) -> Model:
    """Open a model, or an adapter on one.

    Args:
        name: ``MODEL``, ``MODEL+ADAPTER``, or an adapter that names its model.
        resolve: From a name without ``+`` to its folder.

    Raises:
        InputError: for a folder without safetensors or ``config.json``, or an adapter that does not fit.
    """
    folder, adapter = _folders(name, resolve)
    refuse_pickles(folder)
    tensors = root_tensors(folder)
    if adapter:
        tensors = apply_adapter(tensors, adapter)
    config = read_config(folder)
    naming = read_naming(tensors, config)
    stored = {naming.canonical(one): one for one in tensors}
    if len(stored) != len(tensors):
        twice = next(one for one in tensors if stored[naming.canonical(one)] != one)
        raise InputError(f"{folder} has {twice} under two names", expected="each tensor once")
    return Model(
        name,
        folder,
        config,
        naming,
        {canonical: tensors[one] for canonical, one in stored.items()},
        stored,
        extra_tensors(folder),
        frozenset(canonical for canonical, one in stored.items() if naming.is_head(one)),
        adapter,
    )


def _folders(name: str, resolve: Resolve) -> tuple[Path, Path | None]:
    plain, _, adapter = name.partition("+")
    folder = resolve(plain)
    if adapter:
        return folder, resolve(adapter)
    return (resolve(adapter_base(folder)), folder) if is_adapter(folder) else (folder, None)


def root_tensors(folder: Path) -> dict[str, TensorSource]:
    """The tensors beside ``config.json``, of one file or of many shards.

    Raises:
        InputError: for a shard that is missing.
    """
    index = folder / INDEX
    if not index.is_file():
        file = folder / WEIGHTS
        files = [file] if file.is_file() else sorted(folder.glob("*.safetensors"))
    else:
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        files = [folder / shard for shard in sorted(set(shards))]
    found: dict[str, TensorSource] = {}
    for file in files:
        if not file.is_file():
            raise InputError(f"{file} is missing", expected=f"every shard that {INDEX} names")
        found.update(stored_tensors(file))
    return found


def extra_tensors(folder: Path) -> dict[str, dict[str, TensorSource]]:
    """The tensors of sub-folders, by file relative to the folder; exports for other runtimes are none."""
    files = sorted(file for file in folder.rglob("*.safetensors") if file.parent != folder)
    kept = [file for file in files if not {"onnx", "openvino", "checkpoints"} & set(file.parts)]
    return {file.relative_to(folder).as_posix(): dict(stored_tensors(file)) for file in kept}


def read_config(folder: Path) -> dict[str, Any]:
    """A model's ``config.json``.

    Raises:
        InputError: if there is none, or it is not JSON.
    """
    file = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no config.json in {folder}", expected="a model folder") from None
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    return config
