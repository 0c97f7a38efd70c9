"""Vectors of a task's texts by the models that are shown; each text is encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedworks.evaluation.encoder import MtebEncoder, Subject, Vectors, shorten
from embedworks.evaluation.subjects import Access, open_subject


class Encoders:
    """Opened models by name.

    Args:
        folders: Name -> embedder folder.
    """

    def __init__(self, folders: dict[str, Path]) -> None:
        self.models = tuple(folders)
        self._folders = folders
        self._open: dict[str, Subject] = {}

    def encode(self, model: str, task: Any, texts: Sequence[str], as_queries: bool) -> Vectors:
        """``(N, D)`` vectors of unit length, with the prompt that the task gives queries or documents."""
        from mteb.types import PromptType

        if model not in self._open:
            self._open[model] = open_subject(self._folders[model], "fp32", Access())
        subject = self._open[model]
        encoder = MtebEncoder(subject, subject.full_pair, subject.at(subject.full_pair[0]))
        kind = PromptType.query if as_queries else PromptType.document
        vectors_ND = encoder.vectors(list(texts), encoder.prompt(task.metadata, kind))
        return shorten(vectors_ND, subject.full_pair[1], normalize=True)
