"""mteb tasks of labelled texts from corpora on disk: classification, clustering, matching translations."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.errors import InputError
from embedworks.evaluation.local import About, first_texts, metadata_of

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskBitextMining, AbsTaskClassification, AbsTaskClustering

Labelled = Sequence[tuple[str, str]]

EXPERIMENTS = 10  # mteb's own number of fits and of clusterings
EXAMPLES = 8  # labelled texts of each class that a fit sees: mteb's own number
MAX_TRAIN = 4 * EXAMPLES  # that they are drawn from


def classification_task(about: About, train: Labelled, test: Labelled) -> AbsTaskClassification:
    """Tell the class of a text by logistic regression on vectors of a few labelled ones.

    mteb draws ``EXAMPLES`` texts of each class ``EXPERIMENTS`` times, fits on them, and scores all test
    texts with each fit; the score is the mean. Classes of which train has fewer texts are left out.

    Args:
        about: Of the task.
        train: (text, class) to draw examples from.
        test: (text, class) to score on.

    Raises:
        InputError: if test has fewer than two classes that train has examples of.
    """
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskClassification

    counts = Counter(label for _, label in train)
    classes = sorted({label for _, label in test if counts[label] >= EXAMPLES})
    _refuse(about, len(classes) < 2, "classes with enough examples")
    splits = {"train": _numbered(train, classes), "test": _numbered(test, classes)}

    class LocalClassification(AbsTaskClassification):
        metadata = metadata_of(about, [classes, splits])
        samples_per_label = EXAMPLES
        n_experiments = EXPERIMENTS

    task = LocalClassification()
    names = ("text", "label")
    task.dataset = DatasetDict(
        {
            split: Dataset.from_list([dict(zip(names, row, strict=True)) for row in rows])
            for split, rows in splits.items()
        }
    )
    task.data_loaded = True
    return task


def column_task(
    about: About, corpus: Corpus, text: str, label: str, *, least: int, most: int
) -> AbsTaskClassification:
    """Tell the class that a column names: of texts of the test split, by some of the train split.

    Args:
        about: Of the task.
        corpus: With both splits.
        text: Column of the texts.
        label: Column of their classes; rows without one are left out.
        least: Texts in test that a class must have.
        most: Texts of a class in test, chosen by hash.
    """
    train, test = (_by_class(labelled_texts(corpus, split, text, label)) for split in ("train", "test"))
    asked = {name: texts for name, texts in test.items() if len(texts) >= least}
    known = {name: texts for name, texts in train.items() if name in asked}
    return classification_task(about, texts_of_classes(known, MAX_TRAIN), texts_of_classes(asked, most))


def clustering_task(about: About, rows: Labelled) -> AbsTaskClustering:
    """Find the classes of texts by k-means on their vectors; mteb's mean of ``EXPERIMENTS`` draws.

    Args:
        about: Of the task.
        rows: (text, class).

    Raises:
        InputError: if there are fewer than two classes.
    """
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskClustering

    classes = sorted({label for _, label in rows})
    _refuse(about, len(classes) < 2, "classes")
    numbered = _numbered(rows, classes)

    class LocalClustering(AbsTaskClustering):
        metadata = metadata_of(about, [classes, numbered])
        max_fraction_of_documents_to_embed = None
        max_documents_per_cluster = len(numbered)
        n_clusters = EXPERIMENTS

    task = LocalClustering()
    columns = {"sentences": [text for text, _ in numbered], "labels": [label for _, label in numbered]}
    task.dataset = DatasetDict({"test": Dataset.from_dict(columns)})
    task.data_loaded = True
    return task


def matching_task(about: About, pairs: Mapping[str, Sequence[tuple[str, str]]]) -> AbsTaskBitextMining:
    """Find the translation of each text among those of its language (bitext mining).

    Args:
        about: Of the task; its languages name the subsets.
        pairs: Subset -> (text, translation), all different.

    Raises:
        InputError: for a subset without pairs.
    """
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskBitextMining

    for subset, found in pairs.items():
        _refuse(about, not found, f"{subset} pairs")

    class LocalMatching(AbsTaskBitextMining):
        metadata = metadata_of(about, [[subset, found] for subset, found in pairs.items()])

    task = LocalMatching()
    names = ("sentence1", "sentence2")
    task.dataset = {
        subset: DatasetDict(
            {"test": Dataset.from_list([dict(zip(names, pair, strict=True)) for pair in found])}
        )
        for subset, found in pairs.items()
    }
    task.data_loaded = True
    return task


def unambiguous(pairs: Iterable[tuple[str, str]], limit: int) -> list[tuple[str, str]]:
    """At most ``limit`` pairs, the first by hash, whose texts no other pair has on either side.

    Pairs of equal texts are left out: finding the same string again says nothing about languages. A text
    with two translations is left out too, as mteb would count one of them as wrong.
    """
    found = list(dict.fromkeys(pairs))
    firsts, seconds = (Counter(side) for side in zip(*found, strict=True)) if found else ({}, {})
    single = {
        one: other
        for one, other in found
        if firsts[one] == 1 and seconds[other] == 1 and one.casefold() != other.casefold()
    }
    return [(one, single[one]) for one in first_texts(single, limit)]


def labelled_texts(corpus: Corpus, split: str, text: str, label: str) -> list[tuple[str, str]]:
    """(text, class) of the rows of a split that have both, from two of its columns."""
    rows = corpus.iter_rows(split, columns=[text, label])
    return [(row[text], row[label]) for row in rows if row[text] and row[label]]


def texts_of_classes(
    classes: Mapping[str, Sequence[str]], most: int, least: int = 1
) -> list[tuple[str, str]]:
    """(text, class), at most so many of a class, chosen by hash, of the classes that have enough."""
    kept = sorted(name for name, texts in classes.items() if len(texts) >= least)
    return [(text, name) for name in kept for text in first_texts(classes[name], most)]


def _by_class(rows: Labelled) -> dict[str, list[str]]:
    classes: dict[str, list[str]] = defaultdict(list)
    for text, name in rows:
        classes[name].append(text)
    return classes


def _numbered(rows: Labelled, classes: Sequence[str]) -> list[tuple[str, int]]:
    places = {label: place for place, label in enumerate(classes)}
    return [(text, places[label]) for text, label in rows if label in places]


def _refuse(about: About, wrong: bool, what: str) -> None:
    if wrong:
        raise InputError(f"task {about.name!r} finds no {what} in its corpus")
