"""Model cards: a README with the front matter that the Hugging Face hub reads, for each model of a job."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import yaml
from huggingface_hub import EvalResult, ModelCardData

from embedworks.corpora.manifest import MANIFEST_FILE
from embedworks.jobs.references import HUB_ID
from embedworks.named import short_name
from embedworks.report.data import Difference, Merge, Report, ScoreRow
from embedworks.report.gathering.environment import versions
from embedworks.report.gathering.source import Source, StageRecord

TAGS = ["sentence-transformers", "sentence-similarity", "feature-extraction", "embedworks"]
PIPELINE = "sentence-similarity"
# By the start of a main score: the hub's names of tasks.
TASK_TYPES = {"ndcg": "retrieval", "map": "retrieval", "cosine_spearman": "sts", "f1": "bitext-mining"}
TASK_TYPES |= {"accuracy": "classification", "v_measure": "clustering"}
TRAINING = ("system", "steps", "epochs", "batch_size", "batch_tokens", "precision", "ema", "lora")


def cards(report: Report, source: Source) -> dict[str, str]:
    """Model -> its card, for every model that the job trained or merged."""
    return {stage.name: card(report, source, stage) for stage in source.of("train", "merge")}


def card(report: Report, source: Source, stage: StageRecord) -> str:
    """One model's card."""
    above = ancestors(report, stage.name)
    corpora = (
        [node.name for node in report.lineage.nodes if node.kind == "corpus"] if report.lineage else []
    )
    used = [name for name in corpora if name in above]
    row = (
        next((one for one in report.scores.rows if one.model == stage.name), None)
        if report.scores
        else None
    )
    data = ModelCardData(
        base_model=_one_or_many([name for name in above if HUB_ID.fullmatch(name)]),
        datasets=used or None,
        eval_results=_results(report, row) or None,
        library_name="sentence-transformers",
        metrics=sorted(set(report.scores.metrics)) if row and report.scores else None,
        model_name=stage.name,
        pipeline_tag=PIPELINE,
        tags=TAGS,
    )
    body = [
        f"# {stage.name}",
        _about(stage, source),
        *_usage(stage.name),
        *_scores(report, row),
        *_lineage(report, stage, above),
        *_settings(report, source, stage),
        *_corpora(source, used),
        *_limits(),
    ]
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(body) + "\n"


def ancestors(report: Report, model: str) -> list[str]:
    """All that a model came from, the nearest first."""
    found: dict[str, None] = {}
    waiting = [model]
    while waiting and report.lineage:
        name = waiting.pop(0)
        for start, end in report.lineage.edges:
            if end == name and start not in found:
                found[start] = None
                waiting.append(start)
    return list(found)


def _one_or_many(names: list[str]) -> str | list[str] | None:
    return names[0] if len(names) == 1 else names or None


def _results(report: Report, row: ScoreRow | None) -> list[EvalResult]:
    if row is None or report.scores is None:
        return []
    table = report.scores
    return [
        EvalResult(
            task_type=next(
                (kind for start, kind in TASK_TYPES.items() if metric.startswith(start)), "other"
            ),
            dataset_type=f"embedworks/{task}",
            dataset_name=task,
            dataset_split="test",
            metric_type=metric or "score",
            metric_value=value,
        )
        for task, metric, value in zip(table.tasks, table.metrics, row.values, strict=True)
        if value is not None
    ]


def _about(stage: StageRecord, source: Source) -> str:
    how = (
        f"trained with the system `{stage.block.get('system')}`"
        if stage.kind == "train"
        else f"merged by `{stage.block.get('method')}`"
    )
    return f"A text embedding model, {how} in the job `{source.name}`. Made with embedworks."


def _usage(name: str) -> Iterator[str]:
    yield "## Usage"
    yield "With sentence-transformers, from the folder that this card stands in:"
    lines = ("from sentence_transformers import SentenceTransformer", "")
    model = (f'model = SentenceTransformer("{name}")', 'vectors = model.encode(["a text", "another"])')
    yield "\n".join(
        ["```python", *lines, *model, "similarities = model.similarity(vectors, vectors)", "```"]
    )
    yield "With embedworks, whose engine can also read fewer layers or dimensions:"
    ours = (
        "from embedworks.embedder import Embedder",
        "from embedworks.inference.engine import Engine",
        "",
    )
    engine = (f'engine = Engine(Embedder.load("{name}"))', 'vectors = engine.encode(["a text", "another"])')
    yield "\n".join(["```python", *ours, *engine, "```"])


