"""The texts of tasks: queries and documents, labelled texts, pairs, out of mteb's own objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embedworks.corpora.corpus import open_corpus
from embedworks.errors import InputError
from embedworks.evaluation.find import find_task
from embedworks.report.gathering.source import Source


@dataclass(frozen=True)
class SearchTexts:
    """One subset of a retrieval task: id -> text, and query -> ids of its right documents."""

    part: str
    queries: Mapping[str, str]
    documents: Mapping[str, str]
    right: Mapping[str, frozenset[str]]


def open_task(source: Source, name: str) -> Any | None:
    """A task whose corpora are on this machine; None for others, and for those whose data is on a hub."""
    try:
        found = find_task(name)
        folders = {corpus: source.corpus(_used(source, name, corpus)) for corpus in found.corpora}
        if not folders or None in folders.values():
            return None
        task = found.build({corpus: open_corpus(folder) for corpus, folder in folders.items() if folder})
    except (InputError, OSError):
        return None
    return task if hasattr(task, "metadata") else None


def _used(source: Source, task: str, corpus: str) -> str:
    """What a stage uses in place of a task's corpus."""
    for stage in source.of("evaluate", "train", "merge"):
        block = stage.block if stage.kind == "evaluate" else stage.block.get("evaluate") or {}
        if task in (block.get("tasks") or ()):
            return str((block.get("corpora") or {}).get(corpus, corpus))
    return corpus


def search_texts(task: Any) -> SearchTexts | None:
    """The texts of a retrieval task, of its first subset and split; None for other tasks."""
    if task.metadata.type != "Retrieval":
        return None
    subset, splits = next(iter(task.dataset.items()))
    split, data = next(iter(splits.items()))
    return SearchTexts(
        part=f"{split}/{subset}",
        queries={row["id"]: row["text"] for row in data["queries"]},
        documents={row["id"]: row["text"] for row in data["corpus"]},
        right={
            query: frozenset(document for document, grade in found.items() if grade > 0)
            for query, found in data["relevant_docs"].items()
        },
    )


def labelled_texts(task: Any) -> list[tuple[str, str]]:
    """(text, label) of a task of classes; nothing for other tasks."""
    if task.metadata.type not in ("Classification", "Clustering"):
        return []
    rows = task.dataset.get("test")
    if rows is None:
        return []
    texts = rows["sentences"] if "sentences" in rows.column_names else rows["text"]
    labels = rows["labels"] if "labels" in rows.column_names else rows["label"]
    return [(str(text), f"class {label}") for text, label in zip(texts, labels, strict=True)]


def matched_texts(task: Any) -> Iterator[tuple[str, str, str]]:
    """(subset, text, translation) of a task of translations; nothing for other tasks."""
    if task.metadata.type != "BitextMining":
        return
    for subset, splits in task.dataset.items():
        for rows in splits.values():
            for row in rows:
                yield subset, row["sentence1"], row["sentence2"]
