"""Faults of a run on a real cluster: each is found, told, and mended or reported, and no sample is lost."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedworks.folder import weights_digest
from helpers.troubled import (
    notes,
    run_troubled,
    samples_of_steps,
    saved_steps,
    troubled_job,
    wait_for,
)

pytestmark = pytest.mark.ray

STEPS = 12


def digest(result: dict[str, Any]) -> str:
    return weights_digest(Path(result["embedder"]))


def meanwhile(act: Callable[[], None]) -> threading.Thread:
    """Do something in a thread, beside a run."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_a_bad_loss_stops_all_workers_with_its_samples_in_a_file(trouble, tiny_folder):
    told: list[str] = []
    file = troubled_job(
        trouble, tiny_folder, "bad", objective="nan_at: 6", checkpoint="{every: 1}", more="max_failures: 5"
    )
    with pytest.raises(FloatingPointError, match="loss of step 6 is nan on worker 1") as caught:
        run_troubled(file, told)
    report = json.loads(Path(str(caught.value).rpartition(" in ")[2]).read_text())
    taken = {note["rank"]: note for note in notes(trouble, "bad") if note["step"] == 6}
    for rank in (0, 1):
        named = [(one["epoch"], one["row"]) for one in report["samples"] if one["worker"] == rank]
        assert sorted(named) == sorted(map(tuple, taken[rank]["ids"]))
    assert report["losses"][1] == "nan" != report["losses"][0]
    assert max(saved_steps(trouble, "bad")) == 5
    assert len({note["pid"] for note in notes(trouble, "bad")}) == 2, "it was tried again"


def test_a_worker_that_hangs_is_named_and_the_run_goes_on(trouble, tiny_folder, undisturbed):
    told: list[str] = []
    file = troubled_job(
        trouble, tiny_folder, "hangs", objective="sleep_at: 7", more="{hang_seconds: 12}"[1:-1]
    )
    result = run_troubled(file, told)
    (hang,) = [line for line in told if "no step ended" in line]
    assert "worker 1 is in step 7" in hang
    assert "troubled.py" in hang
    assert "worker 0" not in hang
    stacks = Path(hang.rpartition("stacks: ")[2].rstrip(")")).read_text()
    assert "in trouble" in stacks
    assert "time.sleep" in stacks
    assert digest(result) == undisturbed


@pytest.mark.usefixtures("undisturbed")  # whose samples are compared
def test_an_order_to_stop_saves_and_the_next_run_goes_on_with_fewer_workers(trouble, tiny_folder):
    name = "stopped"
    values = {"objective": "pause: 0.5", "checkpoint": "{every: 100}"}
    file = troubled_job(trouble, tiny_folder, name, **values)

    def act() -> None:
        wait_for(lambda: len(notes(trouble, name)) >= 6)
        os.kill(os.getpid(), signal.SIGINT)

    thread = meanwhile(act)
    with pytest.raises(KeyboardInterrupt):
        run_troubled(file)
    thread.join()
    last = max(note["step"] for note in notes(trouble, name))
    assert last < STEPS
    run_troubled(troubled_job(trouble, tiny_folder, name, workers=1, zero=0, **values))
    alone = [note["step"] for note in notes(trouble, name) if note["workers"] == 1]
    assert alone == list(range(last + 1, STEPS + 1))
    undisturbed_samples = samples_of_steps(trouble, "undisturbed")
    assert samples_of_steps(trouble, name) == undisturbed_samples
