"""The tokenizer of a result, and how the models' embedding matrices follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from embedworks.errors import InputError
from embedworks.merging.matching import Matching
from embedworks.merging.models import Model, Resolve
from embedworks.merging.recipe import Recipe, TokenizerOptions
from embedworks.merging.tokenizers import (
    FILE,
    Tokenizer,
    add_tokens,
    read_tokenizer,
    union,
    vocabulary_of,
)
from embedworks.merging.vocabulary import map_vocabularies, rule_donors


@dataclass(frozen=True)
class Joint:
    """Tokenizer and embedding rows of a result.

    Attributes:
        matching: How matrices are matched.
        tokenizer: A new ``tokenizer.json``; None where the files of ``owner`` are right as they are.
        owner: Model whose tokenizer files the result has.
        rows: Rows of its embedding matrix; None: those of the template.
    """

    matching: Matching
    tokenizer: Tokenizer | None
    owner: Model
    rows: int | None = None


def join(recipe: Recipe, models: Mapping[str, Model], template: Model, resolve: Resolve) -> Joint:
    """Decide on the tokenizer.

    Args:
        models: Those that are merged, the base among them.
        template: The model whose files the result has.
        resolve: From a name to a folder, for a tokenizer of yet another model.

    Raises:
        InputError: for vocabularies that differ where the recipe does not say which one is wanted.
    """
    options = recipe.vocabulary
    numbers = {name: number for number, name in enumerate(models)}
    is_plain = options is None or (not options.tokens and options.pad_to_multiple_of is None)
    if is_plain and same_tokenizers(models, options, resolve):
        return Joint(Matching(None, numbers), None, template)
    if options is None:
        raise InputError(
            "the models have different vocabularies",
            expected="tokenizer_source: union, base or one of the models",
        )
    return _joint(recipe, options, models, template, numbers, resolve)


def _joint(
    recipe: Recipe,
    options: TokenizerOptions,
    models: Mapping[str, Model],
    template: Model,
    numbers: dict[str, int],
    resolve: Resolve,
) -> Joint:
    read = {name: read_tokenizer(model.folder) for name, model in models.items()}
    base_name = template.name
    fallback = read[base_name]
    if fallback is None:
        raise InputError(f"no tokenizer in {template.folder}", expected=FILE)
    tokenizers = {name: found or fallback for name, found in read.items()}
    owner = template
    if options.source == "union":
        ordered = [tokenizers[base_name], *(t for name, t in tokenizers.items() if name != base_name)]
        chosen = union(ordered)
    elif options.source == "base":
        chosen = tokenizers[base_name]
    else:
        chosen, owner = _of_model(options.source, models, template, resolve)
    chosen = add_tokens(chosen, list(options.tokens))
    vocabularies = [_within(vocabulary_of(tokenizers[name]), models[name]) for name in models]
    mapped = map_vocabularies(
        vocabulary_of(chosen),
        vocabularies,
        numbers.get(recipe.base_model) if recipe.base_model else None,
        rule_donors(options.tokens, list(models), vocabularies),
        options.pad_to_multiple_of or 1,
    )
    return Joint(Matching(mapped, numbers), chosen, owner, mapped.padded)


def _of_model(
    name: str, models: Mapping[str, Model], template: Model, resolve: Resolve
) -> tuple[Tokenizer, Model]:
    if name in models:
        owner = models[name]
    else:
        owner = Model(name, resolve(name), {}, template.naming, {}, {}, {}, frozenset())
    found = read_tokenizer(owner.folder)
    if found is None:
        raise InputError(f"no tokenizer in {owner.folder}", expected=FILE)
    return found, owner


def _within(vocabulary: dict[str, int], model: Model) -> dict[str, int]:
    """Tokens that the model has a row for: some tokenizers know more."""
    rows = model.config.get("vocab_size")
    if not isinstance(rows, int):
        return vocabulary
    return {token: row for token, row in vocabulary.items() if row < rows}


def same_tokenizers(
    models: Mapping[str, Model], options: TokenizerOptions | None, resolve: Resolve
) -> bool:
    """Whether all tokenizers, and the one that is asked for, have the same tokens under the same numbers.

    Files that are equal are not parsed. A model without a tokenizer is taken to have that of the others.
    """
    folders = [model.folder for model in models.values()]
    if options and options.source not in ("union", "base", *models):
        folders.append(resolve(options.source))
    files = [folder / FILE for folder in folders]
    contents = [file.read_bytes() if file.is_file() else None for file in files]
    if None not in contents and len(set(contents)) == 1:
        return True
    read = [found for found in map(read_tokenizer, folders) if found is not None]
    vocabularies = list(map(vocabulary_of, read))
    return all(vocabulary == vocabularies[0] for vocabulary in vocabularies)
