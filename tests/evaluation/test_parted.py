"""Tasks of several data sets: parts are evaluated apart, and the score is their mean."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from embedworks.embedder import EmbedderSettings
from embedworks.errors import InputError
from embedworks.evaluation.encoder import Subject
from embedworks.evaluation.evaluate import score_task
from embedworks.evaluation.labelled import classification_task, clustering_task
from embedworks.evaluation.local import About, group, retrieval_task, similarity_task
from embedworks.evaluation.parted import parted_task
from embedworks.evaluation.samples import read_samples
from embedworks.evaluation.tasks import (
    dictionary_parts_of_speech,
    dictionary_subject_clusters,
    emoji_group_similarity,
    stdlib_package_search,
)

CLASSES = ("law", "music", "ships")
WIDTH = 64


def about(kind: str, score: str) -> About:
    return About("parted", "for a test", kind, score, ("Written",), "mit")


def vector(text: str) -> np.ndarray:
    """Texts with a `!` are understood by their first word; others are not."""
    if "!" in text:
        return np.eye(WIDTH)[CLASSES.index(text.split()[0])]
    return np.random.default_rng(list(text.encode())).normal(size=WIDTH)


def score(task, keep):
    encode = SimpleNamespace(encode=lambda texts, **_: np.stack([*map(vector, texts)]).astype(np.float32))
    subject = Subject(encode, EmbedderSettings(), "fake", "0" * 12)
    (found,) = score_task(task, subject, [(0, WIDTH)], keep=keep)
    samples = read_samples(found.samples)
    parts = {part: float(samples.values[places].mean()) for part, places in samples.rows().items()}
    return found.value, parts


def rows(mark: str, count: int, start: int = 0) -> list[tuple[str, str]]:
    return [(f"{name} {i}{mark}", name) for name in CLASSES for i in range(start, start + count)]


def similarity(mark: str):
    texts = [text for text, _ in rows(mark, 4)]
    pairs = [(a, b, float(a.split()[0] == b.split()[0])) for a in texts for b in texts if a < b]
    return similarity_task(about("STS", "cosine_spearman"), pairs, 1)


def classification(mark: str):
    return classification_task(about("Classification", "accuracy"), rows(mark, 9), rows(mark, 5, start=100))


def clustering(mark: str):
    return clustering_task(about("Clustering", "v_measure"), rows(mark, 12 if mark else 5))


@pytest.mark.parametrize("make", [similarity, classification, clustering])
def test_the_score_is_the_mean_over_data_sets(make, tmp_path):
    easy, hard = make("!"), make("")
    kind = about(easy.metadata.type, easy.metadata.main_score)
    value, parts = score(parted_task(kind, {"easy": easy, "hard": hard}), tmp_path)
    assert parts["test/easy"] == pytest.approx(1.0)
    assert parts["test/hard"] < 0.8
    assert value == pytest.approx(np.mean([*parts.values()]), abs=1e-5)
    assert parts["test/easy"] == pytest.approx(score(make("!"), tmp_path)[0], abs=1e-5)


def test_documents_of_other_data_sets_are_not_found(tmp_path):
    one, other = (
        retrieval_task(about("Retrieval", "ndcg_at_10"), group([("law !", f"law {x}!"), ("no", x)]))
        for x in ("a", "b")
    )
    _, parts = score(parted_task(about("Retrieval", "ndcg_at_10"), {"a": one, "b": other}), tmp_path)
    assert set(parts) == {"test/a", "test/b"}
    assert all(0.8 < value <= 1 for value in parts.values())  # two documents each, the right one first


def test_the_digest_is_of_all_data_sets_and_none_is_refused():
    kind = about("Clustering", "v_measure")
    one, other = (parted_task(kind, {"a": clustering("!"), "b": clustering(mark)}) for mark in ("", "!"))
    assert one.metadata.revision != other.metadata.revision
    with pytest.raises(InputError, match="no data set"):
        parted_task(kind, {})


# -- the platform's own ------------------------------------------------------------------------------


class Rows:
    """A corpus in memory."""

    def __init__(self, **splits):
        self.splits = splits

    def iter_rows(self, split, columns):
        return [{name: row[name] for name in columns} for row in self.splits[split]]


def entry(letter: str, number: int, **more):
    return {"headword": f"{letter}{number}", "definition": f"{letter} {number} {more}", **more}


def test_definitions_are_cut_by_initial():
    kinds = ("adjective", "noun", "verb")
    spoken = [entry(x, i, part_of_speech=kind) for x in "ab" for kind in kinds for i in range(9)]
    spoken += [entry("c", i, part_of_speech="noun") for i in range(9)]  # of one class
    task = dictionary_parts_of_speech.build({"dictionary": Rows(train=spoken, test=spoken)})
    assert {part: len(data["test"]) for part, data in task.dataset.items()} == {"a": 27, "b": 27}
    fields = [entry("a", i, subject=field) for field in ("law", "music", "ships") for i in range(20)]
    fields += [entry("b", i, subject=field) for field in ("law", "music") for i in range(20)]
    task = dictionary_subject_clusters.build({"dictionary": Rows(test=fields)})
    assert {part: len(data["test"]["labels"]) for part, data in task.dataset.items()} == {"a": 45}


def test_emoji_and_functions_are_cut_by_group_and_package():
    tags = [["red", "round", str(i % 4)] for i in range(11)]
    emoji = [{"query": f"{g} {i}", "tags": t, "category": g} for g in "xy" for i, t in enumerate(tags)]
    emoji += [{"query": "z", "tags": ["a", "b", "c"], "category": "z"}]
    task = emoji_group_similarity.build({"emoji-names": Rows(test=emoji)})
    assert {part: len(data["test"]) for part, data in task.dataset.items()} == {"x": 55, "y": 55}
    code = [{"query": f"q{i}", "positive": f"p{i}", "module": f"{m}.sub"} for m in "ab" for i in range(20)]
    code += [{"query": "q", "positive": "p", "module": "c"}]
    task = stdlib_package_search.build({"stdlib-code": Rows(test=code)})
    assert {part: len(data["test"]["corpus"]) for part, data in task.dataset.items()} == {"a": 20, "b": 20}
