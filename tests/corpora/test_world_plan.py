"""A world's parts: the same rows however it is built, and a killed build goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy_world

from embedworks.corpora.build import run_plan
from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.manifest import Manifest
from embedworks.corpora.parts import build_part
from embedworks.corpora.recipes import recipe_folder
from embedworks.corpora.world_plan import PART_ROWS, plan_world
from embedworks.errors import InputError


def test_a_world_has_the_rows_of_its_generator_in_order(tmp_path: Path) -> None:
    options = toy_world.Options()
    manifest = run_plan(plan_world(toy_world, options), tmp_path / "toy")
    corpus = open_corpus(tmp_path / "toy")
    world = toy_world.World(options)
    for split, rows in (("train", 5000), ("test", 100)):
        assert list(corpus.iter_rows(split)) == [world.row(split, i) for i in range(rows)]
    shards = [shard.rows for shard in manifest.shards("train")]
    assert shards == [PART_ROWS, PART_ROWS, 5000 - 2 * PART_ROWS]
    assert (manifest.name, manifest.licence, manifest.split_rule) == ("toy", "CC0-1.0", "by the draw")
    assert manifest.statistics["train"].rows == 5000


def test_a_killed_build_goes_on_without_drawing_again(tmp_path: Path) -> None:
    plan = plan_world(toy_world, toy_world.Options())
    whole = run_plan(plan, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, tmp_path / "half", on_part=_stop_after(2))
    toy_world.drawn.clear()
    assert run_plan(plan, tmp_path / "half").digest == whole.digest
    assert min(index for split, index in toy_world.drawn if split == "train") == 2 * PART_ROWS
    with pytest.raises(InputError, match="already holds a corpus"):
        run_plan(plan, tmp_path / "whole")


def test_a_build_with_other_options_is_not_mixed_in(tmp_path: Path) -> None:
    first = plan_world(toy_world, toy_world.Options())
    with pytest.raises(KeyboardInterrupt):
        run_plan(first, tmp_path / "toy", on_part=_stop_after(1))
    with pytest.raises(InputError, match="bits 16, not 8"):
        run_plan(plan_world(toy_world, toy_world.Options(bits=8)), tmp_path / "toy")


def test_the_seed_changes_the_rows_and_a_part_alone_gives_its_bytes(tmp_path: Path) -> None:
    digests = {}
    for seed in (0, 1):
        plan = plan_world(toy_world, toy_world.Options(seed=seed))
        digests[seed] = run_plan(plan, tmp_path / str(seed)).digest
        (tmp_path / f"part-{seed}" / ".build").mkdir(parents=True)
        record = build_part(plan.parts[1], tmp_path / f"part-{seed}")
        assert record.shards["train"] == [Manifest.load(tmp_path / str(seed)).shards("train")[1]]
    assert digests[0] != digests[1]


def test_a_split_without_rows_is_left_out(tmp_path: Path) -> None:
    manifest = run_plan(plan_world(toy_world, toy_world.Options(train=10, test=0)), tmp_path / "toy")
    assert list(manifest.splits) == ["train"]


def test_equal_options_share_a_folder_and_others_do_not() -> None:
    assert recipe_folder("toy", toy_world.Options()) == "toy"
    assert recipe_folder("toy", toy_world.Options(bits=16)) == "toy"
    assert recipe_folder("toy", toy_world.Options(bits=8)) != recipe_folder(
        "toy", toy_world.Options(bits=9)
    )


def _stop_after(parts: int):
    def stop(done: int, *_: int) -> None:
        if done == parts:
            raise KeyboardInterrupt

    return stop
