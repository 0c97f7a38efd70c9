"""Each model against the reference: a stage's own comparisons, or new ones from the samples it kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from embedworks.errors import InputError
from embedworks.evaluation.statistics.paired import holm
from embedworks.jobs.comparisons import Rows, compare_models, correct, tested_rows
from embedworks.jobs.scores import Scores, full_size
from embedworks.report.data import Difference, ModelDifferences, ScoreTable, Significance
from embedworks.report.gathering.scores import as_differences
from embedworks.report.gathering.source import Source

Tell = Callable[[str], None]

LEVEL = 0.95
RESAMPLES = (10_000, 5_000, 2_000)  # as many as there is time for: Holm's correction needs small p
FEWEST = 3  # models that are compared, whatever it takes
BUDGET = 6e8  # cells of resamples that are ranked: below a minute on one core
RANKED = "spearman"


def significance(
    source: Source, scores: Mapping[str, Scores], table: ScoreTable, tell: Tell
) -> Significance | None:
    """The models against the reference, the best first; None where there is nothing to compare."""
    others = sorted(
        (row for row in table.rows if row.model != table.reference),
        key=lambda row: (row.mean is None, -(row.mean or 0.0)),
    )
    models = [row.model for row in others]
    if not models:
        return None
    kept = _kept(source, table.reference)
    if kept is not None:
        rows, level, method = kept
    else:
        rows, method = _computed(scores, table.reference, models, tell)
        level = LEVEL
    found = [as_differences(model, rows[model]) for model in models if model in rows]
    found = _corrected_means(found)
    if not any(one.p is not None for row in found for one in row.tasks):
        return None
    return Significance(table.reference, level, tuple(found), method) if found else None


def _kept(source: Source, reference: str) -> tuple[dict[str, Rows], float, tuple[str, ...]] | None:
    """Comparisons that a stage made against this reference."""
    for stage in source.of("evaluate"):
        found = stage.result.get("comparisons")
        if found and found["to"] == reference:
            options = stage.block["compare"]
            tests = len(tested_rows(found["models"]))
            return dict(found["models"]), options["level"], _words(options["resamples"], tests)
    return None


def _words(resamples: int, tests: int) -> tuple[str, ...]:
    return (
        f"Paired over the samples of each task: {resamples:,} bootstrap resamples for the intervals, as "
        "many permutations for p.",
        f"Holm's correction is over all {tests} tests of a model on a task; that of the means is over the "
        "models.",
    )


def _computed(
    scores: Mapping[str, Scores], reference: str, models: Sequence[str], tell: Tell
) -> tuple[dict[str, Rows], tuple[str, ...]]:
    cells = _cells(scores[reference])
    resamples = next((r for r in RESAMPLES if _work(cells, r) * len(models) <= BUDGET), RESAMPLES[-1])
    most = max(FEWEST, int(BUDGET / max(_work(cells, resamples), 1.0)))
    chosen = models[:most]
    tell(f"comparing {len(chosen)} models with {reference}, {resamples:,} resamples")
    rows: dict[str, Rows] = {}
    for model in chosen:
        try:
            rows[model] = compare_models(scores[model], scores[reference], resamples=resamples, level=LEVEL)
        except InputError as error:
            tell(f"  {model}: {error}")
    single = tested_rows(rows)
    correct(single)
    method = _words(resamples, len(single))
    if len(chosen) < len(models):
        method += (f"Compared are the {len(chosen)} models with the best means, for time.",)
    return rows, method


def _cells(scores: Scores) -> list[tuple[int, bool]]:
    """(samples, whether they are ranked in each resample) of every task."""
    return [
        (int(one.get("n", 0)), RANKED in str(one.get("metric", "")))
        for one in full_size(scores).values()
        if one.get("samples")
    ]


def _work(cells: Sequence[tuple[int, bool]], resamples: int) -> float:
    """Cells to go through for one model: each task is resampled alone and in the mean."""
    ranked = sum(2.0 * n * (resamples + n) for n, is_ranked in cells if is_ranked)
    return ranked + sum(0.2 * n * resamples for n, is_ranked in cells if not is_ranked)


def _corrected_means(found: Sequence[ModelDifferences]) -> list[ModelDifferences]:
    """The best of many models is best by chance, too: p of the means is corrected over the models."""
    tested = [row.mean.p for row in found if row.mean and row.mean.p is not None]
    corrected = iter(holm(tested))

    def of(mean: Difference | None) -> Difference | None:
        return dataclasses.replace(mean, holm=next(corrected)) if mean and mean.p is not None else mean

    return [dataclasses.replace(row, mean=of(row.mean)) for row in found]
