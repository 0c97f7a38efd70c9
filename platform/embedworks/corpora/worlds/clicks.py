"""``clicks``: a log of clicks whose probability is known, row by row.

Fields are drawn apart from each other, each by Zipf's law, so that most identifiers are rare. Some fields
carry nothing. The probability of a click is that of a factorisation machine with known parameters, whose
fields use latent vectors of different widths: what ought to be pruned, and how wide an embedding ought to
be, can be looked up. A label is one draw with that probability, so no model's expected AUC is above that
of the column ``probability``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from embedworks.corpora.builtin.tabular import FEATURE
from embedworks.corpora.recipe import Row, WorldOptions, row_rng
from embedworks.corpora.worlds._clicks.truth import Truth

NAME = "clicks"
DESCRIPTION = (
    "A log of clicks with the true probability of each: identifiers of a long tail, fields without "
    "information, interactions of known width. With the default options the true probability itself has an "
    "AUC of 0.83."
)
LICENCE = "CC0-1.0"
SPLIT_RULE = (
    "every row is an independent draw from one truth, as the days of a log are; identifiers come again by "
    "design, labels are drawn anew, and what a held-out label adds to its probability is nowhere in train. "
    "Validation is later than train, and test is later than both"
)
SCHEMA = pa.schema(
    [
        ("features", pa.list_(FEATURE)),
        ("target", pa.float64()),
        ("label", pa.string()),
        ("probability", pa.float64()),
        ("widths", pa.list_(pa.int32())),
        ("cardinalities", pa.list_(pa.int32())),
        ("time", pa.int64()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "features": "first the fields, each with a category, which is its identifier's rank by frequency; "
    "then the numbers; the same columns as in `tabular`",
    "target": "1 for a click, or else 0",
    "label": "click or none",
    "probability": "of a click, as it is in truth, to six decimals",
    "widths": "latent dimensions that each field acts through; 0 for a field that carries nothing",
    "cardinalities": "identifiers of each field, whether they were drawn or not",
    "time": "seconds since the epoch; later rows have later times",
    "id": "split and number",
}
SERVES = ("optembed",)

SMALLEST = 4  # identifiers of a field
START = 1_767_225_600  # 2026-01-01
INTERVAL = 8  # seconds between rows, on average
SPLITS = ("train", "validation", "test")


class Options(WorldOptions):
    """What the log looks like, and what a click depends on."""

    train: int = Field(default=100_000, ge=1, description="rows to learn from")
    validation: int = Field(default=10_000, ge=0, description="rows to choose by")
    test: int = Field(default=10_000, ge=0, description="rows held out")
    fields: int = Field(default=10, ge=2, le=64, description="categorical features")
    numbers: int = Field(default=0, ge=0, le=64, description="numeric features, each normally distributed")
    noise: int = Field(default=3, ge=0, description="fields that carry nothing, small and large ones")
    cardinality: int = Field(
        default=2000,
        ge=SMALLEST,
        le=1_000_000,
        description=f"identifiers of the largest field; others go down to {SMALLEST} by a constant factor",
    )
    tail: float = Field(default=1.1, ge=0, le=3, description="Zipf's exponent; 0: all equally frequent")
    order: Literal[1, 2, 3] = Field(default=2, description="the most features that act together")
    width: int = Field(default=6, ge=1, le=64, description="latent dimensions of the widest field")
    signal: float = Field(default=1.5, ge=0, le=10, description="standard deviation of the log-odds")
    rate: float = Field(default=0.2, gt=0, lt=1, description="mean probability of a click")

    @model_validator(mode="after")
    def _leave_something(self) -> Options:
        if self.fields - self.noise < self.order:
            raise ValueError(f"noise: {self.noise} of {self.fields} fields leave fewer than act together")
        return self

    @property
    def rows(self) -> dict[str, int]:
        """Split -> rows, validation among them."""
        return {split: getattr(self, split) for split in SPLITS if getattr(self, split)}

    @property
    def cardinalities(self) -> list[int]:
        """Identifiers of each field, ascending."""
        return [round(size) for size in np.geomspace(SMALLEST, self.cardinality, self.fields)]

    @property
    def widths(self) -> list[int]:
        """Latent dimensions of each field: the more, the larger it is, and 0 for one that carries nothing.

        As many fields as act together are the widest: none has a dimension that it cannot share.
        """
        silent = {((2 * number + 1) * self.fields) // (2 * self.noise) for number in range(self.noise)}
        widest = self.width if self.order > 1 else 1
        steps = np.linspace(1, widest, self.fields - self.noise - self.order + 1).round().astype(int)
        widths = iter([*steps.tolist(), *[widest] * (self.order - 1)])
        return [0 if field in silent else next(widths) for field in range(self.fields)]


def source(options: Options) -> str:  # noqa: ARG001
    """What draws it."""
    return f"generated with numpy {np.__version__}"


class World:
    """Draws rows of the log."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.truth = Truth(
            seed=options.seed,
            world=NAME,
            cardinalities=options.cardinalities,
            widths=options.widths,
            numbers=options.numbers,
            tail=options.tail,
            order=options.order,
            signal=options.signal,
            rate=options.rate,
        )
        self.shape = {"widths": options.widths, "cardinalities": options.cardinalities}
        splits = list(options.rows)
        self.first = {split: sum(options.rows[one] for one in splits[:i]) for i, split in enumerate(splits)}

    def row(self, split: str, index: int) -> Row:
        """One impression, clicked or not."""
        rng = row_rng(self.options.seed, NAME, split, index)
        ids_F, numbers_M = self.truth.draw(rng)
        probability = float(self.truth.probability(ids_F[None], numbers_M[None])[0])
        clicked = bool(rng.random() < probability)
        fields = [_field(place, identifier) for place, identifier in enumerate(ids_F)]
        numbers = [_number(place, value) for place, value in enumerate(numbers_M)]
        return {
            "features": [*fields, *numbers],
            "target": float(clicked),
            "label": "click" if clicked else "none",
            "probability": probability,
            **self.shape,
            "time": START + (self.first[split] + index) * INTERVAL + int(rng.integers(INTERVAL)),
            "id": f"{split}-{index:07d}",
        }


def _field(field: int, identifier: int) -> Row:
    return {"name": f"field_{field:02d}", "number": None, "category": str(identifier)}


def _number(place: int, value: float) -> Row:
    return {"name": f"number_{place:02d}", "number": float(value), "category": None}
