"""The task of docstring questions, on a corpus of four functions and vectors known beforehand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.embedder import EmbedderSettings
from embedworks.evaluation.encoder import Subject
from embedworks.evaluation.evaluate import score_task
from embedworks.evaluation.find import find_task

NAME = "docstring-questions-retrieval"


@pytest.fixture
def corpus(tmp_path):
    rows = [{"query": f"q{n}", "positive": f"d{n}"} for n in range(12)]
    splits = {"train": rows[:8], "validation": rows[8:9], "test": rows[9:]}
    schema = pa.schema([("query", pa.string()), ("positive", pa.string())])
    write_corpus(tmp_path / "c", splits, name="c", schema=schema)
    return open_corpus(tmp_path / "c")


class Engine:
    """A query's document is at a place of its own; that of q9 first, that of q10 second, of q11 last."""

    ranks = {"q9": 0, "q10": 1, "q11": 11}

    def encode(self, texts, *, prompt="", layers=None, dimensions=None):
        return np.stack([self.vector(text) for text in texts]).astype(np.float32)

    def vector(self, text: str) -> np.ndarray:
        number = int(text[1:])
        if text[0] == "d":
            return np.eye(12)[number]
        order = [number] if text == "q9" else []
        others = [n for n in range(12) if n != number]
        order = [*others[: self.ranks[text]], number, *others[self.ranks[text] :]]
        scores = np.empty(12)
        scores[order] = np.arange(12, 0, -1)
        return scores


def test_only_its_own_passage_is_a_hit_among_those_of_all_splits(corpus):
    task = find_task(NAME).build({"docstring-questions": corpus})
    settings = EmbedderSettings(normalize=False, similarity="dot")
    subject = Subject(engine=Engine(), settings=settings, name="known", revision="1", full_pair=(1, 12))
    [score] = score_task(task, subject, [(1, 12)])
    assert (score.metric, score.n) == ("recall_at_10", 3)
    assert score.value == pytest.approx(2 / 3, abs=1e-5)
    found = {name: pytest.approx(number, abs=1e-5) for name, number in score.others.items()}
    assert found == {
        "recall_at_1": 1 / 3,
        "recall_at_5": 2 / 3,
        "recall_at_10": 2 / 3,
        "recall_at_50": 1,
        "recall_at_100": 1,
    }
