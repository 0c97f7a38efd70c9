"""A merge that is killed leaves no result, and the next run goes on to the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from embedworks.merging import units
from embedworks.merging.execute import execute
from helpers.merge_plans import FILE, linear_plan, write_models

PIECE = 64
SHARES = (0.0, 0.2, 0.5, 0.9, 1.0)
SHAPES = {f"layer.{layer}.weight": (16, 20) for layer in range(12)}
MODELS = 3
WEIGHTS = (0.5, 0.25, 0.125)

# One process imports, and forks a merge for each moment: which kills itself when enough is written.
SCRIPT = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from embedworks.merging import journal, units
from embedworks.merging.execute import execute
from helpers.merge_plans import linear_plan

root, piece, shares, weights = Path(sys.argv[1]), int(sys.argv[3]), eval(sys.argv[4]), eval(sys.argv[5])
units.PIECE, journal.SYNC_SECONDS = piece, 0.002

def kill(share, workspace):
    def listen(done, total):
        while done and not any(file.stat().st_size for file in workspace.glob("journal-*")):
            time.sleep(0.001)  # what is to be skipped must have been noted
        if share < 1 and done >= share * total:
            os.kill(os.getpid(), signal.SIGKILL)
    return listen

for number, share in enumerate(shares):
    child = os.fork()
    if child == 0:
        out = root / f"out{number}"
        plan = linear_plan([root / f"m{i}.safetensors" for i in range(len(weights))], weights)
        complete = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
        execute(plan, out, threads=2, listen=kill(share, root / f".{out.name}.partial"), complete=complete)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    """A folder with a merge that was killed at each moment."""
    root = tmp_path_factory.mktemp("killed")
    write_models(root, MODELS, SHAPES)
    tests = str(Path(__file__).parents[1])
    given = [str(root), tests, str(PIECE), repr(SHARES), repr(WEIGHTS)]
    subprocess.run([sys.executable, "-c", SCRIPT, *given], check=True)
    return root


def merge(root: Path, out: Path):
    return execute(linear_plan([root / f"m{i}.safetensors" for i in range(MODELS)], WEIGHTS), out)


@pytest.mark.parametrize("number", range(len(SHARES)))
def test_it_goes_on_to_the_same_bytes(killed, tmp_path, monkeypatch, number):
    monkeypatch.setattr(units, "PIECE", PIECE)
    out = killed / f"out{number}"
    assert not out.exists()
    done = merge(killed, out)
    if SHARES[number] == 0:
        assert done.skipped == 0
    elif SHARES[number] == 1:
        assert done.skipped == done.units == 60
    else:
        assert 0 < done.skipped < done.units
    merge(killed, tmp_path / "whole")
    assert (out / FILE).read_bytes() == (tmp_path / "whole" / FILE).read_bytes()
    assert not (killed / f".out{number}.partial").exists()
