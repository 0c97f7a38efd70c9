"""What a user asks of an index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedworks.corpora.corpus import Corpus
from embedworks.embedder import Pair
from embedworks.errors import InputError
from embedworks.inference.backends.protocol import BackendName, ServingPrecision
from embedworks.vectors.records import ID, KEY, VECTOR

TEXTS = ("string", "large_string", "string_view")
SEVERAL = re.compile(r"(?:large_)?list<\w+: (?:large_)?string(?: not null)?>")
PICTURES = ("binary", "large_binary")


@dataclass(frozen=True)
class FoundModel:
    """A model, and where it was found.

    Attributes:
        folder: Its folder.
        source: What leads to this very model: ``models:/docs/3``, a folder or a hub id.
        asked: What the user named: ``models:/docs@champion``.
        version: Of the registry.
    """

    folder: Path
    source: str
    asked: str
    version: str | None = None

    @classmethod
    def of_folder(cls, folder: Path) -> FoundModel:
        """A model that is a folder."""
        name = str(folder.absolute())
        return cls(folder.absolute(), name, name)


@dataclass(frozen=True)
class IndexOptions:
    """What is embedded and how it is kept.

    Attributes:
        column: What is embedded: texts, lists of texts, or the bytes of pictures. A row of several texts
            has the mean of their vectors.
        split: Of the corpus.
        limit: Only the first so many rows; None: all.
        keep: Columns beside the vectors, each ``column`` or ``name=column``. Texts that are embedded are
            always kept; pictures where nothing else is.
        group: Column whose values colour the map.
        questions: Column of queries, whose rows are the answers.
        sizes: ``full``, ``trained``, or (layers, dimensions) pairs.
        prompt: Name of one of the model's prompts; None for the one of documents, if it has one; empty
            for none.
        precision: As the engine takes it.
        backend: As the engine takes it.
        format: ``lance`` or ``parquet``.
        keep_versions: Complete versions that stay.
    """

    column: str = "text"
    split: str = "train"
    limit: int | None = None
    keep: tuple[str, ...] = ()
    group: str | None = None
    questions: str | None = None
    sizes: str | Sequence[Pair] = "full"
    prompt: str | None = None
    precision: ServingPrecision = "auto"
    backend: BackendName | None = None
    format: str = "lance"
    keep_versions: int = 2

    def kept(self, corpus: Corpus) -> tuple[tuple[str, str], ...]:
        """Name in the table and column of the corpus, of what is kept.

        Raises:
            InputError: for a column that the corpus does not have, or a name that the table has already.
        """
        named = [(text.partition("=")[0], text.rpartition("=")[2]) for text in self.keep]
        if self.group is not None and self.group not in (name for name, _ in named):
            named.append((self.group, self.group))
        text_is_kept = self.column in (column for _, column in named)
        if not text_is_kept and (not named or not holds_pictures(corpus, self.column)):
            named.insert(0, (self.column, self.column))
        for name, column in named:
            check_column(corpus, column)
            if name in (ID, KEY) or name.startswith(VECTOR):
                raise InputError(
                    f"the table has a column {name!r} of its own",
                    expected=f"another name for the corpus's, as --keep my_{name}={column}",
                )
        return tuple(dict.fromkeys(named))


def check_column(corpus: Corpus, name: str) -> None:
    """Refuse a column that the corpus does not have.

    Raises:
        InputError: with the nearest one.
    """
    if name not in corpus.columns:
        raise InputError(
            f"corpus {corpus.manifest.name!r} has no column {name!r}",
            expected=f"one of {', '.join(corpus.columns)}",
            name=name,
            known=corpus.columns,
        )


def holds_pictures(corpus: Corpus, column: str) -> bool:
    """Whether a column has the bytes of files, which are those of pictures.

    Raises:
        InputError: for a column that there is not, or that holds neither texts nor files.
    """
    check_column(corpus, column)
    kind = corpus.manifest.columns[column]
    if kind not in TEXTS + PICTURES and not SEVERAL.fullmatch(kind):
        raise InputError(
            f"column {column!r} of corpus {corpus.manifest.name!r} holds {kind}",
            expected="a column of texts, of lists of texts, or of the bytes of pictures",
        )
    return kind in PICTURES
