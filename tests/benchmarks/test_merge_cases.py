"""The merge benchmark asks every contender for the same merge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from _harness import Runs
from merge import FAMILIES, MERGEKIT, MERGEKIT_THREADS, OURS, Bench, Case, all_cases

from embedworks.merging.recipe import parse_recipe

COMMAND = Path(__file__).resolve().parents[2] / "benchmarks" / "contenders" / "command.py"
FOLDERS = [Path(f"/models/{name}") for name in ("a", "b", "c", "base")]


@pytest.mark.parametrize("method", ["linear", "slerp", "ties", "dare_ties"])
def test_both_forms_of_a_case_are_one_merge(method):
    case = Case("decoder", "22M", 2, method)
    recipe = case.recipe(FOLDERS)
    assert parse_recipe(recipe).merge_method == method
    named, parameters, base, *models = case.in_python(FOLDERS)
    assert named == method
    assert models == [entry["model"] for entry in recipe["models"]] == ["/models/a", "/models/b"]
    given = json.loads(parameters)
    if method == "slerp":
        assert given == recipe["parameters"] == {"t": 0.5}
        return
    assert given["weight"] == [entry["parameters"]["weight"] for entry in recipe["models"]] == [0.5, 0.5]
    assert base == recipe.get("base_model", "-") == ("-" if method == "linear" else "/models/base")
    assert all(entry["parameters"].get("density") == given.get("density") for entry in recipe["models"])


def test_cases_of_one_set_of_models_follow_each_other():
    keys = [(case.family, case.size) for case in all_cases()]
    runs = [key for index, key in enumerate(keys) if index == 0 or keys[index - 1] != key]
    assert len(runs) == len(set(runs)) == 3 * len(FAMILIES)


def test_the_best_of_a_peers_ways_and_the_worst_of_all_cases_count(tmp_path):
    bench = Bench(1, tmp_path)
    for case, ours in (
        (Case("decoder", "22M", 2, "linear"), 2.0),
        (Case("decoder", "22M", 4, "linear"), 5.0),
    ):
        seconds = {OURS.name: ours, MERGEKIT.name: 12.0, MERGEKIT_THREADS.name: 10.0}
        bench.compare(
            case, "time", {name: Runs(name, "time", "s", [value]) for name, value in seconds.items()}
        )
    assert bench.ratios == {
        "time, to mergekit-yaml, 22M x 2, linear": 5.0,
        "time, to mergekit-yaml, 22M x 4, linear": 2.0,
        "time, to mergekit-yaml, the worst": 2.0,
    }


def test_a_commands_memory_and_output_are_measured(tmp_path):
    script = "import sys; x = b'1' * (80 << 20); open(sys.argv[1] + '/m.safetensors', 'wb').write(x[:1000])"
    (tmp_path / "run.py").write_text(f"import os, sys; os.mkdir(sys.argv[1]); {script}")
    command = [sys.executable, str(COMMAND), str(tmp_path / "out")]
    program = [Path(sys.executable).name, str(tmp_path / "run.py"), str(tmp_path / "out")]
    done = subprocess.run([*command, *program], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["written"] == 1000
    assert 80 < result["peak_mb"] < 160
