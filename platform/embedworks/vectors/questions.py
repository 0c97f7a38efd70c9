"""The questions of a version: queries of which the right rows are known."""

from __future__ import annotations

from pathlib import Path

from embedworks.corpora.corpus import Corpus
from embedworks.vectors.records import VersionRecord


def write(
    version_folder: Path, record: VersionRecord, corpus: Corpus, column: str, limit: int = 64
) -> Path:
    """Write ``questions.json``: at most ``limit`` queries of a column of the corpus, with the ids of their rows."""
    raise NotImplementedError
