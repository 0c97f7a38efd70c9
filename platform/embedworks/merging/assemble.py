"""Everything of a merged model's folder but its weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedworks.embedder import EmbedderSettings, Lineage
from embedworks.folder import SETTINGS_FILE, common_settings, write_settings
from embedworks.merging.joint import Joint
from embedworks.merging.models import INDEX, Model
from embedworks.merging.names import depth_key
from embedworks.merging.planning import Planner
from embedworks.merging.tokenizers import FILE, FILES

# What belongs to one model alone, or is its weights in another form.
LEFT_OUT = {"README.md", SETTINGS_FILE, INDEX, "merge-report.json", "adapter_config.json"}
WEIGHTS = {
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".onnx",
    ".h5",
    ".msgpack",
    ".ot",
    ".pkl",
    ".ckpt",
    ".npz",
}
EXPORTS = {"onnx", "openvino", "checkpoints"}


def write_files(folder: Path, planner: Planner, joint: Joint, lineage: Lineage) -> None:
    """Configuration, tokenizer, modules, settings and lineage.

    Args:
        folder: Where to; it need not exist.
        planner: Of the merge.
        joint: Its tokenizer.
        lineage: What the folder says of where it comes from.

    Raises:
        InputError: for models that are not read alike.
    """
    template = planner.template
    folder.mkdir(parents=True, exist_ok=True)
    copy_files(template.folder, folder)
    _write_json(folder / "config.json", result_config(planner, joint))
    if joint.owner is not template:
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
            if (joint.owner.folder / name).is_file():
                shutil.copyfile(joint.owner.folder / name, folder / name)
    if joint.tokenizer is not None:
        for name in set(FILES) - {
            FILE,
            "tokenizer_config.json",
            "special_tokens_map.json",
            "chat_template.jinja",
        }:
            (folder / name).unlink(missing_ok=True)  # older forms, which know the old tokens only
        _write_json(folder / FILE, joint.tokenizer)
    write_settings(folder, _settings(planner), lineage)


def copy_files(source: Path, target: Path) -> None:
    """Copy what is no weights, with sub-folders."""
    for file in sorted(source.rglob("*")):
        inside = file.relative_to(source)
        if (
            not file.is_file()
            or EXPORTS & set(inside.parts)
            or any(part.startswith(".") for part in inside.parts)
        ):
            continue
        if file.suffix in WEIGHTS or (file.name in LEFT_OUT and len(inside.parts) == 1):
            continue
        (target / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / inside)
    for module in _modules(source):  # a module without files, as Normalize, is a folder all the same
        (target / module).mkdir(parents=True, exist_ok=True)


def _modules(folder: Path) -> list[str]:
    file = folder / "modules.json"
    return (
        [module["path"] for module in json.loads(file.read_text(encoding="utf-8"))]
        if file.is_file()
        else []
    )


def result_config(planner: Planner, joint: Joint) -> dict[str, Any]:
    """The template's ``config.json`` with the result's depth, vocabulary and type."""
    template = planner.template
    config = dict(template.config)
    key = depth_key(config)
    if key and config[key] != planner.depth:
        config.update(_by_layer(config, config[key], planner))
        config[key] = planner.depth
    if joint.rows is not None:
        config["vocab_size"] = joint.rows
    if planner.recipe.output_dtype:
        config.pop("torch_dtype", None)
        config["dtype"] = planner.recipe.output_dtype
    return config


def _by_layer(config: Mapping[str, Any], depth: int, planner: Planner) -> dict[str, Any]:
    """Lists that say something of each layer follow the layers."""
    layers = [
        (section.sources[0].model, section.sources[0].first + offset)
        for section in planner.sections
        for offset in range(section.layers)
    ]
    lists = [name for name, value in config.items() if isinstance(value, list) and len(value) == depth]
    return {name: [_at(model, name, layer) for model, layer in layers] for name in lists}


def _at(model: Model, name: str, layer: int) -> Any:
    return model.config[name][layer]


def _settings(planner: Planner) -> EmbedderSettings:
    """How all the models are read; a result of another depth was trained at none of their depths."""
    settings = common_settings(_folders(planner))
    if planner.depth != planner.template.naming.depth:
        settings = settings.model_copy(update={"pairs": ()})
    return settings


def _folders(planner: Planner) -> Sequence[Path]:
    models = {source.model.name: source.model for section in planner.sections for source in section.models}
    return list(dict.fromkeys(model.folder for model in models.values()))


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
