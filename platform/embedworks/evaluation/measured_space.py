"""How a model fills its space: the geometry of one corpus's texts, and the distance of its pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedworks.corpora.corpus import Corpus
from embedworks.embedder import Pair
from embedworks.evaluation.encoder import Subject, shorten
from embedworks.evaluation.statistics.geometry import alignment, geometry
from embedworks.evaluation.subjects import Access, open_subject
from embedworks.nn.precision import Precision

CORPUS = "python-docs"  # headings as queries, paragraphs as documents
MOST = 1000  # pairs; IsoScore and the ranks need several for each dimension


@dataclasses.dataclass(frozen=True)
class MeasuredSpace:
    """What the vectors of one model look like, read at one size.

    Attributes:
        layers: Depth that was read; 0 for what shows its last layer alone.
        dimensions: Coordinates that were kept.
        n: Documents whose vectors were measured.
        measures: Name -> number: ``alignment``, and the fields of
            :class:`~embedworks.evaluation.statistics.geometry.Geometry`.
    """

    layers: int
    dimensions: int
    n: int
    measures: Mapping[str, float]


def measure_space(
    model: Path | str,
    corpus: Corpus,
    pairs: Sequence[Pair] | None = None,
    precision: Precision = "auto",
    access: Access | None = None,
) -> list[MeasuredSpace]:
    """Measure a model on the held-out pairs of a corpus, a text once for each depth.

    Args:
        model: What :func:`~embedworks.evaluation.subjects.open_subject` opens.
        corpus: With the columns ``query`` and ``positive``.
        pairs: (layers, dimensions) to read it at; None for its full size.
        precision: Of our inference engine.
        access: The key of an endpoint, and prompts.

    Raises:
        InputError: for a model that is not there, or a pair that it cannot be read at.
    """
    subject = open_subject(model, precision, access or Access())
    wanted = list(dict.fromkeys(pairs or [subject.full_pair]))
    for pair in wanted:
        subject.check_pair(pair)
    rows = [(row["query"], row["positive"]) for row in corpus.iter_rows("test")]
    return [_measure(subject, pair, rows[:: -(-len(rows) // MOST)]) for pair in wanted]


def _measure(subject: Subject, pair: Pair, rows: Sequence[tuple[str, str]]) -> MeasuredSpace:
    vectors, prompts = subject.at(pair[0]), subject.settings.prompts
    queries, documents = (list(side) for side in zip(*rows, strict=True))
    prompt = prompts.get("document") or prompts.get("passage", "")
    queries_Nd = _cut(vectors(queries, prompts.get("query", "")), pair)
    documents_Nd = _cut(vectors(documents, prompt), pair)
    # A paragraph has a row for every question about it, and a text is no second point of the space.
    single = list({text: row for row, text in enumerate(documents)}.values())
    found: dict[str, Any] = dataclasses.asdict(geometry(documents_Nd[single]))
    measures = {"alignment": alignment(queries_Nd, documents_Nd), **found}
    return MeasuredSpace(*pair, len(single), {name: round(value, 6) for name, value in measures.items()})


def _cut(vectors_ND: Any, pair: Pair) -> Any:
    return shorten(vectors_ND, pair[1], normalize=True)  # all measures are of directions
