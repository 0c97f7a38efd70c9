"""Tokenizers of a merge: their vocabularies, and one that knows the tokens of all of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.folder import TOKENIZER_FILES

FILE = "tokenizer.json"
FILES = (
    *TOKENIZER_FILES,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "chat_template.jinja",
)

Tokenizer = dict[str, Any]


def read_tokenizer(folder: Path) -> Tokenizer | None:
    """A folder's ``tokenizer.json``, or what transformers makes of older files; None if it has none."""
    file = folder / FILE
    if file.is_file():
        loaded: Tokenizer = json.loads(file.read_text(encoding="utf-8"))
        return loaded
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        return None
    from embedworks.folder import load_tokenizer

    converted: Tokenizer = json.loads(load_tokenizer(folder).backend_tokenizer.to_str())
    return converted


def vocabulary_of(tokenizer: Tokenizer) -> dict[str, int]:
    """Token -> number, added tokens included."""
    vocabulary = tokenizer["model"].get("vocab", {})
    if isinstance(vocabulary, list):  # Unigram: pieces with their scores
        vocabulary = {entry[0]: number for number, entry in enumerate(vocabulary)}
    return {**vocabulary, **{entry["content"]: entry["id"] for entry in tokenizer.get("added_tokens", ())}}


def union(tokenizers: Sequence[Tokenizer]) -> Tokenizer:
    """The first tokenizer with the tokens of the others behind its own.

    Ids of the first stay; the others' follow in the order of the models and of their ids. WordPiece and
    Unigram then cut words into the new pieces as into their own; BPE is given the others' merges too, after
    those of the first.

    Raises:
        InputError: for tokenizers of different kinds.
    """
    result = copy.deepcopy(tokenizers[0])
    kinds = {one["model"].get("type") for one in tokenizers}
    if len(kinds) > 1:
        named = " and ".join(sorted(str(kind) for kind in kinds))
        raise InputError(f"no union of {named} tokenizers", expected="one kind, or tokenizer_source: base")
    for other in tokenizers[1:]:
        _add(result, other)
    return result


def _add(result: Tokenizer, other: Tokenizer) -> None:
    known = vocabulary_of(result)
    number = max(known.values(), default=-1) + 1
    added = {entry["content"]: entry for entry in other.get("added_tokens", ())}
    ours, theirs = result["model"].get("vocab"), other["model"].get("vocab")
    scores = {entry[0]: entry[1] for entry in theirs} if isinstance(theirs, list) else {}
    for token, _ in sorted(vocabulary_of(other).items(), key=lambda item: item[1]):
        if token in known:
            continue
        # A Unigram piece's number is its place, so nothing may be added behind tokens that are none.
        if token in added or (isinstance(ours, list) and number != len(ours)):
            entry = added.get(token) or _plain(token)
            result.setdefault("added_tokens", []).append({**entry, "id": number})
        elif isinstance(ours, list):
            ours.append([token, scores[token]])
        else:
            ours[token] = number
        known[token] = number
        number += 1
    if "merges" in other["model"]:
        _add_merges(result["model"], other["model"])


def _add_merges(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    seen = {_pair(merge) for merge in ours["merges"]}
    ours["merges"] += [merge for merge in theirs["merges"] if _pair(merge) not in seen]


def _pair(merge: str | list[str]) -> tuple[str, ...]:
    return tuple(merge.split(" ") if isinstance(merge, str) else merge)


def _plain(token: str) -> dict[str, Any]:
    return {
        "content": token,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": False,
    }


def add_tokens(tokenizer: Tokenizer, tokens: Sequence[str]) -> Tokenizer:
    """The tokenizer with tokens of a recipe that it does not know."""
    result = copy.deepcopy(tokenizer)
    for token in tokens:
        known = vocabulary_of(result)
        if token not in known:
            number = max(known.values(), default=-1) + 1
            result.setdefault("added_tokens", []).append({**_plain(token), "id": number})
    return result
