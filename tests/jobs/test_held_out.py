"""Evaluation on held-out pairs: what a stage may say of it, and the score that it gives."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.load import load_job
from embedworks.jobs.probes import make_probe
from embedworks.jobs.references import corpus_references, inputs_of
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.scores import full_size_score
from embedworks.jobs.snapshot_scores import held_out_score
from embedworks.merging.statistics.probe import probe_loss
from helpers.pairs import pair_corpus

JOB = """
name: held-out
output: {root}/runs
seed: 7
stages:
  - name: x
    kind: merge
    method: self-positioning
    base: ./base
    models: [./left, ./right]
    probe: {{source: {root}/pairs}}
    steps: 4
    evaluate: {{every: 2, patience: 2{evaluate}}}
"""
PAIRS = ", held_out: {{corpus: {{source: {root}/pairs, split: test}}, skip: 3, samples: 8,"
PAIRS += " positive_length: 16}}"


def loaded(root, evaluate: str):
    file = root / "job.yaml"
    file.write_text(JOB.format(root=root, evaluate=evaluate.format(root=root)))
    return load_job(file)


@pytest.mark.parametrize(
    ("evaluate", "hint"),
    [("", "neither tasks nor held_out"), (PAIRS + ", tasks: [python-docs-similarity]", "both tasks and")],
)
def test_it_is_tasks_or_pairs(tmp_path, evaluate, hint):
    with pytest.raises(InputError, match=hint):
        loaded(tmp_path, evaluate)


def test_the_pairs_are_an_input_of_the_stage(tmp_path):
    stage = loaded(tmp_path, PAIRS).job.stage("x")
    found = dict(corpus_references(stage))
    assert found[("evaluate", "held_out", "corpus", 0, "source")] == f"{tmp_path}/pairs"
    assert [corpus.split for corpus in inputs_of(stage)] == ["train", "test"]


def test_the_score_is_the_negated_loss_at_the_largest_pair(tmp_path, tiny_folder):
    pair_corpus(tmp_path / "pairs")
    job = loaded(tmp_path, PAIRS)
    held_out = job.job.stage("x").evaluate.held_out
    probe = make_probe(Context(job, None, Reporter()), held_out.corpus, held_out)
    assert (probe.samples, probe.seed) == (8, 7)
    assert (probe.corpora[0].split, probe.corpora[0].skip) == ("test", 3)
    full, cut = (held_out_score(tiny_folder, probe, pairs) for pairs in (None, ((1, 8), (2, 16))))
    assert (full.layers, full.dimensions, cut.layers, cut.dimensions) == (4, 32, 2, 16)
    assert full.value == -probe_loss(tiny_folder, probe)
    assert cut.value == -probe_loss(tiny_folder, probe, 2, 16) != full.value
    assert full_size_score([vars(cut), vars(full)], "mean") == full.value
