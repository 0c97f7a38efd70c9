"""Agree with a judge on how near two definitions of a dictionary are; headwords that no training row has.

The judge is a sentence encoder, all-MiniLM-L6-v2, so that the score is silver and no truth: it says how far
a model agrees with one that read a billion pairs. A model that started from the judge has seen the answers,
and is not to be scored here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import About, similarity_task, text_order

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskSTS

NAME = "dictionary-silver-similarity"
corpora = ("dictionary",)

JUDGE = "sentence-transformers/all-MiniLM-L6-v2"
MAX_PAIRS = 3000
MIN_WORDS = 3  # of a definition: "Of Adz" is a pointer, not a meaning

ABOUT = About(
    name=NAME,
    description=(
        "Pairs of definitions of an English dictionary, of headwords that no training row has, half of "
        f"them two senses of one headword, graded by the cosine of {JUDGE}; at most {MAX_PAIRS} pairs, "
        "chosen by hash."
    ),
    kind="STS",
    main_score="cosine_spearman",
    domains=("Written",),
    license="gpl-3.0",
)

Texts = tuple[str, str]


def build(corpora: Mapping[str, Corpus]) -> AbsTaskSTS:
    """The task from the test split of ``dictionary``; the judge reads its texts here."""
    rows = corpora["dictionary"].iter_rows("test", columns=["headword", "definitions"])
    pairs = same_and_other(rows)
    return similarity_task(ABOUT, judged(pairs), 1)


def same_and_other(rows: Iterable[Mapping[str, Any]], most: int = MAX_PAIRS) -> list[Texts]:
    """Pairs of definitions: two senses of a headword, and as many of two headwords, each by hash."""
    senses: dict[str, list[str]] = {}
    for row in rows:
        told = [text for text in row["definitions"] if len(text.split()) >= MIN_WORDS]
        senses.setdefault(row["headword"], []).extend(told)
    same = [(found[0], found[1]) for found in senses.values() if len(found) > 1 and found[0] != found[1]]
    firsts = sorted({found[0] for found in senses.values() if found}, key=text_order)
    other = list(zip(firsts[::2], firsts[1::2], strict=False))
    count = min(most // 2, len(same), len(other))
    return [pair for pairs in (same, other) for pair in sorted(pairs, key=_order)[:count]]


def judged(pairs: Sequence[Texts]) -> list[tuple[str, str, float]]:
    """The pairs with the judge's cosine, between 0 and 1, to two decimals: machines differ beyond."""
    from embedworks.embedder import Embedder
    from embedworks.inference.engine import Engine

    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    engine = Engine(Embedder.load(JUDGE), "fp32")
    vectors = dict(zip(texts, engine.encode(texts), strict=True))
    cosines = (float(vectors[one] @ vectors[other]) for one, other in pairs)
    return [(*pair, round(max(0.0, cosine), 2)) for pair, cosine in zip(pairs, cosines, strict=True)]


def _order(pair: Texts) -> str:
    return text_order("\n".join(pair))
