"""What a version of an index must show before it answers: its model's vectors are those of its table."""

from __future__ import annotations

import numpy as np

from embedworks.inference.engine import Vectors
from embedworks.serving.checks import PROBES, CheckFailed
from embedworks.serving.room import Room
from embedworks.transforms.templates import average, templates_of
from embedworks.vectors.records import Size
from embedworks.vectors.table import Table

SAMPLES = 4
ALIKE = 0.95  # of a text's own vector: another precision, or a graph of small numbers, is far above


def check_version(table: Table, room: Room) -> None:
    """Search every stored size once, which also loads it, and find rows by their own text.

    Raises:
        CheckFailed: saying what is wrong.
        InputError: for a size that the model does not have.
    """
    for size in table.record.sizes:
        room.embedder.check_pair(size.layers, size.dimensions)
        found = table.search(probe(room, list(PROBES), size), SAMPLES, size=size, columns=[])
        if table.record.rows and not all(map(len, found.ids)):
            raise CheckFailed(f"a search at {size} finds nothing among {table.record.rows} rows")
        if not all(np.isfinite(scores).all() for scores in found.scores):
            raise CheckFailed(f"scores are not finite at {size}")
    if table.record.column in table.record.keep and table.record.rows:
        check_texts(table, room)


def check_texts(table: Table, room: Room) -> None:
    """Find some rows by their own text: the best score must be about that of a vector with itself.

    Raises:
        CheckFailed: where it is not.
    """
    record = table.record
    found = table.search(
        probe(room, list(PROBES[:1]), record.full), SAMPLES, size=record.full, columns=[record.column]
    )
    texts = [text for row in found.rows[0] if isinstance(text := row[record.column], str) and text.strip()]
    if not texts:
        return
    own = probe(room, texts, record.full, record.prompt)
    best = table.search(own, 1, size=record.full, columns=[])
    for vector, scores in zip(own, best.scores, strict=True):
        alone = float(vector @ vector) if record.similarity == "dot" else 1.0
        if not (len(scores) and float(scores[0]) >= ALIKE * alone):
            score = f"{float(scores[0]) / alone:.3f}" if len(scores) else "nothing"
            raise CheckFailed(f"a row's own text finds it at {score}; the model is not that of the index")


def probe(room: Room, texts: list[str], size: Size, prompt: str = "") -> Vectors:
    """Vectors of texts at a size, computed here and now."""
    ids = room.engine.tokens.cut(texts, prompt)
    pooled = room.engine.pooled(ids, layers=size.layers, max_tokens=room.served.max_tokens_per_batch)
    return room.engine.finish(average(pooled, len(templates_of(prompt))), size.dimensions)
