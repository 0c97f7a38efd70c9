from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.quality.contract import Resources
from embedworks.corpora.quality.find import make_filter
from embedworks.corpora.worlds import noisy_scenes

ROWS = 1200
COLOURS = ("red", "blue", "green", "pink")
THINGS = ("dog", "cup", "key", "tree", "boat", "cat", "pear", "bell", "door", "ring", "lamp", "fox", "bus")


class Captions:
    """Scenes without their pictures, which take time to draw."""

    def row(self, split: str, index: int) -> dict[str, Any]:
        first, second = THINGS[index // 4 % len(THINGS)], THINGS[index // 52 % len(THINGS)]
        text = f"a {COLOURS[index % 4]} {first} above a {second}"
        return {"image": f"{index}".encode(), "caption": text, "label": "x", "objects": [{}], "id": split}


def world(**options: Any) -> noisy_scenes.World:
    made = noisy_scenes.World(noisy_scenes.Options(**{"train": ROWS, "test": 5, **options}))
    made.scenes = Captions()
    return made


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    made = world()
    return [made.row("train", index) for index in range(ROWS)]


def test_scenes_themselves_fit_in():
    made = noisy_scenes.World(noisy_scenes.Options(size=24, concepts=30))
    found = [made.row("train", index) for index in range(2)]
    assert pa.Table.from_pylist(found, schema=noisy_scenes.SCHEMA).num_rows == 2
    assert all(1 <= row["objects"] <= 3 and row["image"].startswith(b"\x89PNG") for row in found)
    assert noisy_scenes.COLUMNS.keys() == set(noisy_scenes.SCHEMA.names)


def test_a_row_is_the_same_whatever_was_asked_before_and_however_many_there_are(rows):
    assert world().row("train", 7) == rows[7]
    assert world(train=10 * ROWS).row("train", 7) == rows[7]


def test_shares_of_noise_are_those_asked_for(rows):
    counts = Counter(row["noise"] for row in rows)
    junk = sum(counts[kind] for kind in noisy_scenes.JUNK)
    assert junk / ROWS == pytest.approx(0.3, abs=0.06)
    assert counts["mismatched"] / (ROWS - junk) == pytest.approx(0.5, abs=0.08)
    assert all(counts[kind] > ROWS / 20 for kind in noisy_scenes.JUNK)


def test_a_wrong_caption_is_another_scenes_true_one(rows):
    true = {Captions().row("train", index)["caption"] for index in range(ROWS + noisy_scenes.REACH)}
    wrong = [row for row in rows if row["noise"] == "mismatched"]
    assert {row["text"] for row in wrong} <= true
    assert sum(row["text"] != row["caption"] for row in wrong) > 0.9 * len(wrong)
    assert all(row["text"] == row["caption"] for row in rows if row["noise"] == "none")


def test_test_scenes_and_those_without_noise_keep_their_captions():
    for made, split in ((world(), "test"), (world(mismatched=0, junk=0), "train")):
        found = [made.row(split, index) for index in range(50)]
        assert all(row["text"] == row["caption"] and row["noise"] == "none" for row in found)


def test_the_filter_sees_all_of_the_junk_and_no_wrong_caption(rows):
    """Boilerplate by its images, single words by their length, random letters by their rarity."""
    keys = {"min_count": 2, "most_frequent": None, "image": None}
    quality = make_filter({"name": "alt-text", **keys}, Resources())
    measured = quality.measure(pa.Table.from_pylist(rows, schema=noisy_scenes.SCHEMA))
    reasons = quality.judge(measured, np.arange(ROWS))["reason"].to_pylist()
    gone = {row["noise"] for row, reason in zip(rows, reasons, strict=True) if reason}
    stay = {row["noise"] for row, reason in zip(rows, reasons, strict=True) if not reason}
    assert gone == set(noisy_scenes.JUNK)
    assert stay == {"none", "mismatched"}
