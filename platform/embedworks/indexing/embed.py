"""The door of indexing: a corpus through an embedder into an index, from where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.indexing.lock import writing
from embedworks.indexing.options import FoundModel, IndexOptions
from embedworks.indexing.plan import make_plan
from embedworks.indexing.pool import embed_here
from embedworks.indexing.run import Embedded, EmbedUnits, Listen, Progress, Run
from embedworks.vectors.index_folder import IndexFolder

__all__ = ["Embedded", "Progress", "embed_corpus"]


def embed_corpus(
    model: FoundModel,
    corpus: Path | Corpus,
    index: Path,
    options: IndexOptions | None = None,
    *,
    name: str | None = None,
    embed: EmbedUnits = embed_here,
    find: Callable[[str], Path] | None = None,
    listen: Listen = lambda _: None,
    max_rows: int | None = None,
) -> Embedded:
    """Embed a split into a version of an index, and let that answer once it is complete.

    Run again it goes on with what a killed run left, re-embeds what changed in the corpus, or, with
    another model, makes another version beside the one that answers.

    Args:
        model: The model.
        corpus: The rows: a corpus folder.
        index: Folder of the index; made where there is none.
        options: What to embed, and how it is kept.
        name: Of an index that is new.
        embed: Does units: :func:`embedworks.indexing.pool.embed_here` or ``embed_on_ray``.
        find: Finds the model by its source on nodes that do not have its folder.
        listen: Told of every unit that is done.
        max_rows: Rows of a unit; None: by the size of the corpus.

    Raises:
        InputError: for a column, split, size, prompt or format that there is not, rows that cannot be
            read, or an index that another process writes.
    """
    opened = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    plan = make_plan(model, opened, index, options or IndexOptions(), find, max_rows)
    folder = IndexFolder.create(index, name)
    with writing(folder.path):
        return Run(folder, plan, listen).run(embed)
