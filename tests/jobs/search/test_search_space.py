from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.jobs.load import load_job
from embedworks.jobs.runner import check_job
from embedworks.jobs.search.options import SearchOptions
from embedworks.jobs.search.space import before_search, draw, searched_stages, with_values

JOB = """
name: searching
stages:
  - {{name: base, kind: train, system: starbucks, from: ./model, corpus: {{source: python-docs}}, steps: 9}}
  - {{name: docs, kind: train, system: starbucks, from: base, corpus: {{source: python-docs}}, steps: 9,
      evaluate: {{every: 3, tasks: [python-docs-similarity]}}}}
  - {{name: mixed, kind: merge, method: linear, models: [base, docs], parameters: {{weight: 1}}}}
  - {{name: scores, kind: evaluate, models: [mixed, docs], tasks: [python-docs-similarity]}}
  - {{name: best, kind: register, from: scores, model: toy}}
search: {{from: {score}, trials: 4, space: {{{space}}}{more}}}
"""
RATE = "docs.optimizer.learning_rate: {loguniform: [1e-5, 1e-3]}"


def loaded(tmp_path, space=RATE, score="scores", more=""):
    file = tmp_path / "job.yaml"
    file.write_text(JOB.format(space=space, score=score, more=more))
    return load_job(file)


@pytest.mark.parametrize(
    ("space", "score", "before", "searched"),
    [
        (RATE, "docs", ["base"], ["docs"]),
        (RATE, "scores", ["base"], ["docs", "mixed", "scores"]),
        ("stages.0.steps: {integer: [3, 9]}", "docs", [], ["base", "docs"]),
        ("stages.mixed.models: {choice: [[base, docs], [docs, base]]}", "scores", ["base", "docs"],
         ["mixed", "scores"]),
        ("seed: {integer: [0, 9]}", "docs", [], ["base", "docs"]),
    ],
)  # fmt: skip
def test_a_trial_runs_what_the_space_touches_and_the_score_needs(tmp_path, space, score, before, searched):
    job = loaded(tmp_path, space, score).job
    assert [stage.name for stage in before_search(job)] == before
    assert [stage.name for stage in searched_stages(job)] == searched


@pytest.mark.parametrize(
    ("space", "hint"),
    [
        ("docs.optimizer.learning_rat: {uniform: [0.1, 0.2]}", "did you mean 'learning_rate'"),
        ("dosc.steps: {integer: [1, 2]}", "did you mean 'docs'"),
        ("name: {choice: [a, b]}", "no stage 'name'"),
        ("docs.steps: {choice: [3, none]}", "cannot set docs.steps to none"),
        ("docs.batch_size: {integer: [0, 4]}", "cannot set docs.batch_size to 0"),
        ("docs.objective.no_such: {choice: [1]}", "no_such"),
        ("docs.steps: {integer: [4, 4]}", "not up"),
        ("docs.steps: {integer: [1, 4], choice: [1]}", "2 of choice"),
        ("docs.steps: {}", "0 of choice"),
        ("docs.steps: {ranomd: [1, 4]}", "ranomd"),
    ],
)
def test_a_space_that_does_not_fit_is_refused_with_its_line(tmp_path, space, hint):
    with pytest.raises(InputError, match=hint) as caught:
        check_job(loaded(tmp_path, space))
    assert "job.yaml:10" in str(caught.value)


@pytest.mark.parametrize(
    ("score", "more", "hint"),
    [
        ("scors", "", "did you mean 'scores'"),
        ("base", "", "a train stage without evaluate"),
        ("scores", ", metric: python-docs-similarty", "did you mean 'python-docs-similarity'"),
        ("docs", ", metric: python-docs-similarity", "a metric of its own"),
        ("scores", ", scheduler: asha", "evaluates only at its end"),
    ],
)
def test_scores_that_cannot_decide_are_refused(tmp_path, score, more, hint):
    with pytest.raises(InputError, match=hint):
        check_job(loaded(tmp_path, RATE, score, more))


def test_a_space_that_the_score_does_not_depend_on_is_refused(tmp_path):
    with pytest.raises(InputError, match="do not depend on"):
        check_job(loaded(tmp_path, "mixed.parameters.weight: {choice: [[1, 2]]}", "docs"))


def test_values_are_set_and_the_search_is_gone(tmp_path):
    job = with_values(loaded(tmp_path), {"docs.optimizer.learning_rate": 1e-05, "docs.steps": 7}).job
    assert (job.stage("docs").optimizer.learning_rate, job.stage("docs").steps) == (1e-5, 7)
    assert job.search is None


def test_drawn_values_lie_in_the_space_and_depend_on_seed_and_number_alone():
    domains = {
        "choice": {"choice": ["a", [1, 2]]},
        "uniform": {"uniform": [-1, 1]},
        "loguniform": {"loguniform": [1e-5, 1e-1]},
        "integer": {"integer": [3, 5]},
        "loginteger": {"loginteger": [1, 1000]},
    }
    options = SearchOptions.model_validate({"from": "x", "trials": 1, "space": domains})
    drawn = [draw(options, 7, number) for number in range(400)]
    for values in drawn:
        assert all(options.space[name].has(value) for name, value in values.items())
    assert {values["integer"] for values in drawn} == {3, 4, 5}
    assert len([values for values in drawn if values["loguniform"] < 1e-3]) in range(150, 250)
    assert len([values for values in drawn if values["loginteger"] < 32]) in range(150, 250)
    assert drawn[3] == draw(options, 7, 3) != draw(options, 8, 3)
