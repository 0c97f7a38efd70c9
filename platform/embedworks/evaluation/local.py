"""mteb tasks whose data comes from corpora on disk, so that they run without a hub."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedworks.errors import InputError

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskRetrieval, AbsTaskSTS
    from mteb.abstasks.task_metadata import TaskMetadata

MAX_QUERIES = 400
MAX_DOCUMENTS = 1500


@dataclass(frozen=True)
class About:
    """What is said about a task; it becomes mteb's ``TaskMetadata``.

    Attributes:
        languages: mteb's codes; for a task of several subsets, one of these for each.
        cutoffs: Of a retrieval task: recall at each of these is told beside the main score; empty: none.
    """

    name: str
    description: str
    kind: str
    main_score: str
    domains: tuple[str, ...]
    license: str
    subtypes: tuple[str, ...] = ()
    languages: Sequence[str] | Mapping[str, Sequence[str]] = ("eng-Latn",)
    cutoffs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Search:
    """A retrieval data set: query -> its documents, and every document, as texts."""

    relevant: Mapping[str, Sequence[str]]
    documents: Sequence[str]


def group(pairs: Iterable[tuple[str, str]]) -> Search:
    """A retrieval data set from (query, document) pairs.

    A query asked of several documents has them all as right answers, and a text that stands in several
    rows is one document: otherwise a model would be punished for finding its twin.
    """
    relevant: dict[str, dict[str, None]] = {}
    documents: dict[str, None] = {}
    for query, document in pairs:
        relevant.setdefault(query, {})[document] = None
        documents[document] = None
    return Search({query: list(found) for query, found in relevant.items()}, list(documents))


def cut(search: Search, queries: int = MAX_QUERIES, documents: int = MAX_DOCUMENTS) -> Search:
    """At most that many queries and documents, by the order of their hashes.

    Right answers of the kept queries stay, even beyond the limit; other documents fill it up. The choice
    depends on the texts alone, so two machines and two runs score on the same set.
    """
    kept = {query: search.relevant[query] for query in first_texts(search.relevant, queries)}
    answers = {document for found in kept.values() for document in found}
    others = [document for document in search.documents if document not in answers]
    fill = set(first_texts(others, max(0, documents - len(answers))))
    return Search(kept, [text for text in search.documents if text in answers or text in fill])


def retrieval_task(about: About, search: Search) -> AbsTaskRetrieval:
    """A retrieval task over ``search``; scored by nDCG@10 unless ``about`` says otherwise.

    Raises:
        InputError: if there are no queries.
    """
    from datasets import Dataset
    from mteb.abstasks import AbsTaskRetrieval
    from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData

    if not search.relevant:
        raise InputError(f"task {about.name!r} finds no test queries in its corpus")

    class LocalRetrieval(AbsTaskRetrieval):
        metadata = metadata_of(about, [search.relevant, search.documents])
        further = tuple(f"recall_at_{cutoff}" for cutoff in about.cutoffs)
        k_values = tuple(sorted({*AbsTaskRetrieval.k_values, *about.cutoffs}))

    ids = {text: f"d{i}" for i, text in enumerate(search.documents)}
    queries = [{"id": f"q{i}", "text": text} for i, text in enumerate(search.relevant)]
    task = LocalRetrieval()
    task.dataset = {
        "default": {
            "test": RetrievalSplitData(
                queries=Dataset.from_list(queries),
                corpus=Dataset.from_list([{"id": key, "text": text} for text, key in ids.items()]),
                relevant_docs={
                    f"q{i}": dict.fromkeys((ids[text] for text in found), 1)
                    for i, found in enumerate(search.relevant.values())
                },
                top_ranked=None,
            )
        }
    }
    task.data_loaded = True
    return task


def similarity_task(about: About, pairs: Sequence[tuple[str, str, float]], top: int) -> AbsTaskSTS:
    """A similarity task over (text, text, gold score) with scores from 0 to ``top``.

    Raises:
        InputError: if there are no pairs.
    """
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskSTS

    if not pairs:
        raise InputError(f"task {about.name!r} finds no test pairs in its corpus")

    class LocalSimilarity(AbsTaskSTS):
        metadata = metadata_of(about, [pairs, top])
        max_score = top

    names = ("sentence1", "sentence2", "score")
    task = LocalSimilarity()
    task.dataset = {
        "default": DatasetDict(
            {"test": Dataset.from_list([dict(zip(names, pair, strict=True)) for pair in pairs])}
        )
    }
    task.data_loaded = True
    return task


def data_digest(data: Any) -> str:
    """Sixteen hexadecimal digits that change when any text, label or their order does.

    Args:
        data: Of what JSON holds; keys of mappings stay in their order, which scores may depend on.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def text_order(text: str) -> str:
    """A key that puts texts in an arbitrary order that is the same everywhere."""
    return hashlib.sha256(text.encode()).hexdigest()


def first_texts(texts: Iterable[str], limit: int) -> list[str]:
    """The first ones by hash, in the order they came."""
    texts = list(texts)
    if len(texts) <= limit:
        return texts
    chosen = set(sorted(texts, key=text_order)[:limit])
    return [text for text in texts if text in chosen]


def metadata_of(about: About, data: Any) -> TaskMetadata:
    """mteb's description of a task; the digest of its data is its revision.

    mteb compares revisions before it takes a cached result, so other data is scored anew.
    """
    from mteb.abstasks.task_metadata import TaskMetadata

    languages = about.languages
    fields: dict[str, Any] = {
        "name": about.name,
        "description": about.description,
        "type": about.kind,
        "main_score": about.main_score,
        "domains": list(about.domains),
        "license": about.license,
        "task_subtypes": list(about.subtypes),
        "dataset": {"path": f"embedworks/{about.name}", "revision": data_digest(data)},
        "category": "t2t",
        "eval_splits": ["test"],
        "eval_langs": dict(languages) if isinstance(languages, Mapping) else list(languages),
        "annotations_creators": "derived",
        "sample_creation": "found",
        "dialect": [],
        "bibtex_citation": "",
    }
    return TaskMetadata(**fields)
