"""Tasks of labelled texts, on encoders whose right score is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from embedworks.embedder import EmbedderSettings
from embedworks.errors import InputError
from embedworks.evaluation.encoder import Subject
from embedworks.evaluation.evaluate import score_task
from embedworks.evaluation.labelled import (
    classification_task,
    clustering_task,
    matching_task,
    unambiguous,
)
from embedworks.evaluation.languages import subset_languages
from embedworks.evaluation.local import About

CLASSES = ("law", "music", "ships")
WIDTH = 64


def about(kind: str, score: str, **options) -> About:
    return About("labelled", "for a test", kind, score, ("Written",), "mit", **options)


def subject(vector) -> Subject:
    def encode(texts, **_options):
        return np.stack([vector(text) for text in texts]).astype(np.float32)

    return Subject(SimpleNamespace(encode=encode), EmbedderSettings(), "fake", "0" * 12)


def oracle(text: str) -> np.ndarray:
    return np.eye(WIDTH)[CLASSES.index(text.split()[0])]


def chance(text: str) -> np.ndarray:
    return np.random.default_rng(list(text.encode())).normal(size=WIDTH)


def rows(count: int, start: int = 0) -> list[tuple[str, str]]:
    return [(f"{name} {number}", name) for name in CLASSES for number in range(start, start + count)]


def value(task, vector) -> float:
    (score,) = score_task(task, subject(vector), [(0, WIDTH)])
    return score.value


def test_classes_are_told_by_few_examples() -> None:
    def task():
        train = [*rows(9), ("rare 1", "rare")]
        test = [*rows(5, 100), ("rare 2", "rare")]  # its class has too few examples
        return classification_task(about("Classification", "accuracy"), train, test)

    assert len(task().dataset["test"]) == 15
    assert value(task(), oracle) == 1.0
    assert value(task(), chance) < 0.7


def test_clusters_are_scored_against_classes() -> None:
    def task():
        return clustering_task(about("Clustering", "v_measure"), rows(12))

    assert value(task(), oracle) == pytest.approx(1.0)
    assert value(task(), chance) < 0.5


def test_translations_are_matched_and_the_score_is_the_mean_over_languages() -> None:
    pairs = {
        "de-en": [(f"de {number}", f"en {number}") for number in range(10)],
        "fr-en": [(f"fr {number}", f"en {number}") for number in range(10)],
    }
    task = matching_task(
        about("BitextMining", "f1", languages=subset_languages(["de", "fr"])),
        pairs,
    )

    def knows_german(text: str) -> np.ndarray:
        language, number = text.split()
        return np.eye(WIDTH)[11 if language == "fr" else int(number)]

    (score,) = score_task(task, subject(knows_german), [(0, WIDTH)])
    assert 0.5 <= score.value < 0.6
    assert score.n == 20


def test_only_pairs_that_have_one_answer_and_differ_are_kept() -> None:
    pairs = [("eins", "one"), ("zwei", "two"), ("zwo", "two"), ("Radio", "radio"), ("bank", "bank")]
    pairs += [("bank", "bench"), ("eins", "one")]
    assert unambiguous(pairs, 10) == [("eins", "one")]
    many = [(f"a{number}", f"b{number}") for number in range(20)]
    assert unambiguous(many, 5) == [pair for pair in many if pair in unambiguous(reversed(many), 5)]
    assert unambiguous([], 5) == []


@pytest.mark.parametrize("count", [0, 1])
def test_a_task_without_data_is_refused(count: int) -> None:
    one = [("law 1", "law")] * count
    with pytest.raises(InputError, match="no classes with enough examples"):
        classification_task(about("Classification", "accuracy"), one, one)
    with pytest.raises(InputError, match="no classes in its corpus"):
        clustering_task(about("Clustering", "v_measure"), one)
    with pytest.raises(InputError, match="no de-en pairs"):
        matching_task(about("BitextMining", "f1"), {"de-en": []})
