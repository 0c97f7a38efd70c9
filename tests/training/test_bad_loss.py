"""The samples of a step whose loss is no number are named from the plan."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from embedworks.corpora.plan import Located
from embedworks.training.bad_loss import report_bad_loss, write_samples
from embedworks.training.stream import CorpusInput


def stream() -> SimpleNamespace:
    located = Located(np.array([0, 1, 0]), np.array([2, 0, 2]), np.array([7, 8, 9]))
    plan = SimpleNamespace(batch={4: located}.__getitem__)
    return SimpleNamespace(plan=plan, corpora=(CorpusInput(Path("/a")), CorpusInput(Path("/b"), "test")))


def test_every_sample_is_named_with_its_worker(tmp_path):
    file = tmp_path / "work" / "bad.json"
    write_samples(file, stream(), 5, [float("nan"), 0.5])
    found = json.loads(file.read_text())
    assert found["losses"] == ["nan", "0.5"]
    assert [tuple(one.values()) for one in found["samples"]] == [
        (0, "/a", "train", 7, 2),
        (1, "/b", "test", 8, 0),
        (0, "/a", "train", 9, 2),
    ]


def test_the_message_names_step_loss_worker_and_file(tmp_path):
    spec = SimpleNamespace(stream=stream(), checkpoints=tmp_path / "checkpoints")
    text = report_bad_loss(spec, 5, float("inf"), 0, 1)
    file = tmp_path / "bad-loss-step-00000005.json"
    assert text == f"the loss of step 5 is inf on worker 0; the step's samples are in {file}"
    assert file.is_file()
    text = report_bad_loss(spec, 5, 0.5, 0, 1)
    assert text.startswith("the gradient of step 5 is not finite; the step's samples")
