"""Whatever is killed, and whenever: the job goes on, and its weights are those of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from embedworks.folder import weights_digest
from helpers.chaos import Driver, worker_processes
from helpers.troubled import (
    living_workers,
    notes,
    run_troubled,
    samples_of_steps,
    saved_steps,
    troubled_job,
    wait_for,
)

pytestmark = pytest.mark.ray

KILLS = int(os.environ.get("CHAOS_KILLS", "20"))
LONG_STEPS = 20 * (1 + KILLS)
SEED = int(os.environ.get("CHAOS_SEED", "0"))


def weights(place: Path, name: str) -> str:
    return weights_digest(place / "runs" / name / "left" / "embedder")


def step_of(place: Path, name: str) -> int:
    """The newest step that every worker took."""
    return max((note["step"] for note in notes(place, name)), default=0)


def test_three_kills_change_nothing(trouble, tiny_folder, undisturbed):
    """A worker after a notice, a worker in the middle of a checkpoint, and the driver."""
    name = "three-kills"
    job = troubled_job(
        trouble, tiny_folder, name, objective="pause: 0.5, die_saving: 7", checkpoint="{every: 7}"
    )
    with Driver(job, trouble / "three-kills.log") as driver:
        wait_for(lambda: step_of(trouble, name) >= 2, driver.runs)
        noticed = dict(living_workers(trouble, name))[1]
        os.kill(noticed, signal.SIGTERM)
        (saved,) = wait_for(lambda: saved_steps(trouble, name), driver.runs)
        assert saved < 7, "just in time, not when it was due"
        os.kill(noticed, signal.SIGKILL)
        wait_for(lambda: step_of(trouble, name) >= 8, driver.runs)
        driver.kill()
        driver.start()
        assert driver.end() == 0, (trouble / "three-kills.log").read_text()
    assert (trouble / name / "died").exists()
    groups: dict[frozenset[int], list[int]] = {}
    for note in notes(trouble, name):
        groups.setdefault(note["pid"], []).append(note["step"])
    first_steps = sorted(min(steps) for steps in groups.values())
    # Each group is two processes; the second and third go on behind the save that the notice brought.
    assert first_steps[:2] == [1, 1]
    assert first_steps[2:6] == [saved + 1] * 4
    assert first_steps[6:] == [8, 8]
    assert weights(trouble, name) == undisturbed
    assert samples_of_steps(trouble, name) == samples_of_steps(trouble, "undisturbed")


def kill_at_random(driver: Driver, place: Path, name: str) -> list[dict[str, Any]]:
    """Kill the driver or a worker, again and again; what was killed at which step."""
    rng = random.Random(SEED)
    kills: list[dict[str, Any]] = []
    while len(kills) < KILLS and driver.runs():
        if rng.random() < 0.7:  # else also while workers start
            before = len(notes(place, name))
            wait_for(lambda before=before: len(notes(place, name)) > before, driver.runs)
        time.sleep(rng.uniform(0, 5))
        workers = worker_processes()
        is_driver = rng.random() < 0.25 or not workers
        if not driver.runs():
            break
        if is_driver:
            driver.kill()
            driver.start()
        else:
            os.kill(rng.choice(workers), signal.SIGKILL)
        kills.append({"killed": "driver" if is_driver else "worker", "step": step_of(place, name)})
    return kills


@pytest.mark.chaos
def test_many_kills_at_random_moments_change_nothing(trouble, tiny_folder):
    print(f"CHAOS_SEED={SEED} CHAOS_KILLS={KILLS}")
    values: dict[str, Any] = {"steps": LONG_STEPS, "checkpoint": "{every: 5}"}
    expected = run_troubled(troubled_job(trouble, tiny_folder, "calm", **values))
    name = "chaos"
    job = troubled_job(
        trouble, tiny_folder, name, objective="pause: 0.25", more="max_failures: 100", **values
    )
    with Driver(job, trouble / "chaos.log") as driver:
        kills = kill_at_random(driver, trouble, name)
        assert driver.end() == 0, (trouble / "chaos.log").read_text()
    taken = notes(trouble, name)
    result = {
        "seed": SEED,
        "steps": LONG_STEPS,
        "kills": kills,
        "steps taken again": len({(n["pid"], n["step"]) for n in taken}) // 2 - LONG_STEPS,
        "same weights to the bit": weights(trouble, name) == weights_digest(Path(expected["embedder"])),
        "same samples at every step": samples_of_steps(trouble, name) == samples_of_steps(trouble, "calm"),
    }
    print(json.dumps(result))
    if file := os.environ.get("CHAOS_RESULT"):
        Path(file).write_text(json.dumps(result, indent=1) + "\n")
    assert result["same weights to the bit"]
    assert result["same samples at every step"]
    assert len(kills) == KILLS, "it was done before; more steps are needed"
