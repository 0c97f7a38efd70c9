"""docs/systems/<slug>.md: a system's page, made from its module's docstring, its job and its claim."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedworks.catalog import System, objectives
from embedworks.jobs.catalogue import describe
from embedworks.jobs.claims.load import repository
from embedworks.jobs.claims.records import load_record
from embedworks.jobs.load import load_job
from embedworks.jobs.reference import block, inner_blocks, key_table
from embedworks.jobs.references import corpora_of
from embedworks.jobs.schema import EvaluateStage, Job, RegisterStage, Stage, TrainStage
from embedworks.objective import ObjectiveConfig

WHEN = "When to use it:"
ARXIV = re.compile(r"\barXiv (\d{4}\.\d{4,5})")
UP = "../.."  # from docs/systems to the repository


def system_page(system: System) -> str:
    """The page of one system, whose job file must be there."""
    entry = describe(system)
    title, *paragraphs = _paragraphs(inspect.getdoc(system.load()) or "")
    when = [text.removeprefix(WHEN).strip() for text in paragraphs if text.startswith(WHEN)]
    about = [text for text in paragraphs if not text.startswith(WHEN)]
    job = load_job(repository() / entry["job"]).job
    parts = [
        f"# {system.slug}",
        title,
        *about,
        *(
            ["## When to use it", *(sentence[:1].upper() + sentence[1:] for sentence in when)]
            if when
            else []
        ),
        "## Try it",
        *_example(job, entry),
        "## What the job does",
        _stages(job),
        *_keys(system),
        "## Its claim",
        *_claim(system.slug),
        "## Sources",
        _sources(system, entry),
    ]
    return "\n\n".join(parts) + "\n"


def write_pages(folder: Path, found: dict[str, System]) -> list[Path]:
    """Every system's page into a folder, which keeps no others."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{slug}.md" for slug in found]
    for file, system in zip(files, found.values(), strict=True):
        file.write_text(system_page(system), encoding="utf-8")
    for stale in set(folder.glob("*.md")) - set(files):
        stale.unlink()
    return files


def _paragraphs(docstring: str) -> list[str]:
    """Markdown of a docstring's paragraphs, with links to papers."""
    text = re.sub(r":[a-z]+:`~?\.?(?:[\w.]*\.)?(\w+)`", r"`\1`", docstring)
    text = ARXIV.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", text.replace("``", "`"))
    return text.split("\n\n")


def _example(job: Job, entry: dict[str, Any]) -> Iterator[str]:
    registered = [stage for stage in job.stages if isinstance(stage, RegisterStage)]
    if not registered:
        yield f"```sh\nembedworks run {entry['job']}\n```"
        return
    name, alias = registered[-1].model, registered[-1].alias
    asked: dict[str, Any] = {"model": name, "input": ["an example"], **_smallest(job)}
    lines = [
        f"embedworks run {entry['job']}",
        f"embedworks serve models:/{name}@{alias} --name {name}",
        "curl -s http://127.0.0.1:8000/v1/embeddings -H 'content-type: application/json' \\",
        f"  -d '{json.dumps(asked)}'",
    ]
    yield "```sh\n" + "\n".join(lines) + "\n```"
    if entry["tasks"]:
        paths = " and ".join(f"`POST /v1/tasks/{task}`" for task in entry["tasks"])
        yield (
            f"With `tasks: [{entry['slug']}]` in a Serve configuration it also answers {paths}: see "
            "[endpoints.md](../endpoints.md)."
        )


def _smallest(job: Job) -> dict[str, int]:
    """The smallest size at which the job compares its models, where it compares any."""
    pairs = [pair for stage in job.stages if isinstance(stage, EvaluateStage) for pair in stage.pairs or ()]
    return dict(zip(("layers", "dimensions"), min(pairs), strict=True)) if pairs else {}


def _stages(job: Job) -> str:
    lines = ["| stage | kind | what | corpora | steps |", "|---|---|---|---|---|"]
    for stage in job.stages:
        corpora = ", ".join(dict.fromkeys(corpus.source for corpus in corpora_of(stage)))
        steps = str(stage.steps or "") if isinstance(stage, TrainStage) else ""
        lines.append(f"| {stage.name} | {stage.kind} | {_what(stage)} | {corpora} | {steps} |")
    return "\n".join(lines)


def _what(stage: Stage) -> str:
    """The method of a stage, or the tasks that it measures."""
    for key in ("system", "method", "tasks", "model"):
        if value := getattr(stage, key, None):
            return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else f"`{value}`"
    return ""


def _keys(system: System) -> Iterator[str]:
    names: dict[type[ObjectiveConfig], list[str]] = {}
    for variant, objective in objectives(system).items():
        names.setdefault(objective.Config, []).append(f"`system: {system.slug}/{variant}".rstrip("/") + "`")
    for config, found in names.items():
        yield f"## Keys of `objective` under {' and '.join(found)}"
        yield key_table(config)
        for title, model in inner_blocks(config):
            yield block(title, model).rstrip()


def _claim(slug: str) -> Iterator[str]:
    found = load_record(repository() / "docs" / "claims", slug)
    if found is None or not found.verdict:
        yield f"Not run yet: `embedworks claim {slug}`."
        return
    yield f"{found.title} **{found.verdict.capitalize()}**, {found.date}, {len(found.seeds)} seeds."
    yield f"![values of every arm](../claims/{slug}.svg)"
    yield f"[The whole record](../claims/{slug}.md), and again by `embedworks claim {slug}`."


def _sources(system: System, entry: dict[str, Any]) -> str:
    papers = dict.fromkeys(ARXIV.findall(inspect.getdoc(system.load()) or ""))
    lines = [f"- [arXiv {number}](https://arxiv.org/abs/{number})" for number in papers]
    module = f"platform/{system.module.replace('.', '/')}.py"
    files = [module, entry["job"], entry["test"]]
    return "\n".join([*lines, *(f"- [{file}]({UP}/{file})" for file in files)])
