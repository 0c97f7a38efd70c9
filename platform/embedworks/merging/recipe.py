"""What a merge is made of: mergekit's configuration, read unchanged.

Every key and its meaning is that of a mergekit file, so a file written for it can be used here; names of
models are resolved by whoever reads the recipe. A merge stage of a job becomes a recipe too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from embedworks.errors import InputError, KeyPath, dotted

Settings = dict[str, Any]
Count = Annotated[int, Field(ge=0)]


def _name(value: Any) -> Any:
    """mergekit also writes a model as a mapping; its parts become one name again."""
    if isinstance(value, dict) and "model" in value and set(value) <= {"model", "lora"}:
        return _name(value["model"]) + (f"+{_name(value['lora'])}" if value.get("lora") else "")
    if isinstance(value, dict) and "path" in value and set(value) <= {"path", "revision"}:
        return value["path"] + (f"@{value['revision']}" if value.get("revision") else "")
    return value


ModelName = Annotated[str, BeforeValidator(_name), Field(min_length=1)]


class Part(BaseModel):
    """A block of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ModelEntry(Part):
    """A model, with settings of its own.

    Attributes:
        model: A folder, a hub id, or what the caller resolves; ``MODEL+ADAPTER`` applies a LoRA adapter.
        parameters: Settings for this model.
    """

    model: ModelName
    parameters: Settings = Field(default_factory=dict)


class SliceSource(ModelEntry):
    """Layers of a model.

    Attributes:
        layer_range: First layer, and the one after the last.
    """

    layer_range: tuple[Count, Count]


class Slice(Part):
    """Layers of the result, merged from as many layers of each source.

    Attributes:
        sources: One a model.
        base_model: In place of the recipe's.
        parameters: Settings for these layers.
    """

    sources: tuple[SliceSource, ...] = Field(min_length=1)
    base_model: ModelName | None = None
    parameters: Settings = Field(default_factory=dict)


class Module(Part):
    """A part of a model that has parts, as mergekit names them."""

    models: tuple[ModelEntry, ...] | None = None
    slices: tuple[Slice, ...] | None = None
    parameters: Settings = Field(default_factory=dict)


class TokenRule(Part):
    """Where the embedding of one token comes from, whatever the models say.

    Attributes:
        source: A model, ``{kind: zero}``, or ``{kind: model_token, model, token | token_id}``.
        force: Also where a model has the token.
    """

    source: Any = None
    force: bool = False


class TokenizerOptions(Part):
    """The result's tokenizer.

    Attributes:
        source: ``union``, ``base`` or a model.
        tokens: Rules for single tokens.
        pad_to_multiple_of: Rows of the embedding matrix are filled up to a multiple.
    """

    source: ModelName = "union"
    tokens: dict[str, TokenRule] = Field(default_factory=dict)
    pad_to_multiple_of: int | None = Field(default=None, ge=1)


Dtype = Literal["float32", "float16", "bfloat16", "float64"]


def _dtype(value: Any) -> Any:
    return value.removeprefix("torch.") if isinstance(value, str) else value


class Recipe(Part):
    """A merge.

    Attributes:
        merge_method: Name of the method.
        base_model: Origin of task vectors, or one end; see the method.
        models: What is merged, whole; or
        slices: layers of models, stacked; or
        modules: either, under the name of the model's only module.
        parameters: Settings for all models and tensors.
        dtype: Type of the result, unless ``out_dtype`` is set. mergekit also calculates in it; here
            everything is float32.
        out_dtype: Type of the result.
        tokenizer_source: Short form of ``tokenizer: {source: ...}``.
        tokenizer: The result's tokenizer; needed where the models' vocabularies differ.
        chat_template: Accepted and left alone: embedders have none.
    """

    merge_method: Annotated[str, Field(min_length=1)]
    base_model: ModelName | None = None
    models: tuple[ModelEntry, ...] | None = Field(default=None, min_length=1)
    slices: tuple[Slice, ...] | None = Field(default=None, min_length=1)
    modules: dict[str, Module] | None = Field(default=None, min_length=1)
    parameters: Settings = Field(default_factory=dict)
    dtype: Annotated[Dtype | None, BeforeValidator(_dtype)] = None
    out_dtype: Annotated[Dtype | None, BeforeValidator(_dtype)] = None
    tokenizer_source: ModelName | None = None
    tokenizer: TokenizerOptions | None = None
    chat_template: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _null_parameters(cls, value: Any) -> Any:
        return _without_nulls(value)

    @model_validator(mode="after")
    def _one_of_each(self) -> Recipe:
        given = [key for key in ("models", "slices", "modules") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"{' and '.join(given) or 'none'} of models, slices, modules is given, not one"
            )
        if self.modules and len(self.modules) > 1:
            raise ValueError(f"{len(self.modules)} modules are given; an embedder has one")
        if self.tokenizer and self.tokenizer_source:
            raise ValueError("both tokenizer and tokenizer_source are given")
        return self

    @property
    def output_dtype(self) -> str | None:
        """Type of the result; None: the first model's."""
        return self.out_dtype or self.dtype

    @property
    def vocabulary(self) -> TokenizerOptions | None:
        """The result's tokenizer in its long form."""
        if self.tokenizer_source:
            return TokenizerOptions(source=self.tokenizer_source)
        return self.tokenizer

    def module(self) -> Module:
        """What is merged: models or slices, in the one form."""
        if self.modules:
            return next(iter(self.modules.values()))
        return Module(models=self.models, slices=self.slices)

    def merged(self) -> list[str]:
        """Every model that is merged, each once: the base first, then in the order of the recipe."""
        return list(dict.fromkeys(self._named()))

    def _named(self) -> Iterator[str]:
        if self.base_model:
            yield self.base_model
        module = self.module()
        yield from (entry.model for entry in module.models or ())
        for part in module.slices or ():
            yield from (source.model for source in part.sources)
            if part.base_model:
                yield part.base_model


def _without_nulls(value: Any) -> Any:
    """YAML's empty keys (`parameters:`) are keys that were left out."""
    if isinstance(value, dict):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    return [_without_nulls(entry) for entry in value] if isinstance(value, list) else value


def parse_recipe(value: Any, where: Callable[[KeyPath], str] = dotted) -> Recipe:
    """A recipe from what a YAML file holds.

    Args:
        value: The file's content.
        where: The place of a key, for messages.

    Raises:
        InputError: naming the key and what was expected.
    """
    if not isinstance(value, dict):
        raise InputError("no recipe", where=where(()), expected="keys such as merge_method and models")
    unknown = [key for key in value if key not in Recipe.model_fields]
    if unknown:
        raise InputError(
            f"unknown key {unknown[0]!r}",
            where=where((unknown[0],)),
            expected=f"keys of {', '.join(Recipe.model_fields)}",
            name=str(unknown[0]),
            known=Recipe.model_fields,
        )
    try:
        return Recipe.model_validate(value)
    except ValidationError as error:
        found = error.errors()[0]
        message = found["msg"].removeprefix("Value error, ")
        what = f"{dotted(found['loc'])}: {message}" if found["loc"] else message
        raise InputError(what, where=where(found["loc"])) from error
