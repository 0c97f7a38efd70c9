"""Data cards: what they say is what the corpus and its recipe say."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import toy_world

from embedworks.corpora.build import run_plan
from embedworks.corpora.cards import card
from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.corpora.world_plan import plan_world


def test_a_built_in_corpus_shows_options_columns_and_rows(tmp_path: Path) -> None:
    run_plan(plan_world(toy_world, toy_world.Options(train=10, test=2)), tmp_path / "toy")
    text = card(open_corpus(tmp_path / "toy"), toy_world)
    number = toy_world.World(toy_world.Options()).row("train", 0)["number"]
    for line in (
        "## toy",
        "| licence | CC0-1.0 |",
        "| rows | train 10, test 2; 0.0 MiB |",
        "| made for | `none` |",
        "| `bits` | `16` | of a number |",
        "| `number` | `int64` | what was drawn |",
        f"| train-000000 | {number} |",
    ):
        assert line in text.splitlines()


def test_any_corpus_has_a_card_and_values_cannot_break_its_tables(tmp_path: Path) -> None:
    rows = [{"text": "a | b\nc", "many": [1, 2]}, {"text": "x" * 500, "many": []}]
    schema = pa.schema([("text", pa.string()), ("many", pa.list_(pa.int32()))])
    write_corpus(tmp_path / "c", {"train": rows}, name="mine", schema=schema)
    text = card(open_corpus(tmp_path / "c"))
    assert "| a \\| b c | [1, 2] |" in text
    assert "| `many` | `list<int32>` |  |" in text
    assert max(map(len, text.splitlines())) < 400


def test_a_picture_stands_in_for_the_sample_rows(tmp_path: Path) -> None:
    write_corpus(
        tmp_path / "c", {"train": [{"text": "abc"}]}, name="m", schema=pa.schema([("text", pa.string())])
    )
    text = card(open_corpus(tmp_path / "c"), picture="corpora/m.png")
    assert "![Rows of m](corpora/m.png)" in text
    assert "| abc |" not in text
