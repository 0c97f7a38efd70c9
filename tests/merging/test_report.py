"""The report's sums, whether in pieces or not, against the same in memory."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from embedworks.merging import report, units
from embedworks.merging.execute import execute
from embedworks.merging.methods import linear
from helpers.merge_plans import FILE, in_memory, linear_plan, write_models


@pytest.fixture(params=[True, False])
def merged(request, tmp_path, monkeypatch):
    monkeypatch.setattr(units, "PIECE", 60)
    monkeypatch.setattr(report, "PIECE", 60)
    monkeypatch.setattr(linear, "ELEMENTWISE", request.param)
    files = write_models(tmp_path, 4)
    plan = linear_plan(files[:3], [1, 0.5, 0], base=files[3], copied=["scale"])
    done = execute(plan, tmp_path / "out", report=True)
    return files, done.report, json.loads((tmp_path / "out" / report.REPORT_FILE).read_text())


def flat(file, names):
    tensors = load_file(file)
    return torch.cat([tensors[name].flatten() for name in names])


@pytest.mark.parametrize(
    "names", [["embeddings.weight"], ["embeddings.weight", "layer.0.weight", "layer.0.bias"]]
)
def test_it_measures_task_vectors(merged, names):
    files, _, written = merged
    facts = written["tensors"][names[0]] if len(names) == 1 else written["total"]
    deltas = torch.stack([flat(file, names) - flat(files[3], names) for file in files[:3]])
    norms = deltas.norm(dim=1)
    assert list(facts["norms"]) == ["m0", "m1", "m2"]
    assert list(facts["norms"].values()) == pytest.approx(norms.tolist(), rel=1e-4)
    cosine = float(deltas[0] @ deltas[2] / norms[0] / norms[2])
    assert facts["cosines"]["m0 and m2"] == pytest.approx(cosine, abs=1e-4)
    signs = deltas.sign()
    conflict = ((signs == 1).any(0) & (signs == -1).any(0)).float().mean()
    assert facts["conflict_share"] == pytest.approx(float(conflict))
    result = sum(w * flat(file, names) for w, file in zip([1, 0.5], files[:2], strict=True))
    assert facts["result_norm"] == pytest.approx(float(result.norm()), rel=1e-4)
    assert facts["moved_share"] == 1.0


def test_copied_tensors_are_not_in_it(merged):
    _, _, written = merged
    assert sorted(written["tensors"]) == ["embeddings.weight", "layer.0.bias", "layer.0.weight"]


def test_its_totals_are_flat_numbers(merged):
    _, found, written = merged
    metrics = found.metrics()
    assert metrics["merge/norm/model1"] == written["total"]["norms"]["m1"]
    assert metrics["merge/cosine/model0-model2"] == written["total"]["cosines"]["m0 and m2"]
    assert metrics["merge/conflict_share"] == written["total"]["conflict_share"]
    assert all(isinstance(value, float) for value in metrics.values())


def test_without_a_base_it_measures_the_models(tmp_path):
    files = write_models(tmp_path, 2)
    found = execute(linear_plan(files, [1, 1]), tmp_path / "out", report=True).report
    facts = found.tensors["embeddings.weight"].facts()
    norms = [float(load_file(file)["embeddings.weight"].norm()) for file in files]
    assert list(facts["norms"].values()) == pytest.approx(norms, rel=1e-4)
    assert "conflict_share" not in facts


def test_what_stays_as_the_base_has_not_moved(tmp_path):
    files = write_models(tmp_path, 2)
    found = execute(linear_plan(files, [0, 1], base=files[1]), tmp_path / "out", report=True).report
    assert found.total.facts()["moved_share"] == 0.0
    assert found.total.facts()["cosines"] == {"m0 and m1": 0.0}
    assert torch.equal(load_file(tmp_path / "out" / FILE)["scale"], in_memory(files, [0, 1])["scale"])
