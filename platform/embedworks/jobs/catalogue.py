"""The catalogue: every system with its files, what it trains on, and what became of its claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedworks.catalog import System, find_objective, systems
from embedworks.errors import InputError
from embedworks.jobs.claims.load import SUFFIX, repository
from embedworks.jobs.claims.records import load_record
from embedworks.jobs.load import load_job
from embedworks.jobs.references import corpora_of
from embedworks.jobs.schema import CurateStage, MergeStage, Stage, TrainStage

HEAD = """# Systems

Every published method that a job can name by its slug, with the last verdict of its claim:
`embedworks claim SLUG` runs the experiment, `embedworks systems SLUG` tells more, and
`embedworks systems --write docs/systems.md` makes this page.
"""


def entries() -> list[dict[str, Any]]:
    """All systems, as ``embedworks systems --json`` tells them."""
    return [describe(system) for system in systems().values()]


def describe(system: System) -> dict[str, Any]:
    """A catalogue entry. ``claim`` is null until the system's claim was run and recorded."""
    folder = system.family.replace("-", "_")
    job = Path("jobs") / folder / f"{system.slug}.yaml"
    found = load_record(repository() / "docs" / "claims", system.slug)
    claim = None
    if found and found.verdict:
        claim = {"verdict": found.verdict, "date": found.date, "seeds": len(found.seeds)}
    return {
        "slug": system.slug,
        "title": _title(system.slug),
        "family": system.family,
        "module": system.module,
        "job": str(job),
        "test": f"tests/systems/{folder}/test_{system.words}.py",
        "page": f"docs/systems/{system.slug}.md",
        "corpora": job_corpora(repository() / job),
        "tasks": [task.name for task in getattr(system.load(), "TASKS", ())],
        "claim": claim,
    }


def job_corpora(job: Path) -> list[str]:
    """Corpora that a system's job reads; none where the package came without its job files."""
    if not job.is_file():
        return []
    found = load_job(job).job
    curated = {stage.name for stage in found.stages if isinstance(stage, CurateStage)}
    read = {corpus.source for stage in found.stages for corpus in corpora_of(stage)} - curated
    return sorted({found.corpora[name].source if name in found.corpora else name for name in read})


def claim_of(entry: dict[str, Any]) -> str:
    """What became of an entry's claim, in a word."""
    if entry["claim"]:
        return str(entry["claim"]["verdict"])
    file = repository() / entry["job"]
    return "not run" if file.with_name(file.stem + SUFFIX).is_file() else "none"


def trains(entry: dict[str, Any]) -> str:
    """What an entry's job makes, stage by stage."""
    file = repository() / entry["job"]
    if not file.is_file():
        return ""
    return ", ".join(dict.fromkeys(filter(None, map(_makes, load_job(file).job.stages))))


def page(found: list[dict[str, Any]]) -> str:
    """docs/systems.md."""
    lines = [
        "| system | family | trains | corpora | served tasks | claim | date |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in sorted(found, key=lambda one: (one["family"], one["slug"])):
        slug, claim = entry["slug"], entry["claim"]
        verdict = f"[{claim['verdict']}](claims/{slug}.md)" if claim else claim_of(entry)
        cells = (
            f"[{slug}](systems/{slug}.md)<br>{entry['title']}",
            entry["family"],
            trains(entry),
            ", ".join(f"[{name}](corpora.md#{name})" for name in entry["corpora"]),
            ", ".join(["embed", *entry["tasks"]]),
            verdict,
            claim["date"] if claim else "",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return f"{HEAD}\n" + "\n".join(lines) + "\n"


def _makes(stage: Stage) -> str:
    if isinstance(stage, TrainStage):
        return stage.system
    if isinstance(stage, MergeStage):
        return f"merge: {stage.method}"
    return ""


def _title(slug: str) -> str:
    try:
        return find_objective(slug).title
    except InputError:
        return ""
