"""A goal is one number, more being better: a task's, the mean of tasks, or the negated loss on a probe."""

from __future__ import annotations

import pytest

from embedworks.evaluation import evaluate
from embedworks.evaluation.evaluate import Score
from embedworks.jobs.merging.goal import Goal
from embedworks.merging.statistics.probe import Probe, ProbeCorpus, probe_loss
from helpers.pairs import pair_corpus


def test_a_probe_s_loss_is_negated(tmp_path, tiny_folder):
    probe = Probe((ProbeCorpus(pair_corpus(tmp_path / "pairs")),), samples=8, positive_length=16)
    assert Goal(probe=probe).score(tiny_folder) == (-probe_loss(tiny_folder, probe), [])


@pytest.mark.parametrize(("metric", "value"), [("mean", 0.5), ("b", 0.7)])
def test_tasks_count_at_the_largest_pair(monkeypatch, tmp_path, metric, value):
    def scored(folder, tasks, pairs, corpora, precision):
        assert (folder, corpora, precision) == (tmp_path, {"docs": tmp_path}, "fp32")
        values = {(1, 8): {"a": 0.9, "b": 0.9}, (2, 16): {"a": 0.3, "b": 0.7}}
        return [Score(task, *pair, "ndcg", values[pair][task], 0.0, 1) for pair in pairs for task in tasks]

    monkeypatch.setattr(evaluate, "evaluate_model", scored)
    goal = Goal(("a", "b"), metric, ((1, 8), (2, 16)), {"docs": tmp_path})
    found, scores = goal.score(tmp_path)
    assert found == pytest.approx(value)
    assert [(one["task"], one["layers"]) for one in scores] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
