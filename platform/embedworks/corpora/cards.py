"""Data cards: what a corpus is, in Markdown, from its manifest, its recipe and its first rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from embedworks.corpora.contact_sheet import picture_columns
from embedworks.corpora.corpus import Corpus

LONGEST = 120  # characters of an example


def card(corpus: Corpus, recipe: Any = None, picture: str = "") -> str:
    """A corpus's card.

    Args:
        corpus: It.
        recipe: The module of a built-in corpus, which knows options and what columns hold.
        picture: A contact sheet, as a link from the page that the card is on.
    """
    manifest = corpus.manifest
    parts = [f"## {manifest.name}", manifest.description, _facts(corpus, recipe)]
    if recipe is not None:
        parts.append(_options(recipe.Options.model_fields))
    parts.append(_columns(corpus, recipe.COLUMNS if recipe else {}))
    if picture:
        parts.append(f"![Rows of {manifest.name}]({picture})")
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(corpus: Corpus, recipe: Any) -> str:
    manifest = corpus.manifest
    size = sum(shard.bytes for shards in manifest.splits.values() for shard in shards)
    rows = ", ".join(f"{split} {manifest.rows(split):,}" for split in manifest.splits)
    facts = {
        "source": manifest.source,
        "licence": manifest.licence or "not given",
        "rows": f"{rows}; {size / 2**20:,.1f} MiB",
        "split": manifest.split_rule,
    }
    if recipe is not None:
        facts["made for"] = ", ".join(f"`{slug}`" for slug in recipe.SERVES)
    return table(("", ""), facts.items())


def _options(fields: dict[str, FieldInfo]) -> str:
    rows = (
        (
            f"`{name}`",
            "" if one.default is PydanticUndefined else f"`{_plain(one.default)}`",
            one.description,
        )
        for name, one in fields.items()
    )
    return table(("option", "default", ""), rows)


def _columns(corpus: Corpus, says: dict[str, str]) -> str:
    """Every column with its type, what it holds, and what one row has there."""
    example = _example(corpus)
    rows = (
        (f"`{name}`", _kind(kind), says.get(name, ""), example.get(name, ""))
        for name, kind in corpus.manifest.columns.items()
    )
    return table(("column", "type", "", "for example"), rows)


def _example(corpus: Corpus) -> dict[str, str]:
    """The middle row of the first split, without its pictures; none of what may not be copied freely."""
    if corpus.manifest.licence.startswith("GPL"):
        return {}
    split = next(split for split in corpus.manifest.splits if corpus.rows(split))
    names = [name for name in corpus.columns if name not in picture_columns(corpus)]
    (row,) = corpus.read(split, np.array([corpus.rows(split) // 2]), names).to_pylist()
    return {name: _short(value) for name, value in row.items()}


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    return "\n".join(_lines(head, rows))


def _lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def _short(value: Any) -> str:
    text = str(_plain(value))
    return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."


def _plain(value: Any) -> Any:
    """As it is written in a job file."""
    if isinstance(value, bool):
        return str(value).lower()
    return list(value) if isinstance(value, tuple) else value


def _kind(kind: str) -> str:
    """An Arrow type without the names that Arrow gives to items of lists."""
    plain = re.sub(r"<(?:item|element): ", "<", kind)
    return f"`{plain}`"
