"""Ours without a corpus or a table: :class:`embedworks.inference.engine.Engine` in one process."""

from __future__ import annotations

from _encoding import Task, clock, finish, parse

from embedworks.embedder import Embedder
from embedworks.inference.engine import Engine


def main(task: Task) -> None:
    """Time all loads."""
    engine = Engine(Embedder.load(task.model), task.precision, backend=task.backend)  # type: ignore[arg-type]
    found, vectors = {}, {}
    for name, texts in task.loads.items():
        seconds, vectors[name] = clock(engine.encode, texts)
        found[name] = {"seconds": seconds, "precision": engine.precision, "backend": engine.backend.name}
    finish(task, found, vectors, ("torch", "numpy"))


if __name__ == "__main__":
    main(parse())
