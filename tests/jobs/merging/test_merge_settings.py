"""What a merge stage may say, what is refused before anything runs, and the recipe that it becomes."""

from __future__ import annotations

import pytest
import yaml

from embedworks.errors import InputError
from embedworks.jobs.load import load_job
from embedworks.jobs.merging.settings import recipe_of
from embedworks.jobs.portable import portable_text
from embedworks.jobs.references import inputs_of, model_references, stage_inputs
from embedworks.jobs.runner import check_job

HEAD = """name: merging
stages:
  - {name: a, kind: train, system: starbucks, corpus: {source: python-docs}, steps: 1}
  - {name: b, kind: train, system: starbucks, corpus: {source: python-docs}, steps: 1}
  - name: m
    kind: merge
"""
GOAL = "goal: {tasks: [python-docs-similarity]}"


def loaded(tmp_path, keys: str):
    file = tmp_path / "job.yaml"
    file.write_text(HEAD + "".join(f"    {line}\n" for line in keys.splitlines()))
    return load_job(file)


def merge_stage(tmp_path, keys: str):
    return loaded(tmp_path, keys).job.stage("m")


def test_a_model_may_be_a_name_or_a_block_and_is_written_back_as_short_as_it_can_be(tmp_path):
    stage = merge_stage(tmp_path, "method: linear\nmodels: [a, {model: b, parameters: {weight: 0.3}}]")
    assert stage.model_names == ("a", "b")
    assert stage.model_dump(mode="json")["models"] == ["a", {"model": "b", "parameters": {"weight": 0.3}}]


def test_the_stage_becomes_a_recipe(tmp_path):
    keys = "method: dare-ties\nbase: ./base\ndtype: bfloat16\ntokenizer: union\n"
    keys += "parameters: {density: [0.5, 1]}\nmodels: [a, {model: b, parameters: {weight: 0.3}}]"
    recipe = recipe_of(merge_stage(tmp_path, keys))
    assert (recipe.merge_method, recipe.base_model, recipe.output_dtype) == (
        "dare_ties",
        "./base",
        "bfloat16",
    )
    assert [(entry.model, entry.parameters) for entry in recipe.models] == [
        ("a", {}),
        ("b", {"weight": 0.3}),
    ]
    assert recipe.parameters == {"density": [0.5, 1]}
    assert recipe.vocabulary.source == "union"


def test_slices_become_a_recipe_s_slices(tmp_path):
    keys = "method: passthrough\nslices:\n"
    keys += "  - {sources: [{model: a, layer_range: [0, 2]}]}\n"
    keys += (
        "  - {sources: [{model: b, layer_range: [1, 4], parameters: {scale: 0.5}}], parameters: {scale: 2}}"
    )
    job = loaded(tmp_path, keys)
    check_job(job)
    first, second = recipe_of(job.job.stage("m")).slices
    assert (first.sources[0].model, first.sources[0].layer_range) == ("a", (0, 2))
    assert (second.sources[0].parameters, second.parameters) == ({"scale": 0.5}, {"scale": 2})
    assert stage_inputs(job.job.stage("m"), job.job) == ["a", "b"]


def test_every_model_is_a_reference_under_the_key_that_names_it(tmp_path):
    keys = (
        "method: linear\nbase: ./base\ntokenizer: ./base\nmodels: [a, {model: b, parameters: {weight: 1}}]"
    )
    assert list(model_references(merge_stage(tmp_path, keys))) == [
        (("base",), "./base"),
        (("models", 0), "a"),
        (("models", 1, "model"), "b"),
        (("tokenizer",), "./base"),
    ]


