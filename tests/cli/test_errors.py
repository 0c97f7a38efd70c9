"""Bad input gives one clear line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

import pytest
import torch

from embedworks.cli.main import exit_code, input_error
from embedworks.errors import InputError
from helpers.pairs import pair_corpus

JOB = """
name: errors
output: {root}/runs
stages:
  - name: train
    kind: train
    system: {system}
    from: {model}
    corpus: {{source: {corpus}}}
    objective: {objective}
    steps: {steps}
    batch_size: 4
"""


@pytest.fixture
def command(monkeypatch, capsys):
    """Run ``embedworks WORDS...``; returns (exit code, stderr)."""

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["embedworks", *map(str, words)])
        code = exit_code()
        return code, capsys.readouterr().err

    return run


@pytest.fixture
def job(tmp_path, tiny_folder):
    """Write a job whose values can be broken one at a time; returns its file."""

    def write(**values: object) -> Path:
        good = {
            "root": tmp_path,
            "system": "starbucks",
            "model": tiny_folder,
            "corpus": "python-docs",
            "objective": "{pairs: [[4, 32]], query_length: 8, positive_length: 16}",
            "steps": 2,
        }
        file = tmp_path / "job.yaml"
        file.write_text(JOB.format(**{**good, **values}))
        return file

    return write


def refused(result: tuple[int, str], *parts: str) -> None:
    code, stderr = result
    assert code == 2, stderr
    assert "Traceback" not in stderr
    assert len(stderr.strip().splitlines()) == 1, stderr
    for part in parts:
        assert part in stderr, stderr


def test_a_good_job_passes_the_check(command, job):
    assert command("run", job(), "--check") == (0, "")


def test_unknown_key(command, job):
    file = job()
    file.write_text(file.read_text().rstrip() + "\n    batch_sise: 8\n")
    refused(command("run", file, "--check"), "job.yaml:13", "batch_sise", "did you mean 'batch_size'")


def test_unknown_key_of_a_system(command, job):
    file = job(objective="{pairs: [[4, 32]], kl_wait: 1}")
    refused(command("run", file, "--check"), "job.yaml:10", "did you mean 'kl_weight'")


def test_wrong_type(command, job):
    refused(command("run", job(steps="many"), "--check"), "job.yaml:11", "steps")


def test_unknown_system(command, job):
    refused(command("run", job(system="starbuck"), "--check"), "did you mean 'starbucks'")


def test_wrong_commands_and_options(command):
    refused(command("runn"), "'runn'", "'run'")
    refused(command("run", "job.yaml", "--nope"), "--nope")
    refused(command("stop"), "submission")
    refused(command("run", "job.yaml", "--address"), "--address")


def test_missing_job_file(command):
    refused(command("run", "no-such-job.yaml"), "no-such-job.yaml")


def test_empty_corpus(command, tmp_path):
    folder = pair_corpus(tmp_path / "pairs")
    manifest = folder / "manifest.json"
    text = manifest.read_text()
    shutil.rmtree(folder)
    folder.mkdir()
    import json

    data = json.loads(text)
    data["splits"] = {"train": []}
    (folder / "manifest.json").write_text(json.dumps(data))
    refused(command("shards", "show", folder), "no rows")


def test_corrupt_shard(command, tmp_path):
    folder = pair_corpus(tmp_path / "pairs")
    shard = folder / "train-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-9])
    refused(command("shards", "show", folder), "train-00000.parquet", "truncated")
    code, _ = command("shards", "check", folder)
    assert code == 1


def test_no_ray_cluster_at_the_address(command, job):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused(command("run", job(), "--address", f"127.0.0.1:{port}"), "no Ray cluster", str(port))
    refused(command("submit", job(), "--address", f"http://127.0.0.1:{port}"), "no Ray cluster", str(port))


@pytest.mark.parametrize("damage", ["config", "weights", "empty", "pickle"])
def test_unreadable_model_folder(tmp_path, tiny_folder, damage):
    from embedworks.embedder import Embedder

    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    if damage == "config":
        (folder / "config.json").write_text("{")
    elif damage == "weights":
        (folder / "model.safetensors").write_bytes(b"not safetensors")
    else:
        (folder / "model.safetensors").unlink()
    if damage == "pickle":
        torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="pickle" if damage == "pickle" else str(folder)):
        Embedder.load(folder)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path, tiny_folder):
    from embedworks.embedder import Embedder

    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match="no tokenizer"):
        Embedder.load(folder)


def test_a_missing_model_names_what_was_expected():
    from embedworks.embedder import Embedder

    with pytest.raises(InputError, match="expected a folder"):
        Embedder.load("./no/such/folder")


def test_a_length_beyond_the_model_is_refused(tiny_folder):
    from embedworks.catalog import find_objective
    from embedworks.objective import Start

    cls = find_objective("starbucks")
    config = cls.Config(pairs=((4, 32),), query_length=8, positive_length=5000)
    with pytest.raises(InputError, match="positive_length=5000 is longer than the 64 tokens"):
        cls.transform(config, Start(base=tiny_folder))


def test_bad_input_is_found_behind_other_errors():
    wrapped = RuntimeError("a task failed")
    wrapped.__cause__ = InputError("shard x is truncated")
    assert str(input_error(wrapped)) == "shard x is truncated"
    told = RuntimeError("Traceback ...\n  raise\nembedworks.errors.InputError: shard y is altered\n")
    assert str(input_error(told)) == "shard y is altered"
    assert input_error(RuntimeError("else")) is None
