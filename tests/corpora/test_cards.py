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
    number = toy_world.World(toy_world.Options()).row("train", 5)["number"]
    for line in (
        "## toy",
        "| licence | CC0-1.0 |",
        "| rows | train 10, test 2; 0.0 MiB |",
        "| made for | `none` |",
        "| `bits` | `16` | of a number |",
        f"| `number` | `int64` | what was drawn | {number} |",
        "| `id` | `string` | split and number | train-000005 |",
    ):
        assert line in text.splitlines()


def test_any_corpus_has_a_card_and_values_cannot_break_its_tables(tmp_path: Path) -> None:
    rows = [{"text": "x" * 500, "many": []}, {"text": "a | b\nc" + "d" * 500, "many": [1, 2]}]
    schema = pa.schema([("text", pa.string()), ("many", pa.list_(pa.int32()))])
    write_corpus(tmp_path / "c", {"train": rows}, name="mine", schema=schema)
    text = card(open_corpus(tmp_path / "c"))
    assert "| `text` | `string` |  | a \\| b cddd" in text
    assert "| `many` | `list<int32>` |  | [1, 2] |" in text
    assert max(map(len, text.splitlines())) < 200


def test_a_picture_is_linked_and_its_bytes_are_not_shown(tmp_path: Path) -> None:
    schema = pa.schema([("image", pa.binary()), ("text", pa.string())])
    rows = [{"image": b"\x89PNG", "text": "abc"}]
    write_corpus(tmp_path / "c", {"train": rows}, name="m", schema=schema)
    text = card(open_corpus(tmp_path / "c"), picture="corpora/m.png")
    assert "![Rows of m](corpora/m.png)" in text
    assert "| `image` | `binary` |  |  |" in text
    assert "| `text` | `string` |  | abc |" in text


def test_rows_under_the_gpl_are_not_copied_into_a_card(tmp_path: Path) -> None:
    schema = pa.schema([("text", pa.string())])
    write_corpus(tmp_path / "c", {"train": [{"text": "abc"}]}, name="m", schema=schema, licence="GPL-3.0")
    assert "abc" not in card(open_corpus(tmp_path / "c"))
