"""A report of made data that has every section."""

from __future__ import annotations

import math
from typing import Any

from embedworks.report.data import (
    CostPoint,
    Costs,
    Curve,
    Difference,
    EmbeddingMap,
    Found,
    GridMap,
    Head,
    Hit,
    Lineage,
    Made,
    Merge,
    MergeInputs,
    ModelDifferences,
    Neighbours,
    Node,
    Panel,
    Query,
    Registration,
    Report,
    ScoreRow,
    ScoreTable,
    Significance,
    Training,
)

HOSTILE = "</script><script>window.harmed = true</script><img src=x onerror='window.harmed = true'>"
MODELS = ("org/base", "docs", "code", "merged-from-both-with-a-long-name")
LAYERS = ((0.0, 0.4), (1.0, 0.8))
TASKS = ("python-docs-retrieval", "stdlib-code-search", "emoji-name-similarity")


def whole_report(**changes: Any) -> Report:
    """Every section, with a text in each that would run as a script if it were not escaped."""
    parts: dict[str, Any] = {
        "head": Head(HOSTILE, HOSTILE, "1 May 2026", (("seed", "3"), ("job", HOSTILE)), (f"A {HOSTILE}.",)),
        "scores": score_table(),
        "significance": Significance(
            "org/base", 0.95, tuple(map(_differences, MODELS[1:])), ("Tested so.",)
        ),
        "costs": Costs(_costs(), "Times are medians."),
        "grids": (GridMap("merged", (2, 4), (32, 64, 128), ((0.1, 0.2, 0.25), (0.2, None, 0.5))),),
        "trainings": (_training(),),
        "map": _map(),
        "neighbours": _neighbours(),
        "lineage": _lineage(),
        "merges": (Merge(MODELS[3], "ties", f"models:\n- {HOSTILE}\n", "a note", 0.4, LAYERS, 0),),
        "inputs": (
            MergeInputs(
                models=("docs", "code"),
                norms=(1.1, 1.2),
                has_base=True,
                cosines=((1.0, 0.03), (0.03, 1.0)),
                conflict=0.47,
                layers=LAYERS,
                merges=(MODELS[3],),
            ),
        ),
        "registrations": (Registration("best", "toy", "3", "docs", "", False, "code loses", "old"),),
        "made": Made(f"name: {HOSTILE}\n", {"torch": "2"}, ("embedworks run job.yaml",)),
        "left_out": {"something": HOSTILE},
    }
    return Report(**(parts | changes))


def score_table() -> ScoreTable:
    """Four models on three tasks; ``docs`` is the best, ``code`` the best on the second task."""
    values = ((0.5, 0.5, 0.5), (0.7, 0.55, 0.6), (0.45, 0.8, 0.4), (0.6, 0.6, None))
    kinds = ("outside", "train", "train", "merge")
    rows = tuple(
        ScoreRow(model, kind, row, None if None in row else sum(row) / 3, (), HOSTILE)
        for model, kind, row in zip(MODELS, kinds, values, strict=True)
    )
    metrics = ("ndcg_at_10", "ndcg_at_10", "cosine_spearman")
    return ScoreTable("org/base", "docs", TASKS, metrics, (40, 40, 50), (), rows)


def _differences(model: str) -> ModelDifferences:
    gains = {"docs": (0.2, 0.05, 0.1), "code": (-0.05, 0.3, -0.1), MODELS[3]: (0.1, 0.1, 0.01)}[model]
    tested = [
        Difference(task, gain, gain - 0.04, gain + 0.04, 0.001, 0.01 if abs(gain) > 0.06 else 0.4, 0.3, 40)
        for task, gain in zip(TASKS, gains, strict=True)
    ]
    gain = sum(gains) / 3
    mean = Difference("mean", gain, gain - 0.02, gain + 0.02, 0.001, 0.003, 0.2, 130)
    return ModelDifferences(model, mean, tuple(tested))


def _costs() -> tuple[CostPoint, ...]:
    rows = ((2, 32, 0.3, 1.0, True), (2, 64, 0.28, 1.1, False), (4, 64, 0.5, 2.0, True))
    return tuple(CostPoint("docs", at, d, q, at * 1_000_000, ms, on) for at, d, q, ms, on in rows)


def _training() -> Training:
    loss = tuple((float(step), math.exp(-step / 50)) for step in range(1, 200, 3))
    rate = tuple((step, 1e-4 * (1 - step / 200)) for step, _ in loss)
    scores = (Curve("held-out", ((50.0, 0.2), (100.0, 0.4))),)
    return Training(
        "docs", "starbucks, 200 steps", (Curve("loss", loss),), Curve("learning rate", rate), scores
    )


def _map() -> EmbeddingMap:
    places = tuple(((i % 5) / 5, i / 20) for i in range(20))
    texts = tuple(f"text {i} {HOSTILE}" for i in range(20))
    panels = tuple(Panel(model, places, "a note") for model in ("org/base", "docs"))
    mates = tuple((i, i + 1) for i in range(0, 20, 2))
    return EmbeddingMap(TASKS[0], "t-SNE.", texts, (0, 1) * 10, ("query", "document"), mates, panels)


def _neighbours() -> Neighbours:
    hits = (Hit(HOSTILE * 3, 0.8, False), Hit("the right one", 0.7, True), Hit("word" * 80, 0.6, False))
    found = tuple(Found(model, 0.6, 2, hits) for model in ("org/base", "docs"))
    return Neighbours(TASKS[0], "The rule.", (Query(HOSTILE, "the right one", "gained most", found),))


def _lineage() -> Lineage:
    nodes = (
        Node("python-docs", "corpus"),
        Node("org/base", "outside"),
        Node("docs", "train", "starbucks"),
        Node("code", "train", HOSTILE),
        Node(MODELS[3], "merge", "ties"),
        Node("toy 3", "version", "@champion"),
    )
    edges = (("python-docs", "docs"), ("org/base", "docs"), ("org/base", "code"), ("docs", MODELS[3]))
    edges += (("code", MODELS[3]), ("docs", "toy 3"))
    return Lineage(nodes, edges, ("docs", "python-docs", "org/base", "toy 3"))