def test_folders_of_models_and_of_the_goal_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("base", "docs"):
        (tmp_path / name).mkdir()
    keys = "method: greedy-soup\nmodels: [a, ./base]\n"
    keys += "goal: {tasks: [python-docs-similarity], corpora: {python-docs: ./docs}}"
    job = loaded(tmp_path, keys).job
    merge = yaml.safe_load(portable_text(job))["stages"][2]
    assert merge["models"] == ["a", str(tmp_path / "base")]
    assert merge["goal"]["corpora"] == {"python-docs": str(tmp_path / "docs")}
    assert [corpus.source for corpus in inputs_of(job.stage("m"))] == ["./docs"]


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ("method: linear", "neither models nor slices"),
        ("method: linear\nmodels: [a]\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]", "both"),
        ("method: linear\nmodels: [{modl: a}]", "did you mean 'model'"),
        ("method: linear\nmodels: [{model: c}]", "none of the stages before it"),
        ("method: linear\nmodels: [a, b]\ntokenizer: ./c", "none of the models"),
        ("method: linear\nmodels: [a, b]\nsteps: 3", "has no probe"),
        ("method: x\nslices: [{sources: [{model: a, layer_range: [2, 2]}]}]", "holds no layer"),
        (
            "method: x\nslices:\n"
            "  - {sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [0, 1]}]}",
            "2 and 1 layers",
        ),
        ("method: greedy-soup\nmodels: [a, b]", "compares merges, but has no goal"),
        (f"method: linear\nmodels: [a, b]\n{GOAL}", "nothing is compared"),
        ("method: greedy-soup\nmodels: [a, b]\ngoal: {probe: true}", "there is no probe"),
        ("method: greedy-soup\nmodels: [a, b]\ngoal: {}", "neither tasks nor probe"),
        (
            "method: greedy-soup\nmodels: [a, b]\ngoal: {tasks: [python-docs-similarity], metric: x}",
            "not among the tasks",
        ),
        ("method: linear\nmodels: [a, b]\nsearch: {trials: 2, space: {weight: [0, 1]}}", "no goal"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(tmp_path, keys, hint):
    with pytest.raises(InputError, match=hint) as caught:
        loaded(tmp_path, keys)
    assert "job.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "line", "hint"),
    [
        ("method: lineer\nmodels: [a, b]", 7, "did you mean 'linear'"),
        ("method: linear\nmodels: [a, b]\nparameters:\n  weght: 1", 10, "did you mean 'weight'"),
        ("method: linear\nmodels:\n  - a\n  - model: b\n    parameters: {weight: x}", 11, "weight is 'x'"),
        (
            "method: linear\nmodels:\n  - {model: a, parameters: {weight: 1}}\n  - b",
            10,
            "linear needs weight",
        ),
        ("method: ties\nmodels: [a, b]\nparameters: {weight: 1}", 8, "the key `base`"),
        ("method: slerp\nmodels: [a, b, ./c]\nparameters: {t: 0.5}", 8, "given 3 models"),
        ("method: fisher\nmodels: [a, b]", 7, "the key `probe`"),
        (
            f"method: greedy-soup\nmodels: [a, b]\n{GOAL}\nparameters: {{weight: 1}}",
            10,
            "no use for parameters",
        ),
        (
            "method: self-positioning\nbase: ./c\nprobe: {source: python-docs}\nsteps: 1\nmodels:\n"
            "  - {model: a, parameters: {weight: 1}}",
            12,
            "no use for settings beside a model",
        ),
        ("method: self-positioning\nmodels: [a, b]\nsteps: 1\nprobe: {source: python-docs}", 7, "`base:`"),
    ],
)
def test_methods_and_settings_are_checked_with_their_lines(tmp_path, keys, line, hint):
    with pytest.raises(InputError, match=hint) as caught:
        check_job(loaded(tmp_path, keys))
    assert f"job.yaml:{line}:" in str(caught.value)


@pytest.mark.parametrize(
    ("space", "hint"),
    [
        ("{weght: [0, 1]}", "did you mean 'weight'"),
        ("{density: [0.5, 2]}", "density is 2"),
        ("{weight: {choice: [1, x]}}", "weight is 'x'"),
        ("{weight: [1, 0]}", "not up"),
        ("{weight: [0, 1], density: [0, 1]}, algorithm: grid", "the grid has 81 points"),
        ("{lambda: [0, 1]}, algorithm: cma-es", "one number"),
        ("{weight: [0, 1], lambda: {choice: [1, 2]}}, algorithm: cma-es", "lambda, which is a choice"),
    ],
)
def test_a_space_that_does_not_suit_the_method_is_refused(tmp_path, space, hint):
    keys = f"method: ties\nbase: ./c\nmodels: [a, b]\n{GOAL}\n"
    keys += f"parameters: {{weight: 1}}\nsearch: {{trials: 9, space: {space}}}"
    with pytest.raises(InputError, match=hint) as caught:
        check_job(loaded(tmp_path, keys))
    assert "job.yaml:1" in str(caught.value)


def test_what_is_searched_need_not_be_said(tmp_path):
    keys = (
        f"method: ties\nbase: ./c\nmodels: [a, b]\n{GOAL}\nsearch: {{trials: 9, space: {{weight: [0, 1]}}}}"
    )
    check_job(loaded(tmp_path, keys))
