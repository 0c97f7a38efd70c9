"""A system with troubles on order, and jobs of it: what tests of faults run, kill and compare."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 240  # bounds a hang; nothing is measured

TROUBLED = '''
"""Pairs, with a trouble of each kind on order."""
import json, os, signal, time
from pathlib import Path
import numpy as np
import torch
from embedworks.losses.contrastive import in_batch_loss
from embedworks.objective import Objective, ObjectiveConfig
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.transform import EPOCH, SAMPLE

class Noted(PairTransform):
    """Carries on which sample a row is."""

    def __call__(self, rows):
        out = super().__call__(rows)
        return out.append_column("sample", rows[SAMPLE]).append_column("epoch", rows[EPOCH])

    def collate(self, rows):
        ids = torch.from_numpy(np.stack([rows["epoch"].to_numpy(), rows["sample"].to_numpy()], 1))
        return super().collate(rows) | {"ids": ids}

def die_while_writing():
    """Let the next part of a checkpoint be the end of this process, with half of it on disk."""
    from embedworks.training.checkpoints import files

    def write(tensors, path, metadata, save=files.save_file):
        save(tensors, path, metadata=metadata)
        os.truncate(path, path.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    files.save_file = write

class Troubled(Objective):
    title = "Troubled"

    class Config(ObjectiveConfig):
        notes: str  # a folder: which process is which worker, and which samples each step had
        pause: float = 0.0  # seconds a step
        nan_at: int = -1  # the loss of this step, once it is reached, on worker 1
        sleep_at: int = -1  # worker 1 sleeps for ever in this step, once
        die_saving: int = -1  # worker 1 is killed halfway through writing the checkpoint of this step, once

    def __init__(self, config, start):
        super().__init__(config, start)
        self.model = start.embedder()
        self.step = 0

    @classmethod
    def transform(cls, config, start):
        lengths = {"query_length": 8, "positive_length": 16, "max_length": start.max_length}
        return Noted(start.tokenizer, **lengths)

    def forward(self, batch):
        query = self.model(batch["query_ids"], batch["query_mask"])
        positive = self.model(batch["candidate_ids"], batch["candidate_mask"])
        loss = in_batch_loss(query, positive, temperature=0.1).loss
        self.ids = batch["ids"].tolist()
        return {"loss": self.trouble(loss)}

    def trouble(self, loss):
        if not torch.distributed.is_initialized() or torch.distributed.get_rank() != 1:
            return loss
        if self.step == self.config.sleep_at - 1 and self.once("slept"):
            time.sleep(10_000)
        return loss * float("nan") if self.step == self.config.nan_at - 1 else loss

    def once(self, name):
        mark = Path(self.config.notes) / name
        if mark.exists():
            return False
        mark.touch()
        return True

    def after_step(self, step):
        self.step = step + 1
        rank, workers = torch.distributed.get_rank(), torch.distributed.get_world_size()
        note = {"step": self.step, "rank": rank, "workers": workers, "pid": os.getpid(), "ids": self.ids}
        note["time"] = time.time()
        with open(f"{self.config.notes}/{os.getpid()}.jsonl", "a") as file:
            file.write(json.dumps(note) + "\\n")
        if rank == 1 and self.step == self.config.die_saving and self.once("died"):
            die_while_writing()
        time.sleep(self.config.pause)

    def embedder(self):
        return self.model
'''

JOB = """
name: {name}
output: {root}/runs
tracking: {{uri: "sqlite:///{root}/mlflow.db"}}
seed: 3
stages:
  - name: left
    kind: train
    system: troubled
    from: {tiny}
    corpus: {{source: {corpus}}}
    objective: {{notes: {root}/{name}, {objective}}}
    steps: {steps}
    batch_size: 12
    workers: {workers}
    zero: {zero}
    precision: fp32
    checkpoint: {checkpoint}
    log_every: 1
    optimizer: {{learning_rate: 1e-3}}
    {more}
"""
DEFAULTS = {"objective": "", "steps": 12, "workers": 2, "zero": 1, "checkpoint": "{every: 2}", "more": ""}


def write_troubled(place: Path) -> Path:
    """Write the system where ``EMBEDWORKS_PATH`` has it found."""
    family = place / "embedworks" / "systems" / "trouble"
    family.mkdir(parents=True)
    (family / "troubled.py").write_text(TROUBLED)
    return place


def troubled_job(place: Path, tiny: Path, name: str, **values: Any) -> Path:
    """Write a job's file and make the folder of its notes; returns the file."""
    (place / name).mkdir(exist_ok=True)
    file = place / f"{name}.yaml"
    given = DEFAULTS | {"root": place, "tiny": tiny, "corpus": place / "pairs", "name": name} | values
    file.write_text(JOB.format(**given))
    return file


def run_troubled(file: Path, told: list[str] | None = None) -> dict[str, Any]:
    """Run a job in this process; returns the result of its stage, and adds what it told to ``told``."""
    from embedworks.jobs.load import load_job
    from embedworks.jobs.reporter import Reporter
    from embedworks.jobs.runner import check_job, run_job

    class Listening(Reporter):
        def note(self, text: str) -> None:
            super().note(text)
            if told is not None:
                told.append(text)

    loaded = load_job(file)
    check_job(loaded)
    return run_job(loaded, Listening())["left"]


def notes(place: Path, name: str) -> list[dict[str, Any]]:
    """What workers noted at every step so far, in the order of steps."""
    found = [
        json.loads(line)
        for file in (place / name).glob("*.jsonl")
        for line in file.read_text().splitlines()
        if line.endswith("}")
    ]
    return sorted(found, key=lambda note: (note["step"], note["rank"]))


def saved_steps(place: Path, name: str) -> list[int]:
    """The steps whose checkpoints are complete."""
    from embedworks.jobs.state import CHECKPOINTS, WORK
    from embedworks.training.checkpoints.files import complete_steps

    roots = place.glob(f"runs/{name}/left/{WORK}/*/{CHECKPOINTS}")
    return [step for root in roots for step in complete_steps(root)]


def samples_of_steps(place: Path, name: str) -> dict[int, list[tuple[int, int]]]:
    """Step -> the samples it had, of the worker group that took it last; refuses groups that disagree."""
    steps: dict[int, dict[tuple[int, int], list[tuple[int, int]]]] = {}
    for note in notes(place, name):
        taken = steps.setdefault(note["step"], {})
        taken[note["workers"], note["rank"]] = sorted(map(tuple, note["ids"]))
    found = {}
    for step, taken in steps.items():
        groups = {workers for workers, _ in taken}
        whole = [
            sorted(one for (w, _), ids in taken.items() if w == workers for one in ids)
            for workers in groups
            if sum(w == workers for w, _ in taken) == workers
        ]
        assert all(ids == whole[0] for ids in whole), step
        found[step] = whole[0]
    return found


def wait_for(what: Callable[[], Any], alive: Callable[[], bool] = lambda: True) -> Any:
    """Poll until ``what`` gives something true, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert alive(), "it ended before"
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
    return found


def living_workers(place: Path, name: str) -> Iterator[tuple[int, int]]:
    """(rank, process) of workers that noted a step and are alive."""
    for pid, rank in {note["pid"]: note["rank"] for note in notes(place, name)}.items():
        if os.path.exists(f"/proc/{pid}"):  # noqa: PTH110  (asked often)
            yield rank, pid
