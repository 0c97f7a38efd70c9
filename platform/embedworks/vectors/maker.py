"""The model that made an index's vectors: found again, told from others, asked for vectors of queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import resolve_model, weights_digest
from embedworks.inference.engine import Engine, Vectors
from embedworks.vectors.records import Size, VersionRecord

QUERY = "query"  # the name of a model's prompt for queries

Find = Callable[[str], Path]


def find_maker(record: VersionRecord, find: Find = resolve_model) -> Path:
    """The folder of the model that made a version's vectors: where it was, or where its source leads to.

    Args:
        record: The version.
        find: A source to its folder, for what is in a registry.

    Raises:
        InputError: where it is not there any more, or another model is in its place.
    """
    if record.folder.is_dir() and weights_digest(record.folder) == record.weights:
        return record.folder
    folder = find(record.model)
    if weights_digest(folder) != record.weights:
        what = f"{record.model} in {folder} is not the model that made the vectors of version {record.id}"
        raise InputError(what, expected="its weights, or `embedworks embed` again")
    return folder


class QueryEmbedder:
    """Embeds queries as a version's own model does, with its prompt for queries where it has one.

    Raises:
        InputError: where the model cannot be found.
    """

    def __init__(self, record: VersionRecord, find: Find = resolve_model) -> None:
        embedder = Embedder.load(find_maker(record, find))
        self.prompt = embedder.settings.prompts.get(QUERY, "")
        self.engine = Engine(embedder)

    def __call__(self, queries: Sequence[str], size: Size) -> Vectors:
        """``(Q, d)`` vectors at a size of the version."""
        return self.engine.encode(
            queries, prompt=self.prompt, layers=size.layers, dimensions=size.dimensions
        )
