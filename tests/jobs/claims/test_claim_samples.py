from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.evaluation.samples import mean_samples, write_samples
from embedworks.jobs.claims.by_sample import compare_arms
from embedworks.jobs.claims.load import load_claim
from embedworks.jobs.claims.verdict import decide
from helpers.toy_claim import CLAIM, measured, write_claim

QUERIES = {f"q{number}": number / 50 for number in range(40)}


def kept(folder, name, *shifts):
    """Results of an arm's job with a file of samples a size: every query's value and the size's shift."""
    given = measured(*shifts)
    for number, score in enumerate(given["measured-left"]["scores"]["left"]):
        file = folder / f"{name}-{number}.parquet"
        shift = shifts[number]
        shifted = {key: value + shift for key, value in QUERIES.items()}
        write_samples(file, mean_samples({"test": shifted}), {})
        score["samples"] = str(file)
    return given


@pytest.fixture
def claim(tmp_path):
    text = CLAIM.replace("  loss:", "  twice: {{task: python-docs-similarity, number: twice}}\n  loss:", 1)
    return load_claim(str(write_claim(tmp_path, text=text))).claim


def test_seeds_and_sizes_are_averaged_sample_by_sample(claim, tmp_path):
    results = {
        ("half", 1): kept(tmp_path, "half-1", 0.0, 0.1),
        ("half", 2): kept(tmp_path, "half-2", 0.1, 0.2),
        ("whole", 1): kept(tmp_path, "whole-1", 0.3, 0.3),
        ("whole", 2): kept(tmp_path, "whole-2", 0.5, 0.3),
    }
    found = compare_arms(claim, claim.rule.reproduced[0], results)
    assert found.difference == pytest.approx(0.35 - 0.1)
    assert found.n == 40  # queries, not queries times seeds
    assert found.p < 0.001
    far = claim.rule.reproduced[0].model_copy(update={"measure": "far"})
    assert compare_arms(claim, far, results).difference == pytest.approx(0.3 - 0.15)


def test_where_samples_were_not_kept_there_is_nothing_to_tell(claim, tmp_path):
    condition = claim.rule.reproduced[0]
    results = {("half", 1): measured(0.1, 0.2), ("whole", 1): kept(tmp_path, "whole", 0.3, 0.3)}
    assert compare_arms(claim, condition, results) is None
    results["half", 1] = kept(tmp_path, "half", 0.1, 0.2)
    assert compare_arms(claim, condition, results) is not None
    for other in ({"measure": "twice"}, {"measure": "loss"}, {"over": None}):
        assert compare_arms(claim, condition.model_copy(update=other), results) is None


def test_a_verdict_tells_both_and_counts_seeds_alone(claim, tmp_path):
    results = {
        (arm, 1): kept(tmp_path, arm, *shifts) for arm, shifts in (("half", (0, 0)), ("whole", (1, 1)))
    }
    values = {"half": {"near": {1: 0.0}}, "whole": {"near": {1: 1.0}, "loss": {1: 1.0}}}
    found = decide(claim, values, results)
    assert found.reproduced[0].by_sample.difference == pytest.approx(1)
    assert found.word == "inconclusive"  # one seed has no interval


def test_arms_of_different_data_are_refused(claim, tmp_path):
    results = {
        ("half", 1): kept(tmp_path, "half", 0.0, 0.0),
        ("whole", 1): kept(tmp_path, "whole", 1.0, 1.0),
    }
    write_samples(tmp_path / "whole-0.parquet", mean_samples({"test": {"other": 1.0}}), {})
    with pytest.raises(InputError, match="different samples"):
        compare_arms(claim, claim.rule.reproduced[0], results)
