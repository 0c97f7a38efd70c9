"""Where a query's wrong texts come from: near ones by a teacher's vectors, or examples of other classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.transforms.triples import Triple

Floats = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]

BLOCK = 512  # queries scored at a time
POSITIVES, NEGATIVES = 8, 16  # examples that a text of a class keeps

# Shape legend: Q queries, C candidates, D width.


def positive_aware(scores_C: Floats, positive: float, count: int, share: float = 0.95) -> list[int]:
    """The best-scoring candidates that are below a share of the positive's score (arXiv 2407.15831).

    What scores as high as the positive is often right as well, only not labelled so.

    Args:
        scores_C: The query's scores with candidates; ``-inf`` for those that are out of question.
        positive: Its score with its own positive.
        count: How many are wanted at most.
        share: Of the positive's score.

    Returns:
        Places, best first.

    Example:
        >>> positive_aware(np.array([0.79, 0.77, 0.75, 0.60]), 0.80, 4)
        [2, 3]
    """
    allowed = np.flatnonzero((scores_C < share * positive) & np.isfinite(scores_C))
    order = np.argsort(-scores_C[allowed], kind="stable")[:count]
    return [int(place) for place in allowed[order]]


def mined_triples(
    pairs: Sequence[tuple[str, str]], encode: Encode, count: int, share: float = 0.95
) -> Iterator[Triple]:
    """Each pair with the hard negatives that a teacher finds among the positives of all.

    Args:
        pairs: (query, positive).
        encode: Texts to ``(N, D)`` unit vectors, by the teacher.
        count: Negatives a query.
        share: See :func:`positive_aware`. Where nothing is allowed, the worst-scoring candidates are taken.
    """
    not_wrong = _not_wrong(pairs)
    texts = list(dict.fromkeys(positive for _, positive in pairs))
    place = {text: number for number, text in enumerate(texts)}
    candidates_CD = encode(texts)
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        scores_QC = encode([query for query, _ in block]) @ candidates_CD.T
        for (query, positive), scores_C in zip(block, scores_QC, strict=True):
            score = float(scores_C[place[positive]])
            scores_C[[place[text] for text in not_wrong[query] if text in place]] = -np.inf
            found = positive_aware(scores_C, score, count, share)
            if not found:
                rest = np.flatnonzero(np.isfinite(scores_C))
                found = [int(rest[i]) for i in np.argsort(scores_C[rest], kind="stable")[:count]]
            yield Triple(query, [positive], [texts[i] for i in found])


def random_triples(
    pairs: Sequence[tuple[str, str]], count: int, rng: np.random.Generator
) -> Iterator[Triple]:
    """Each pair with positives of others, drawn: what mining is compared with."""
    not_wrong = _not_wrong(pairs)
    texts = list(dict.fromkeys(positive for _, positive in pairs))
    for query, positive in pairs:
        yield Triple(query, [positive], _drawn(texts, not_wrong[query], count, rng))


def example_triples(
    labelled: Sequence[tuple[str, str]], rng: np.random.Generator, *, examples: bool = True
) -> Iterator[Triple]:
    """Texts of classes as triples.

    Args:
        labelled: (text, class).
        rng: Draws examples.
        examples: Right are other texts of the class, wrong are texts of other classes; a text that is alone
            in its class is left out. Else right is the name of the class and wrong are those of others. Two
            classes are always told by their names.

    Raises:
        InputError: for fewer than two classes.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for text, label in dict.fromkeys(labelled):
        members[label].append(text)
    if len(members) < 2:
        raise InputError("these rows are of one class", expected="two classes at least")
    if not examples or len(members) == 2:
        for text, label in labelled:
            yield Triple(text, [label], [other for other in members if other != label])
        return
    everything = sorted({text for text, _ in labelled})
    sets = {label: set(texts) for label, texts in members.items()}
    for text, label in labelled:
        positives = _drawn(members[label], {text}, POSITIVES, rng)
        if positives:
            yield Triple(text, positives, _drawn(everything, sets[label], NEGATIVES, rng))


def alike_by_tags(tagged: Mapping[str, set[str]]) -> Iterator[tuple[str, str, float]]:
    """Pairs that share a tag, each with its score from 0 to 5: five times the Jaccard index of the tags."""
    holders: dict[str, list[str]] = defaultdict(list)
    for text, tags in tagged.items():
        for tag in sorted(tags):
            holders[tag].append(text)
    pairs = dict.fromkeys(pair for texts in holders.values() for pair in combinations(texts, 2))
    for one, other in pairs:
        both = tagged[one] & tagged[other]
        yield one, other, 5 * len(both) / len(tagged[one] | tagged[other])


def both_directions(scored: Iterator[tuple[str, str, float]], least: float = 4.0) -> list[tuple[str, str]]:
    """Pairs that score at least so much, as (query, positive) in both directions."""
    kept = [(one, other) for one, other, score in scored if score >= least]
    return [pair for one, other in kept for pair in ((one, other), (other, one))]


def _not_wrong(pairs: Sequence[tuple[str, str]]) -> Mapping[str, set[str]]:
    """Query -> what is right for it, and itself: where both sides are of one kind, it may be among them."""
    found: dict[str, set[str]] = defaultdict(set)
    for query, positive in pairs:
        found[query] |= {query, positive}
    return found


def _drawn(texts: Sequence[str], without: set[str], count: int, rng: np.random.Generator) -> list[str]:
    """Some of the texts, in random order and none twice."""
    found: list[str] = []
    if len(texts) <= 4 * (count + len(without)):
        rest = [text for text in texts if text not in without]
        return [rest[i] for i in rng.permutation(len(rest))[:count]]
    while len(found) < count:
        text = texts[int(rng.integers(len(texts)))]
        if text not in without and text not in found:
            found.append(text)
    return found
