"""What a job may say of corpora."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from embedworks.jobs.section import Section, Text


class NamedCorpus(Section):
    """A built-in corpus with options, under a name of the job's own."""

    source: Text = Field(description="a built-in corpus, see [corpora.md](corpora.md)")
    options: dict[str, Any] = Field(
        default_factory=dict, description="the corpus's own keys; those left out keep their defaults"
    )


class CorpusRef(Section):
    """Which rows are read."""

    source: Text = Field(
        description="a name under `corpora`, an earlier curate stage, a built-in corpus, or a path, URI or "
        "glob (docs/data.md)"
    )
    split: Text = Field(default="train", description="which split")
    columns: dict[str, str] = Field(
        default_factory=dict, description="renames: the column that is wanted -> the one the corpus has"
    )
    weight: float = Field(default=1, gt=0, description="its share of a mixture, beside the other weights")
    epochs: float = Field(default=1, gt=0, description="times it is read in one epoch of the stage")
    limit: int | None = Field(default=None, ge=1, description="read only the first so many rows")
    on_bad_shard: Literal["stop", "quarantine"] = Field(
        default="stop", description="stop with its name, or leave it out, and tell and log how many rows"
    )


def _several(value: Any) -> Any:
    return [value] if isinstance(value, dict | CorpusRef) else value


Corpora = Annotated[
    tuple[CorpusRef, ...],
    Field(min_length=1),
    BeforeValidator(_several, json_schema_input_type=CorpusRef | tuple[CorpusRef, ...]),
]
