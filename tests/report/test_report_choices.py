from __future__ import annotations

import numpy as np
import pytest

from embedworks.jobs.load import load_job
from embedworks.jobs.references import stage_inputs, with_inputs
from embedworks.report.data import Lineage, Node
from embedworks.report.drawing.graph import lay_out
from embedworks.report.drawing.svg import fixed, tag, ticks
from embedworks.report.gathering.curves import thinned
from embedworks.report.gathering.merges import by_layer
from embedworks.report.gathering.nearest import choose
from embedworks.vectors.plane import turned


def test_queries_are_the_largest_gains_and_losses_and_no_equal_ones():
    before = dict.fromkeys("abcdefghi", 0.5)
    after = before | {"a": 0.6, "b": 0.9, "c": 0.7, "d": 0.8, "e": 0.1, "f": 0.4}
    chosen = choose(before, after)
    assert [query for query, group in chosen if group == "gained most"] == ["b", "d", "c"]
    assert [query for query, group in chosen if group == "lost most"] == ["e", "f"]


def test_a_long_curve_keeps_its_mean_and_its_end():
    points = [(float(step), float(step % 7)) for step in range(1, 2401)]
    short = thinned(points, 100)
    assert len(short) == 100
    assert short[-1][0] == 2400
    assert np.mean([y for _, y in short]) == pytest.approx(np.mean([y for _, y in points]))
    assert thinned(points[:100], 100) == tuple(points[:100])


def test_tensors_are_summed_up_by_layer_with_the_embeddings_first():
    tensors = {
        "embeddings.word": {"moved_share": 0.2},
        "encoder.layer.0.a": {"moved_share": 0.4},
        "encoder.layer.0.b": {"moved_share": 0.8},
        "model.layers.1.a": {"moved_share": 1.0},
        "pooler": {},
    }
    assert by_layer(tensors, "moved_share") == ((0.0, 0.2), (1.0, pytest.approx(0.6)), (2.0, 1.0))


def test_a_map_that_is_another_one_turned_and_mirrored_is_turned_back():
    places = np.random.default_rng(0).normal(size=(40, 2)) * (1, 3)
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * (1, -1)
    centred = places - places.mean(axis=0)
    np.testing.assert_allclose(turned(places @ turn, places), centred, atol=1e-9)


def test_models_of_the_same_parents_share_a_joint_and_nothing_lies_on_another():
    parents = ["a", "b", "c", "d"]
    merges = [f"m{i}" for i in range(20)]
    nodes = (
        [Node("corpus", "corpus")]
        + [Node(n, "train") for n in parents]
        + [Node(n, "merge") for n in merges]
    )
    edges = [("corpus", name) for name in parents] + [(p, m) for m in merges for p in parents]
    layout = lay_out(Lineage(tuple(nodes), tuple(edges)))
    assert len(layout.edges) == 4 + 4 + 20
    boxes = [layout.places[node.name] for node in nodes]
    assert len({x for x, _ in boxes}) == 3  # corpora, trained, merged
    for x in {x for x, _ in boxes}:
        rows = sorted(y for other, y in boxes if other == x)
        assert min(np.diff(rows), default=99) >= 24
    assert max(y for _, y in boxes) < layout.height


def test_numbers_of_an_axis_and_escaped_elements():
    assert ticks(0.13, 0.47, 4) == [0.2, 0.3, 0.4]
    assert fixed([-0.05, 0, 0.05]) == ["−0.05", "0.00", "0.05"]
    assert str(tag("text", "<b>", x=1.0, class_='"')) == '<text x="1" class="&#34;">&lt;b&gt;</text>'


def test_a_report_stage_reads_the_scores_and_what_was_registered_of_them(tmp_path):
    train = "kind: train, system: starbucks, corpus: {source: python-docs}, steps: 1"
    file = tmp_path / "job.yaml"
    file.write_text(
        f"name: job\nstages:\n  - {{name: a, {train}}}\n  - {{name: other, {train}}}\n"
        "  - {name: s, kind: evaluate, models: [a], tasks: [python-docs-similarity]}\n"
        "  - {name: r, kind: register, from: s, model: toy}\n"
        "  - {name: page, kind: report, from: s}\n"
        "  - {name: late, kind: register, from: s, model: toy}\n"
    )
    job = load_job(file).job
    assert stage_inputs(job.stage("page"), job) == ["s", "r"]
    assert with_inputs(job, ["page"]) == {"page", "s", "r", "a"}