def _scores(report: Report, row: ScoreRow | None) -> Iterator[str]:
    if row is None or report.scores is None:
        return
    table = report.scores
    base, differences = table.row(table.reference), _differences(report, row.model)
    yield "## Scores"
    heads = f"| task | metric | score | {short_name(table.reference)} | difference | p (Holm) |"
    lines = [heads, "|---|---|---:|---:|---:|---:|"]
    for i, task in enumerate(table.tasks):
        own, other, found = row.values[i], base.values[i], differences.get(task)
        gain = f"{own - other:+.4f}" if own is not None and other is not None else ""
        p = f"{found.holm:.2g}" if found and found.holm is not None else ""
        lines.append(f"| {task} | {table.metrics[i]} | {_number(own)} | {_number(other)} | {gain} | {p} |")
    if len(table.tasks) > 1:
        lines.append(f"| **mean** | | **{_number(row.mean)}** | {_number(base.mean)} | | |")
    yield "\n".join(lines)


def _differences(report: Report, model: str) -> dict[str, Difference]:
    rows = report.significance.rows if report.significance else ()
    return {one.task: one for row in rows if row.model == model for one in row.tasks}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _lineage(report: Report, stage: StageRecord, above: list[str]) -> Iterator[str]:
    yield "## Lineage"
    direct = [s for s, end in report.lineage.edges if end == stage.name] if report.lineage else []
    made = [f"- made from: {', '.join(f'`{name}`' for name in direct) or 'nothing'}"]
    further = [name for name in above if name not in direct]
    made += [f"- which came from: {', '.join(f'`{name}`' for name in further)}"] if further else []
    made += [f"- MLflow run: `{stage.run.id}`"] if stage.run else []
    yield "\n".join(made)


def _settings(report: Report, source: Source, stage: StageRecord) -> Iterator[str]:
    merge: Merge | None = next((one for one in report.merges if one.model == stage.name), None)
    yield "## Training settings" if merge is None else "## Merge recipe"
    if merge is not None:
        yield f"```yaml\n{merge.recipe.rstrip()}\n```"
    else:
        kept: dict[str, Any] = {
            key: stage.block[key] for key in TRAINING if stage.block.get(key) is not None
        }
        optimizer = stage.block.get("optimizer") or {}
        names = ("name", "learning_rate", "schedule", "warmup", "weight_decay", "clip")
        kept["optimizer"] = {key: optimizer[key] for key in names if key in optimizer}
        kept |= {"objective": stage.block.get("objective") or {}, "seed": source.job.get("seed", 0)}
        yield f"```yaml\n{yaml.safe_dump(kept, sort_keys=False, allow_unicode=True).rstrip()}\n```"
    yield "Versions: " + ", ".join(f"{name} {number}" for name, number in versions().items()) + "."


def _corpora(source: Source, used: list[str]) -> Iterator[str]:
    if not used:
        return
    yield "## Corpora"
    lines = []
    for name in used:
        folder = source.corpus(name)
        about = orjson.loads((folder / MANIFEST_FILE).read_bytes()) if folder else {}
        licence = _line(about.get("licence") or "") or "not known"
        lines.append(
            f"- `{name}`: {_line(about.get('description') or '')} Licence: {licence}.".replace(":  ", ": ")
        )
    yield "\n".join(lines)


def _line(text: str) -> str:
    """A corpus's own words as plain text on one line."""
    return re.sub(r"([<>\[\]`|])", r"\\\1", " ".join(str(text).split()))


def _limits() -> Iterator[str]:
    yield "## Limits"
    yield (
        "- The scores are of the tasks above alone; no other domain, language or length was measured.\n"
        "- It repeats whatever bias its corpora and base models have.\n"
        "- No licence is stated here: those of the base models and corpora hold, and whoever publishes "
        "the model has to settle them."
    )
