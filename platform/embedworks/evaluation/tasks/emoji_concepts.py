"""Match English texts of emoji with names in other languages, and explain matches by shared concepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.concept_tasks import ConceptMatching, candidate_lists
from embedworks.transforms.graded_pairs import alike, jaccard

NAME = "emoji-concepts"
corpora = ("emoji-concepts",)

CANDIDATES = 20
RELEVANT = 3
LEAST = 0.3  # Jaccard index of the concepts of emoji that are relevant to each other
SEED = 7
COLUMNS = ["query", "profiles", "concepts"]


def build(corpora: Mapping[str, Corpus]) -> ConceptMatching:
    """The task from the test split of ``emoji-concepts``; TF-IDF and ESA read the train split."""
    test, train = (_rows(corpora[NAME], split) for split in ("test", "train"))
    concepts = [row["concepts"] for row in test]
    lists = candidate_lists(
        test,
        alike(concepts, LEAST),
        lambda one, other: jaccard(concepts[one], concepts[other]) > 0,
        candidates=CANDIDATES,
        relevant=RELEVANT,
        seed=SEED,
    )
    texts = [(row["query"], "query", row["concepts"]) for row in test]
    texts += [(text, "document", row["concepts"]) for row in test for text in row["profiles"]]
    training = [([row["query"], *row["profiles"]], row["concepts"]) for row in train]
    return ConceptMatching(NAME, lists, texts, training)


def _rows(corpus: Corpus, split: str) -> list[dict[str, Any]]:
    return list(corpus.iter_rows(split, columns=COLUMNS))
