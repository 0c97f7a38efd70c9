"""How ``embedworks embed`` makes an index: model and corpus found, the cluster joined if need be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedworks.cli.model_sources import ModelSources
from embedworks.registered import is_registered, pinned

if TYPE_CHECKING:
    from embedworks.indexing.embed import Embedded
    from embedworks.indexing.options import FoundModel, IndexOptions
    from embedworks.indexing.pool import Pool
    from embedworks.indexing.record import UnitRecord
    from embedworks.indexing.units import Unit
    from embedworks.indexing.work import Work


@dataclass
class Making:
    """What was asked on the command line."""

    model: str
    corpus: str
    index: Path
    options: IndexOptions
    corpora: Path
    address: str | None
    pool: Pool | None
    sources: ModelSources

    def look(self) -> tuple[str | None, str]:
        """The model's version and the corpus's digest now."""
        from embedworks.corpora.corpus import open_corpus

        version = self.sources.version(self.model) if is_registered(self.model) else None
        return version, open_corpus(self.corpus_folder()).digest

    def build(self, as_json: bool) -> str:
        """Make the index; what there is to print."""
        from embedworks.cli.embed_progress import progress
        from embedworks.indexing.embed import embed_corpus

        model = find_model(self.model, self.sources)
        corpus = self.corpus_folder()
        with progress() as listen:
            done = embed_corpus(
                model,
                corpus,
                self.index,
                self.options,
                embed=self.embed_units,
                find=self.sources,
                listen=listen,
            )
        return json.dumps(as_dict(done, model)) if as_json else describe(done, model)

    def corpus_folder(self) -> Path:
        """The corpus, built where it is not there yet."""
        from embedworks.corpora.ensure import ensure_corpus

        if self.address or os.environ.get("RAY_ADDRESS"):
            self.connect()  # a cluster that is there builds faster than this process alone
        return ensure_corpus(self.corpus, self.corpora)

    def embed_units(self, work: Work, units: Sequence[Unit]) -> Iterator[UnitRecord]:
        """Units on a cluster that is joined, or started, where there is something to compute."""
        from embedworks.indexing.pool import embed_on_ray

        self.connect()
        return embed_on_ray(work, units, self.pool)

    def connect(self) -> None:
        """Join or start the cluster."""
        from embedworks.cli.ray_session import connect

        connect(self.address)


def find_model(asked: str, sources: ModelSources) -> FoundModel:
    """A model, pinned to the version that an alias leads to now.

    Raises:
        InputError: for a model that is not there, with the nearest name.
    """
    from embedworks.indexing.options import FoundModel

    if not is_registered(asked):
        folder = sources(asked).absolute()
        return FoundModel(folder, str(folder) if Path(asked).is_dir() else asked, asked)
    version = sources.version(asked)
    exact = pinned(asked, version) if version else asked
    return FoundModel(sources(exact).absolute(), exact, asked, version)


def as_dict(done: Embedded, model: FoundModel) -> dict[str, Any]:
    """What was done, for machines."""
    return {**asdict(done), "index": str(done.index), "model": model.source}


def describe(done: Embedded, model: FoundModel) -> str:
    """What was done, in two lines: the second is the command to go on with."""
    computed = done.rows - done.reused - done.before if done.before < done.rows else 0
    parts = [f"{computed:,} rows embedded in {done.seconds:.1f} s"]
    if done.reused:
        parts.append(f"{done.reused:,} reused")
    if done.before:
        parts.append(f"{done.before:,} done before")
    recall = f", recall {done.recall:.3f}" if done.recall is not None else ""
    head = f"{done.index}: {done.rows:,} rows by {model.source}, {done.kind}{recall}"
    return f'{head} ({", ".join(parts)})\n  embedworks search {done.index} "your words"'
