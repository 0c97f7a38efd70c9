"""Removes texts that a language model finds too unlikely, or too likely (CCNet, Wenzek et al., 2020)."""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from embedworks.corpora.quality.contract import (
    FilterConfig,
    QualityFilter,
    Resources,
    texts_of,
    verdicts,
)

PERPLEXITY = "perplexity"


class Config(FilterConfig):
    """Keys of `perplexity`; a range, quantiles, or `write` alone."""

    column: str = Field(description="the text that is scored")
    model: str = Field(description="causal or masked language model with safetensors")
    min: float | None = Field(default=None, ge=1, description="least perplexity that stays")
    max: float | None = Field(default=None, ge=1, description="greatest perplexity that stays")
    quantiles: tuple[float, float] | None = Field(
        default=None, description="[lower, upper] of the scored rows, between 0 and 1; both ends stay"
    )
    write: str | None = Field(default=None, description="column to write the score to; null: none")
    max_tokens: int = Field(default=512, ge=2, description="a text is scored on its first so many tokens")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        if self.quantiles is not None and not 0 <= self.quantiles[0] < self.quantiles[1] <= 1:
            raise ValueError("quantiles are [lower, upper] with 0 <= lower < upper <= 1")
        if self.min is None and self.max is None and self.quantiles is None and self.write is None:
            raise ValueError("neither min, max, quantiles nor write is given")
        return self


class Filter(QualityFilter[Config]):
    """Scores in parallel; the quantiles are those of all rows. A text with nothing to predict goes."""

    chunk_rows = 256

    def __init__(self, config: Config, resources: Resources) -> None:
        super().__init__(config, resources)
        self.scorer = resources.scorer(resources.model(config.model), config.max_tokens)

    @property
    def columns(self) -> tuple[str, ...]:
        """The text's column."""
        return (self.config.column,)

    @property
    def new_columns(self) -> tuple[str, ...]:
        """The score's column, if it is written."""
        return (self.config.write,) if self.config.write else ()

    def measure(self, rows: pa.Table) -> pa.Table:
        """Each row's perplexity; NaN where it has none."""
        return pa.table({PERPLEXITY: pa.array(self.scorer(texts_of(rows, self.columns)), pa.float64())})

    def judge(self, measured: pa.Table, rows_N: np.ndarray) -> pa.Table:  # noqa: ARG002
        """Rows outside the range, the quantiles included in it, go."""
        scores_N = measured[PERPLEXITY].to_numpy()
        low, high = self._range(scores_N)
        return verdicts(_verdict(score, low, high) for score in scores_N.tolist())

    def written(self, measured: pa.Table) -> dict[str, np.ndarray]:
        """The scores, under the name that was asked for."""
        return {name: measured[PERPLEXITY].to_numpy() for name in self.new_columns}

    def _range(self, scores_N: np.ndarray) -> tuple[float, float]:
        low, high = self.config.min or 0.0, self.config.max or np.inf
        real = scores_N[~np.isnan(scores_N)]
        if self.config.quantiles is not None and len(real):
            least, most = np.quantile(real, self.config.quantiles)
            low, high = max(low, float(least)), min(high, float(most))
        return low, high


def _verdict(score: float, low: float, high: float) -> tuple[str, str] | None:
    if np.isnan(score):
        return "nothing to predict", "no tokens"
    if score < low:
        return "too likely", f"{score:.4g} < {low:.4g}"
    return ("too unlikely", f"{score:.4g} > {high:.4g}") if score > high else None
