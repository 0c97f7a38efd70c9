"""A tracking store with two jobs in it."""

from __future__ import annotations

from pathlib import Path

from embedworks.tracking.tracker import Tracker


def tracked_jobs(folder: Path) -> tuple[str, dict[str, str]]:
    """Fill a store; returns its URI, and job/stage -> run id."""
    uri = f"sqlite:///{folder}/mlflow.db"
    ids: dict[str, str] = {}
    for job, rate in (("first", 0.1), ("second", 0.2)):
        tracker = Tracker(uri, job)
        ids[job] = tracker.start(job, {"seed": 1})
        ids[f"{job}/train"] = run = tracker.start(
            "train", {"optimizer": {"learning_rate": rate}, "batch_size": 8}, ids[job]
        )
        for step in (10, 20, 30):
            tracker.metrics(run, {"loss": 1 / (rate * step), "speed/tokens_per_s": 100.0 * step}, step)
        tracker.metrics(run, {"system/cpu": 50.0}, 99)
        tracker.end(run)
        tracker.end(ids[job], "FAILED" if job == "second" else "FINISHED")
        tracker.close()
    return uri, ids
