from __future__ import annotations

import sys
from pathlib import Path

import pytest

from embedworks.embedder import Lineage
from embedworks.evaluation.suites import TEXT_FAMILIES
from embedworks.folder import load_embedder

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import embedders
from _cost import Point, draw, load, merged, save, table

VALUES = {name: 0.1 * number for number, name in enumerate(TEXT_FAMILIES)}


def test_a_grid_is_measured_at_every_depth_and_narrow_at_the_last():
    grid = [(n, d) for n in range(1, 7) for d in (8, 16, 32, 64, 128, 256, 384)]
    found = embedders.some_sizes(grid, (6, 384))
    assert {depth for depth, _ in found} == set(range(1, 7))
    assert found[-1] == (6, 384)
    assert (6, 8) in found
    assert len(found) <= 12


def test_few_sizes_are_all_measured():
    assert embedders.some_sizes([(2, 96), (4, 192)], (6, 384)) == [(2, 96), (4, 192), (6, 384)]
    assert embedders.some_sizes([], (6, 384)) == [(6, 384)]


def test_a_mean_is_of_all_families_or_there_is_none():
    whole = Point("a", (6, 384), 22_000_000, VALUES, [2.0, 3.0, 9.0])
    assert whole.mean == pytest.approx(sum(VALUES.values()) / len(VALUES))
    assert whole.ms == 3.0
    assert Point("b", (0, 0), 0, {"retrieval": 0.5}).mean is None


def test_the_table_and_the_figure_show_every_size(tmp_path):
    points = [
        Point("a", (2, 96), 10_000_000, VALUES, [1.0]),
        Point("a", (6, 384), 22_000_000, VALUES, [3.0], 2.0, "`job`, stage `s`", "2026-01-01"),
        Point("BM25", (0, 0), 0, {"retrieval": 0.5}),
    ]
    lines = table(points)
    assert len(lines) == 2 + len(points)
    assert lines[2].startswith("| a | 2 x 96 | 10.0 M | 1.00 |  | 0.000 |")
    assert lines[3].startswith("| a | 6 x 384 | 22.0 M | 3.00 | 1.500 | 0.000 |")
    assert lines[3].endswith("| `job`, stage `s` | 2026-01-01 |")
    assert lines[4] == "| BM25 |  |  |  |  | 0.500 |" + "  |" * (len(VALUES) + 2)
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    draw(points, tmp_path / "a.svg")
    first = (tmp_path / "a.svg").read_bytes()
    draw(points, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == first


def test_a_run_replaces_what_it_measured_and_keeps_the_others(tmp_path):
    old = [Point("a", (2, 8), 1, {}), Point("b", (2, 8), 2, {}, [1.0], 4.0), Point("a", (4, 8), 3, {})]
    points = merged(old, [Point("b", (2, 4), 5, {}), Point("b", (1, 4), 4, {}), Point("c", (1, 1), 6, {})])
    assert [(point.name, point.parameters) for point in points] == [
        ("a", 1),
        ("a", 3),
        ("b", 4),
        ("b", 5),
        ("c", 6),
    ]
    save(old, tmp_path / "kept.json")
    assert load(tmp_path / "kept.json") == old
    assert load(tmp_path / "none.json") == []
    assert old[1].cost == 0.25


def test_a_model_says_what_trained_it(tiny_folder, tmp_path):
    assert embedders.trained_by(tiny_folder) == ""
    embedder = load_embedder(tiny_folder)
    embedder.lineage = Lineage(job={"name": "sesa-1"}, stage="finetune")
    embedder.save(tmp_path / "made")
    assert embedders.trained_by(tmp_path / "made") == "`sesa-1`, stage `finetune`"


def test_the_champions_are_those_of_the_family_s_jobs():
    found = embedders.champions()
    assert found["starbucks"] == "models:/starbucks@champion"
    assert "deberta-v3" not in found
