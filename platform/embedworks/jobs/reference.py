"""The tables of docs/job-file.md and docs/quality.md, made from the models: they cannot disagree."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

from pydantic import BaseModel

from embedworks.corpora.quality.find import filter_config, filter_names
from embedworks.errors import InputError
from embedworks.jobs.comparison_options import CompareOptions, RequireOptions
from embedworks.jobs.corpus_options import CorpusRef, NamedCorpus
from embedworks.jobs.during_options import DuringOptions, EvaluationResources
from embedworks.jobs.jsonschema import export_schema
from embedworks.jobs.merging.options import (
    GoalOptions,
    MergeSearch,
    ModelEntry,
    Slice,
    SliceSource,
)
from embedworks.jobs.probe_options import HeldOutOptions, ProbeOptions
from embedworks.jobs.schema import (
    STAGES,
    ClusterOptions,
    FilterBlock,
    Job,
    JobProfile,
    Tracking,
)
from embedworks.jobs.search.options import Domain, SearchOptions
from embedworks.training.optimizer_options import GroupOptions, OptimizerOptions
from embedworks.training.options import (
    CheckpointOptions,
    LoraOptions,
    MixingOptions,
    OffloadOptions,
    PhaseOptions,
    ResourceOptions,
    TrainingOptions,
    WorkerRange,
)

BLOCKS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The job", Job),
    ("A profile", JobProfile),
    ("`tracking`", Tracking),
    ("`cluster`", ClusterOptions),
    *((f"A `{model.__name__.removesuffix('Stage').lower()}` stage", model) for model in STAGES),
    ("A named corpus", NamedCorpus),
    ("A corpus", CorpusRef),
    ("A filter", FilterBlock),
    ("A merged model", ModelEntry),
    ("A slice", Slice),
    ("A source of a slice", SliceSource),
    ("`measure`", ProbeOptions),
    ("`goal`", GoalOptions),
    ("`search` of a merge", MergeSearch),
    ("Training keys", TrainingOptions),
    ("`mixing`", MixingOptions),
    ("A phase of `mixing`", PhaseOptions),
    ("`optimizer`", OptimizerOptions),
    ("A group of `optimizer`", GroupOptions),
    ("`lora`", LoraOptions),
    ("`offload`", OffloadOptions),
    ("`checkpoint`", CheckpointOptions),
    ("`workers`", WorkerRange),
    ("`resources`", ResourceOptions),
    ("`evaluate`", DuringOptions),
    ("`held_out` of `evaluate`", HeldOutOptions),
    ("`resources` of `evaluate`", EvaluationResources),
    ("`compare`", CompareOptions),
    ("`require`", RequireOptions),
    ("`search`", SearchOptions),
    ("Values of `space`", Domain),
)
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def key_tables() -> str:
    """Every block's keys with type, default and meaning, as Markdown."""
    return "\n".join(block(title, model) for title, model in BLOCKS)


def filter_tables() -> str:
    """Every quality filter's keys, and those of the blocks in them."""
    found: list[tuple[str, type[BaseModel]]] = []
    for name in filter_names():
        config = filter_config(name)
        found += [(f"`{name}`", config), *inner_blocks(config)]
    return "\n".join(block(title, model) for title, model in found)


def inner_blocks(model: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    """The blocks that are values of a model's keys, each with its title."""
    inner = [one for field in model.model_fields.values() for one in _models(field.annotation)]
    return [(_title(one.__name__), one) for one in inner]


def refreshed(page: str, tables: Callable[[], str] = key_tables) -> str:
    """The page with its tables, which stand between two markers, made anew.

    Raises:
        InputError: if the page lacks the markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError("the page has no place for the tables", expected=f"{BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def block(title: str, model: type[BaseModel]) -> str:
    """A block of keys with its title and what it is for."""
    return "\n".join([f"### {title}", "", _about(model), "", key_table(model)]) + "\n"


def key_table(model: type[BaseModel]) -> str:
    """A model's keys with type, default and meaning, as a table."""
    definitions = export_schema()
    schema = definitions if model is Job else _definition(model, definitions)
    required = schema.get("required", ())
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{key}` | {_type(one)} | {_default(one, key in required)} "
        f"| {_escape(one.get('description', ''))} |"
        for key, one in schema["properties"].items()
        if not _inherited(model, key)
    ]
    return "\n".join(lines)


def _definition(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    known = definitions["$defs"] if model in (one for _, one in BLOCKS) else {}
    found: dict[str, Any] = known.get(model.__name__) or model.model_json_schema()
    return found


def _inherited(model: type[BaseModel], key: str) -> bool:
    return (
        model is not TrainingOptions
        and issubclass(model, TrainingOptions)
        and key in TrainingOptions.model_fields
    )


def _about(model: type[BaseModel]) -> str:
    text = (model.__doc__ or "").strip()
    if model is not TrainingOptions and issubclass(model, TrainingOptions):
        text += " It takes the [training keys](#training-keys) as well."
    return text


def _type(schema: dict[str, Any]) -> str:
    """A JSON Schema in words."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if "oneOf" in schema:
        return "stages"
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "type" not in schema:
        return "any value"
    if "prefixItems" in schema:
        return f"[{', '.join(_type(item) for item in schema['prefixItems'])}]"
    if schema["type"] == "array":
        return "list of " + _type(schema["items"])
    names = {"string": "text", "integer": "whole number", "object": "block of keys", "null": "null"}
    kind = str(schema["type"])
    return names.get(kind, kind) + _limit(schema)


def _limit(schema: dict[str, Any]) -> str:
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']}"
    return f", {schema['minimum']} or more" if "minimum" in schema else ""


def _title(name: str) -> str:
    return next(
        (title for title, model in BLOCKS if model.__name__ == name),
        f"`{name.removesuffix('Config').lower()}`",
    )


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _link(name: str) -> str:
    title = _title(name)
    return f"[{title}](#{re.sub(r'[^a-z ]', '', title.lower()).replace(' ', '-')})"


def _default(schema: dict[str, Any], required: bool) -> str:
    if required:
        return "required"
    value = schema.get("default")
    if value is None and "default" in schema:
        return "null"
    return "" if value is None or isinstance(value, dict) or value == [] else f"`{value}`"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")
