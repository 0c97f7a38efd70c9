"""The questions of a version: queries of which the right rows are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedworks.corpora.atomic import new_file
from embedworks.corpora.corpus import Corpus
from embedworks.vectors.records import ID, KEY, VersionRecord
from embedworks.vectors.store import open_store
from embedworks.vectors.table import QUESTIONS_FILE

SPARE = 4  # rows looked at for each question: some have none, or one that another row has too


def write(
    version_folder: Path, record: VersionRecord, corpus: Corpus, column: str, limit: int = 64
) -> Path:
    """Write ``questions.json``: at most ``limit`` queries, each with the ids of the rows that answer it.

    A query's own row answers it, and every row of the same content.

    Args:
        version_folder: Of a version whose vectors are written.
        record: Its record.
        corpus: What was embedded; its split should be one that the model has not seen in training.
        column: The corpus's column of queries.
        limit: Most questions, drawn with a fixed seed.

    Returns:
        The file.

    Raises:
        InputError: for a column that the corpus does not have, naming the nearest.
    """
    store = open_store(version_folder)
    ids_N = store.column(ID).to_numpy()
    keys = store.column(KEY)
    drawn = np.random.default_rng(0).permutation(len(ids_N))[: SPARE * limit]
    queries = corpus.read(record.split, ids_N[drawn], [column])[column].to_pylist()
    chosen: dict[str, bytes] = {}
    for query, key in zip(queries, keys.take(drawn).to_pylist(), strict=True):
        if isinstance(query, str) and query.strip() and len(chosen) < limit:
            chosen.setdefault(query, key)
    is_right = pc.is_in(keys, value_set=pa.array(list(chosen.values()), keys.type))
    right: dict[bytes, list[int]] = {}
    numbers_N = ids_N[is_right.to_numpy()]
    for number, key in zip(numbers_N.tolist(), keys.filter(is_right).to_pylist(), strict=True):
        right.setdefault(key, []).append(number)
    questions = [{"query": query, "relevant": right[key]} for query, key in chosen.items()]
    with new_file(version_folder / QUESTIONS_FILE) as partial:
        partial.write_text(json.dumps(questions, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return version_folder / QUESTIONS_FILE
