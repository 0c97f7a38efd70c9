"""What every quality filter is: it measures rows in parallel, then judges all of them in row order.

Measuring is a pure function of a few rows and runs wherever there is room. Judging sees what was measured
of the whole split, in the order of its rows, so a result never depends on scheduling.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.types as types
from pydantic import BaseModel, ConfigDict

from embedworks.corpora.ensure import ensure_corpus
from embedworks.errors import InputError

REASON, DETAIL = "reason", "detail"
VERDICT = pa.schema([(REASON, pa.string()), (DETAIL, pa.string())])


class FilterConfig(BaseModel):
    """A filter's keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Scorer(Protocol):
    """Gives texts their perplexity; cheap to pickle, loads its model where it first scores."""

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """``(N,)`` perplexities in float64; NaN where a text has nothing to predict."""


def _model_folder(source: str) -> Path:
    if not (folder := Path(source).expanduser()).is_dir():
        raise InputError(f"no model folder at {source!r}", expected="a folder")
    return folder.absolute()


def _no_scorer(folder: Path, max_tokens: int) -> Scorer:
    what = f"no scorer for {folder} and {max_tokens} tokens was handed in"
    raise InputError(what, expected="Resources(scorer=...)")


def _no_tasks(task: str) -> Iterable[str]:
    raise InputError(f"no texts of task {task!r} were handed in", expected="Resources(task_texts=...)")


@dataclass(frozen=True)
class Resources:
    """What a filter asks for that corpora know nothing of; used by the driver, when a filter is made.

    Attributes:
        corpus: The folder of a corpus, by name or path.
        model: The folder of a model, by the name that a job uses.
        scorer: Model folder and longest text in tokens -> scorer.
        task_texts: Name of an evaluation task -> its texts.
    """

    corpus: Callable[[str], Path] = lambda source: ensure_corpus(source, Path("runs/corpora"))
    model: Callable[[str], Path] = _model_folder
    scorer: Callable[[Path, int], Scorer] = _no_scorer
    task_texts: Callable[[str], Iterable[str]] = _no_tasks


ConfigT = TypeVar("ConfigT", bound=FilterConfig)


class QualityFilter(ABC, Generic[ConfigT]):
    """One filter with its settings; cheap to pickle.

    Attributes:
        chunk_rows: Rows that are measured at a time. Fixed, so that results are the same for any number
            of workers.
        any_type: Whether it reads columns that are not text.
    """

    chunk_rows: ClassVar[int] = 2048
    any_type: ClassVar[bool] = False

    def __init__(self, config: ConfigT, resources: Resources) -> None:  # noqa: ARG002
        self.config = config

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""

    @abstractmethod
    def measure(self, rows: pa.Table) -> pa.Table:
        """Some rows' ``columns`` -> one row of measurements each, in the same order."""

    def judge(self, measured: pa.Table, rows_N: np.ndarray) -> pa.Table:  # noqa: ARG002
        """Measurements of all N rows -> verdicts: ``reason`` (null: the row stays) and ``detail``.

        Args:
            measured: What :meth:`measure` gave, in row order.
            rows_N: The rows' numbers in the split, rising.
        """
        return measured.select(VERDICT.names)

    def written(self, measured: pa.Table) -> dict[str, np.ndarray]:  # noqa: ARG002
        """Columns to add to the corpus: name -> ``(N,)`` float64, NaN for none."""
        return {}

    @property
    def new_columns(self) -> tuple[str, ...]:
        """Names of what :meth:`written` gives."""
        return ()


def verdicts(found: Iterable[tuple[str, str] | None]) -> pa.Table:
    """A (reason, detail), or None to keep the row, for each row."""
    pairs = [pair or (None, None) for pair in found]
    columns = zip(*pairs, strict=True) if pairs else ((), ())
    return pa.table([pa.array(column, pa.string()) for column in columns], schema=VERDICT)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column is text, or a list of texts."""
    inner = kind.value_type if types.is_list(kind) or types.is_large_list(kind) else kind
    return bool(types.is_string(inner) or types.is_large_string(inner))


def texts_of(rows: pa.Table, columns: Sequence[str]) -> list[str]:
    """One text a row: its columns and, in them, a list's texts, each on a line; null is empty."""
    values = [rows[column].to_pylist() for column in columns]
    return ["\n".join(map(as_text, cells)) for cells in zip(*values, strict=True)]


def as_text(value: Any) -> str:
    """A cell's text: a list's texts, each on a line; null is empty."""
    if isinstance(value, list):
        return "\n".join(text or "" for text in value)
    return value or ""
