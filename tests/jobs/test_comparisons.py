from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.evaluation.samples import mean_samples, write_samples
from embedworks.jobs.comparisons import MEAN, OVER_TASKS, as_lines, compare_models, row_numbers
from embedworks.jobs.load import load_job


def scores(folder: Path, gain: float, tasks: int) -> list[dict[str, object]]:
    found = []
    for number in range(tasks):
        rng = np.random.default_rng(number)
        values = rng.uniform(0.2, 0.5, 40) + gain * rng.uniform(0.5, 1.5, 40)
        samples = mean_samples({"test": dict(enumerate(values))})
        file = folder / f"{number}.parquet"
        write_samples(file, samples, {})
        one = {"task": f"task-{number}", "value": samples.score, "samples": str(file)}
        found.append({**one, "layers": 2, "dimensions": 8})
    return found


@pytest.fixture
def models(tmp_path):
    return scores(tmp_path / "a", 0.05, 6), scores(tmp_path / "b", 0.0, 6)


def test_tasks_their_mean_and_the_test_over_them(models):
    rows = compare_models(*models, resamples=300)
    assert list(rows) == [*(f"task-{number}" for number in range(6)), MEAN, OVER_TASKS]
    differences = [rows[f"task-{number}"]["difference"] for number in range(6)]
    for name in (MEAN, OVER_TASKS):
        assert rows[name]["difference"] == pytest.approx(np.mean(differences))
    assert rows[OVER_TASKS]["p"] == pytest.approx(0.03125)
    assert rows[MEAN]["n"] == 240
    assert rows["task-0"]["holm"] == pytest.approx(6 * rows["task-0"]["p"])
    assert list(compare_models(*models, ["task-2"], resamples=300)) == ["task-2"]


def test_a_task_without_samples_has_a_difference_alone(models):
    models[0][1]["samples"] = None
    rows = compare_models(*models, resamples=100)
    assert rows["task-1"]["p"] is None
    assert rows["task-1"]["difference"] == pytest.approx(0.05, abs=0.01)
    assert MEAN not in rows
    assert rows["task-0"]["holm"] == pytest.approx(5 * rows["task-0"]["p"])
    numbers = row_numbers(rows, "compare/x")
    assert "compare/x/task-1/difference" in numbers
    assert "compare/x/task-1/p" not in numbers
    assert numbers["compare/x/over_tasks/n"] == 6.0


def test_the_table_has_aligned_columns(models):
    models[0][1]["samples"] = None
    head, *lines = as_lines(compare_models(*models, resamples=100))
    assert head.split() == ["difference", "0.95", "interval", "p", "Holm", "effect", "n"]
    assert {line.index(sign) for line in lines for sign in "+-" if sign in line[12:14]} == {12}
    assert "no samples" in lines[1]


JOB = """name: a
stages:
  - {{name: s, kind: evaluate, models: [./x, ./y], tasks: [python-docs-retrieval], {compare}}}
  - {{name: r, kind: register, from: s, model: m, {register}}}
"""


@pytest.mark.parametrize(
    ("compare", "register", "hint"),
    [
        (
            "compare: {to: ./z}",
            "",
            r"stages\[0\].compare.to is './z', which is not among the models of 's'",
        ),
        ("compare: {to: ./x, levels: 0.9}", "", "did you mean 'level'"),
        ("", "alias: null, require: {}", "guards an alias, and alias is null"),
        ("", "require: {better_than: ./q}", "alias and the models of 's'; expected one of champion, ./x"),
        (
            "",
            "require: {better_than: champion, tasks: [python-docs]}",
            "did you mean 'python-docs-retrieval'",
        ),
        ("", "require: {over: men}", "did you mean 'mean'"),
        ("", "require: {else: stop}", "'register' or 'fail'"),
        ("", "require: {p: 0}", "require.p is 0"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, compare, register, hint):
    file = tmp_path / "job.yaml"
    file.write_text(JOB.format(compare=compare, register=register))
    with pytest.raises(InputError, match=hint):
        load_job(file)


def test_a_gate_needs_an_evaluate_stage(tmp_path):
    text = """name: a
stages:
  - {name: t, kind: train, system: starbucks, corpus: {source: python-docs}, steps: 9,
     evaluate: {every: 3, tasks: [python-docs-retrieval]}}
  - {name: r, kind: register, from: t, model: m, require: {}}
"""
    (tmp_path / "job.yaml").write_text(text)
    with pytest.raises(InputError, match="tests samples, and 't' is a train stage"):
        load_job(tmp_path / "job.yaml")


def test_a_comparison_needs_two_models(tmp_path):
    text = JOB.format(compare="compare: {to: ./x}", register="").replace("[./x, ./y]", "[./x]")
    (tmp_path / "job.yaml").write_text(text)
    with pytest.raises(InputError, match="the only model"):
        load_job(tmp_path / "job.yaml")
