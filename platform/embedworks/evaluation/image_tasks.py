"""Tasks of pictures: retrieval between images and texts, zero-shot classes, neighbours among images.

mteb's tasks of images load their data from a hub; these are made from corpora on disk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedworks.errors import InputError

Vectors = NDArray[np.float32]
TEMPLATES = ("{}", "a picture of {}", "a drawing of {}", "an emoji of {}", "an icon of {}")
CUTOFFS = (1, 5, 10)
NEIGHBOURS = 5

# Shape legend: N images or texts, M of the other side, C classes, d dimensions.


class Space(Protocol):
    """Where texts and images come to vectors."""

    def texts(self, texts: Sequence[str]) -> Vectors:
        """``(N, d)`` unit vectors."""
        ...

    def images(self, images: Sequence[bytes]) -> Vectors:
        """``(N, d)`` unit vectors of picture files."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What a task found.

    Attributes:
        value: Its main number.
        n: Queries that it is a mean over.
        others: Further numbers, by name.
        hits: Part -> item -> its share; the main number is the mean of the parts' means.
    """

    value: float
    n: int
    others: Mapping[str, float]
    hits: Mapping[str, Mapping[str, float]]


class ImageTask(ABC):
    """A task of pictures, made from a corpus.

    Attributes:
        name: The name that a job uses.
        metric: What the main number is.
    """

    name: str
    metric: str

    @property
    def sentences(self) -> Sequence[str]:
        """Texts that training must not have seen; names of classes are none."""
        return ()

    @abstractmethod
    def score(self, space: Space) -> Outcome:
        """Score a space."""


@dataclass(frozen=True)
class PairRetrieval(ImageTask):
    """Find the text of each image among all texts, and the image of each text.

    A text that several images have is found with any of them.

    Attributes:
        images: N picture files.
        captions: N texts, one an image.
    """

    name: str
    images: Sequence[bytes]
    captions: Sequence[str]
    metric: str = "recall_at_1"

    @property
    def sentences(self) -> Sequence[str]:
        """The captions."""
        return self.captions

    def score(self, space: Space) -> Outcome:
        """Recall at 1, 5 and 10 both ways; the main number is the mean of both ways' recall at 1."""
        texts = list(dict.fromkeys(self.captions))
        place = {text: number for number, text in enumerate(texts)}
        right_NM = np.zeros((len(self.captions), len(texts)), bool)
        right_NM[np.arange(len(self.captions)), [place[caption] for caption in self.captions]] = True
        cosines_NM = space.images(self.images) @ space.texts(texts).T
        found: dict[str, float] = {}
        hits: dict[str, dict[str, float]] = {}
        for way, scores, right in (
            ("image_to_text", cosines_NM, right_NM),
            ("text_to_image", cosines_NM.T, right_NM.T),
        ):
            found |= {f"{way}_recall_at_{k}": recall(scores, right, k) for k in CUTOFFS}
            hits[way] = numbered(is_found(scores, right, 1))
        value = (found["image_to_text_recall_at_1"] + found["text_to_image_recall_at_1"]) / 2
        return Outcome(value, len(self.captions) + len(texts), found, hits)


@dataclass(frozen=True)
class ZeroShot(ImageTask):
    """Tell the class of each image by the nearest class name, in several templates (ALIGN section 5.3).

    Attributes:
        images: N picture files.
        labels: N class names.
        templates: Sentences with ``{}`` for the name; their vectors are averaged, then normalised.
    """

    name: str
    images: Sequence[bytes]
    labels: Sequence[str]
    templates: Sequence[str] = TEMPLATES
    metric: str = "accuracy"

    def score(self, space: Space) -> Outcome:
        """Accuracy; beside it the mean over classes, which large classes do not rule."""
        classes = sorted(set(self.labels))
        prompts = [template.format(name.lower()) for name in classes for template in self.templates]
        prompts_CTd = space.texts(prompts).reshape(len(classes), len(self.templates), -1)
        names_Cd = normalised(prompts_CTd.mean(axis=1))
        guesses_N = (space.images(self.images) @ names_Cd.T).argmax(axis=1)
        right_N = guesses_N == np.array([classes.index(label) for label in self.labels])
        by_class = [right_N[np.array(self.labels) == name].mean() for name in classes]
        others = {"class_accuracy": float(np.mean(by_class))}
        return Outcome(float(right_N.mean()), len(right_N), others, {"test": numbered(right_N)})


@dataclass(frozen=True)
class Neighbours(ImageTask):
    """Tell the class of each image by its nearest labelled images; the text tower is not asked.

    Attributes:
        images: N picture files.
        labels: N class names.
        known: M picture files.
        known_labels: M class names.
        k: Neighbours that vote, each with its cosine.
    """

    name: str
    images: Sequence[bytes]
    labels: Sequence[str]
    known: Sequence[bytes]
    known_labels: Sequence[str]
    k: int = NEIGHBOURS
    metric: str = "accuracy"

    def score(self, space: Space) -> Outcome:
        """Accuracy of the vote, and of the nearest neighbour alone."""
        classes = sorted({*self.labels, *self.known_labels})
        known_M = np.array([classes.index(label) for label in self.known_labels])
        cosines_NM = space.images(self.images) @ space.images(self.known).T
        nearest_Nk = np.argsort(-cosines_NM, axis=1, kind="stable")[:, : self.k]
        votes_NC = np.zeros((len(cosines_NM), len(classes)))
        for column_N in nearest_Nk.T:
            rows_N = np.arange(len(votes_NC))
            votes_NC[rows_N, known_M[column_N]] += cosines_NM[rows_N, column_N]
        wanted_N = np.array([classes.index(label) for label in self.labels])
        first_N = known_M[nearest_Nk[:, 0]] == wanted_N
        right_N = votes_NC.argmax(axis=1) == wanted_N
        others = {"nearest_accuracy": float(first_N.mean())}
        return Outcome(float(right_N.mean()), len(right_N), others, {"test": numbered(right_N)})


def recall(scores_NM: Vectors, right_NM: NDArray[np.bool_], k: int) -> float:
    """Share of the N queries with a right answer among the k best; ties count against the query."""
    return float(is_found(scores_NM, right_NM, k).mean())


def is_found(scores_NM: Vectors, right_NM: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
    """``(N,)``, whether a query has a right answer among its k best; ties count against it."""
    best_N = np.where(right_NM, scores_NM, -np.inf).max(axis=1)
    wrong_NM = np.where(right_NM, -np.inf, scores_NM)
    before_N = (wrong_NM >= best_N[:, None]).sum(axis=1)
    return np.asarray(before_N < k)


def numbered(hits_N: NDArray[np.bool_]) -> dict[str, float]:
    """Item's number -> 1 for a hit, else 0."""
    return {str(number): float(hit) for number, hit in enumerate(hits_N)}


def normalised(vectors_Nd: Vectors) -> Vectors:
    """Each row to unit length; a row of zeros stays."""
    lengths_N1 = np.linalg.norm(vectors_Nd, axis=1, keepdims=True)
    found: Vectors = vectors_Nd / np.maximum(lengths_N1, 1e-12)
    return found


def refuse_none(name: str, rows: Sequence[object]) -> None:
    """Refuse a task without pictures.

    Raises:
        InputError: naming the task.
    """
    if not rows:
        raise InputError(f"task {name!r} finds no test pictures in its corpus")
