"""A corpus that Ray Data builds: the same bytes for any number of workers and after any kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embedworks.corpora.build import build_corpus
from embedworks.corpora.build_options import BuildOptions
from embedworks.corpora.parts import BUILD, build_part
from embedworks.corpora.recipes import build_builtin, find_recipe, recipe_options
from embedworks.corpora.verify import check_corpus
from embedworks.corpora.world_plan import plan_world
from embedworks.errors import InputError
from helpers.sources import folder_bytes, question_files

pytestmark = pytest.mark.ray

PATIENCE_S = 120  # bounds a hang; nothing is measured
FILES = 24
SPLIT = {"test": 0.3}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return question_files(tmp_path_factory.mktemp("source"), files=FILES, rows=800)


def options(source: Path) -> BuildOptions:
    return BuildOptions(source=str(source), splits=SPLIT, split_by="topic", shard_rows=300, part_bytes=1)


@pytest.fixture(scope="module")
def whole(ray_cluster, source, tmp_path_factory) -> dict[str, bytes]:
    """The corpus that one worker builds."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    build_corpus(options(source), folder, workers=1)
    assert check_corpus(folder) == []
    return folder_bytes(folder)


def test_three_workers_give_the_bytes_of_one(whole, source, tmp_path):
    seen = []
    build_corpus(options(source), tmp_path / "out", 3, lambda done, parts, rows: seen.append((done, rows)))
    assert folder_bytes(tmp_path / "out") == whole
    assert [done for done, _ in seen] == list(range(1, FILES + 1))
    assert seen[-1][1] == FILES * 800


def test_a_killed_command_goes_on_to_the_same_bytes(whole, source, tmp_path):
    import ray

    out = tmp_path / "out"
    address = ray.get_runtime_context().gcs_address
    command = [
        sys.executable,
        "-m",
        "embedworks.cli.main",
        "shards",
        "build",
        str(source),
        "--out",
        str(out),
    ]
    command += ["--split", "test=0.3", "--split-by", "topic", "--shard-rows", "300", "--part-bytes", "1"]
    command += ["--workers", "1", "--address", address]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ)
    deadline = time.monotonic() + PATIENCE_S
    while len(records(out)) < 2:
        assert driver.poll() is None, driver.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert not (out / "manifest.json").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert folder_bytes(out) == whole


def records(out: Path) -> list[Path]:
    return list((out / BUILD).glob("part-*.json"))


def test_a_bad_file_is_named_through_ray(ray_cluster, tmp_path):
    source = question_files(tmp_path / "bad", files=3)
    # The plan reads the first rows of every file, so the fault has to come after them.
    rows = (source / "000.jsonl").read_text() * 80
    (source / "001.jsonl").write_text(rows + "{\n")
    with pytest.raises(InputError, match=r"001\.jsonl:4801: not JSON"):
        build_corpus(options(source), tmp_path / "out")


def test_a_world_that_workers_share_has_the_bytes_of_one_that_none_does(ray_cluster, tmp_path):
    options = recipe_options("dialogs", {"train": 4500, "validation": 0, "test": 50})
    for name, workers in (("one", 1), ("three", 3)):
        build_builtin("dialogs", tmp_path / name, options, workers)
    plan = plan_world(find_recipe("dialogs"), options)
    (tmp_path / "here/.build").mkdir(parents=True)
    for part in plan.parts:  # without Ray
        build_part(part, tmp_path / "here")
    whole = folder_bytes(tmp_path / "one")
    assert len(plan.parts) == 4
    assert folder_bytes(tmp_path / "three") == whole
    for file in (tmp_path / "here").glob("*.parquet"):
        assert file.read_bytes() == whole[file.name]
    assert check_corpus(tmp_path / "three") == []
