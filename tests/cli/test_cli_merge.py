"""``embedworks merge`` as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from embedworks.cli.main import exit_code
from helpers.models import weights
from helpers.tiny import tiny_embedder

RECIPE = """
merge_method: task_arithmetic
base_model: base
models:
  - model: one
    parameters: {weight: 0.5}
  - model: two
parameters:
  weight: [0, 1]
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("base", "one", "two")):
        tiny_embedder(tmp_path / name, seed=seed, layers=2, width=16)
    (tmp_path / "merge.yaml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["embedworks", "merge", *map(str, arguments)])
        code = exit_code()
        return code, *capsys.readouterr()

    return run


def test_a_mergekit_file_becomes_a_folder_and_numbers(place, call):
    code, out, _ = call("merge.yaml", "out", "--json", "--report")
    assert code == 0
    found = json.loads(out)
    assert found["method"] == "task_arithmetic"
    assert found["models"] == ["base", "one", "two"]
    assert found["tensors"] == len(weights(place / "out")) == found["units"]
    assert found["seconds"] > 0
    assert found["peak_memory"] > 2**20
    assert (place / "out/merge-report.json").is_file()


def test_it_tells_in_one_line_and_does_not_overwrite(place, call):
    code, out, _ = call("merge.yaml", "out")
    assert (code, out.count("\n")) == (0, 1)
    assert out.startswith("out: task_arithmetic of 3 models")
    code, _, error = call("merge.yaml", "out")
    assert code == 2
    assert "there already" in error
    assert call("merge.yaml", "out", "--force")[0] == 0


def test_a_dry_run_shows_every_tensor_and_writes_nothing(place, call):
    code, out, _ = call("merge.yaml", "out", "--dry-run", "--json")
    assert code == 0
    tensors = {one["name"]: one for one in json.loads(out)["tensors"]}
    assert tensors["encoder.layer.1.output.dense.bias"]["parameters"]["weight"] == [0.5, 1.0]
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "merge_method: task_arithmetic",
            "merge_method: task_arithmetik",
            "did you mean 'task_arithmetic'",
        ),
        ("weight: 0.5", "wght: 0.5", r"merge.yaml:6: unknown parameter 'wght'"),
        ("weight: [0, 1]", "weight: [0, much]", r"merge.yaml:9: weight is 'much'"),
        ("  - model: two", "  - model: ./three", "no model folder at './three'"),
        ("base_model: base", "", "mergekit files `base_model`"),
        ("models:", "models", "merge.yaml:5: not YAML"),
    ],
)
def test_bad_input_is_one_line(place, call, old, new, message):
    (place / "merge.yaml").write_text(RECIPE.replace(old, new))
    code, _, error = call("merge.yaml", "out")
    assert code == 2
    assert error.count("\n") == 1
    assert message in error
    assert not (place / "out").exists()


def test_a_merge_stage_is_taken_as_well(place, call):
    stage = """
    method: ties
    base: ./base
    models: [{model: ./one, parameters: {weight: 0.5}}, ./two]
    parameters: {weight: 1, density: 0.5}
    """
    (place / "stage.yaml").write_text(stage)
    code, out, _ = call("stage.yaml", "out", "--json")
    assert (code, json.loads(out)["method"]) == (0, "ties")
    (place / "stage.yaml").write_text(stage.replace("density", "dnsity"))
    code, _, error = call("stage.yaml", "out2")
    assert (code, "stage.yaml:5" in error, "did you mean 'density'" in error) == (2, True, True)


def test_a_job_is_run_by_another_command(place, call):
    (place / "job.yaml").write_text("name: x\nstages: []\n")
    code, _, error = call("job.yaml", "out")
    assert code == 2
    assert "embedworks run job.yaml" in error


def test_nothing_heavy_is_imported():
    heavy = ("ray", "mlflow", "deepspeed", "transformers", "datasets")
    code = f"import sys, embedworks.merging.merge; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
