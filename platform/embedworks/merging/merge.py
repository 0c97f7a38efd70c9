"""The door of the merging wing: a recipe and the folders it names become one embedder folder.

A method is ``merging/methods/<name>.py`` and found by its name (:mod:`.method`). Nothing is loaded whole:
tensors are read, merged and written in pieces (:mod:`.execute`), and a merge that was killed goes on.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embedworks.embedder import Lineage
from embedworks.errors import InputError, KeyPath, dotted
from embedworks.folder import weights_digest
from embedworks.merging.assemble import write_files
from embedworks.merging.execute import Done, Listener, execute, silent
from embedworks.merging.joint import Joint, join
from embedworks.merging.models import Model, Resolve, open_model
from embedworks.merging.plan import Plan
from embedworks.merging.planning import Planner, check_recipe
from embedworks.merging.recipe import Recipe

Parents = list[dict[str, str]]


@dataclass(frozen=True)
class Merged:
    """What a merge gave.

    Attributes:
        folder: The embedder.
        method: Name of the method.
        models: Those that were read, the base first where there is one.
        done: What running the plan took.
        peak_memory: Of this process so far, bytes.
        notes: What a reader should know of how the models were matched and merged.
    """

    folder: Path
    method: str
    models: tuple[str, ...]
    done: Done
    peak_memory: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        numbers = {key: value for key, value in asdict(self.done).items() if key not in ("notes", "report")}
        return {
            "folder": str(self.folder),
            "method": self.method,
            "models": list(self.models),
            **numbers,
            "peak_memory": self.peak_memory,
            "notes": list(self.notes),
        }


def merge(
    recipe: Recipe,
    resolve: Resolve,
    out: Path,
    *,
    lineage: Lineage | None = None,
    seed: int = 0,
    statistics: Mapping[str, Path] | None = None,
    where: Callable[[KeyPath], str] = dotted,
    run: Callable[..., Done] = execute,
    listen: Listener = silent,
    **options: Any,
) -> Merged:
    """Merge models into ``out``, which appears when it is complete.

    Args:
        recipe: What is merged.
        resolve: From a model's name to its folder.
        out: The new embedder folder.
        lineage: What it says of where it comes from; default: its parents with their digests.
        seed: Of methods that draw at random.
        statistics: Model -> safetensors file of what was measured on it, for methods that need it.
        where: The place of a key of the recipe, for messages.
        run: What runs the plan: :func:`.execute.execute`, or :func:`.spread.spread` on a Ray cluster.
        listen: Is told the bytes that are written and the bytes in all.
        **options: Of ``run``.

    Raises:
        InputError: for a recipe or models that cannot be merged, naming key, model and tensor.

    Example:
        >>> recipe = parse_recipe(yaml.safe_load(text))      # doctest: +SKIP
        >>> merge(recipe, resolve_model, Path("merged")).done.seconds      # doctest: +SKIP
        1.3
    """
    planner, joint = prepare(recipe, resolve, seed, statistics or {}, where)
    plan = planner.plan(joint.matching)
    with ThreadPoolExecutor(1) as beside:
        # Beside the merge, which leaves a core idle now and then.
        parents = None if lineage else beside.submit(parents_of, planner.models)

        def complete(folder: Path) -> None:
            found = lineage or Lineage(parents=parents.result() if parents else [])
            write_files(folder, planner, joint, found)

        done = run(plan, out, listen=listen, complete=complete, **options)
    return Merged(out, plan.method, tuple(planner.models), done, peak_memory(), (*plan.notes, *done.notes))


def prepare(
    recipe: Recipe,
    resolve: Resolve,
    seed: int = 0,
    statistics: Mapping[str, Path] | None = None,
    where: Callable[[KeyPath], str] = dotted,
) -> tuple[Planner, Joint]:
    """Check a recipe, open its models and match them: all of a merge that needs no weights.

    Raises:
        InputError: for what cannot be merged.
    """
    method = check_recipe(recipe, where)
    needed = getattr(method, "STATISTICS", None)
    if needed and not statistics:
        raise InputError(
            f"{recipe.merge_method} measures the models on a corpus", expected="a merge stage with `probe`"
        )
    models = {name: open_model(name, resolve) for name in recipe.merged()}
    planner = Planner(recipe, models, seed, statistics or {})
    return planner, join(recipe, models, planner.template, resolve)


def plan_merge(
    recipe: Recipe, resolve: Resolve, seed: int = 0, where: Callable[[KeyPath], str] = dotted
) -> Plan:
    """The plan alone, for a look at what would be done."""
    planner, joint = prepare(recipe, resolve, seed, where=where)
    return planner.plan(joint.matching)


def parents_of(models: Mapping[str, Model]) -> Parents:
    """The models as lineage records them, each once."""
    folders = {name: model.adapter or model.folder for name, model in models.items()}
    return [
        {"source": name, "sha256": weights_digest(folder), "run_id": ""} for name, folder in folders.items()
    ]


def peak_memory() -> int:
    """Most memory that this process has had in use, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
