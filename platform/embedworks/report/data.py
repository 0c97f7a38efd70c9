"""What a report shows, as plain data: everything between the gathering and the page.

Any part may be missing: its section is then left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ScoreRow:
    """A model's scores at its largest pair.

    Attributes:
        model: Its name.
        kind: What made it: ``train``, ``merge``, or ``outside``.
        values: One for each task, None where it was not scored.
        mean: Over the tasks; None unless it has them all.
        families: Mean of each family of tasks.
        detail: How it was made, in a few words: a system, a merge method.
    """

    model: str
    kind: str
    values: tuple[float | None, ...]
    mean: float | None
    families: tuple[float | None, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class ScoreTable:
    """Models by tasks.

    Attributes:
        reference: The model that others are compared with.
        best: The model with the highest mean, the reference aside.
        tasks: Names.
        metrics: The main score of each task.
        counts: Samples of each task.
        families: Names of families of tasks whose means are shown.
        rows: The models, in the order of the job.
    """

    reference: str
    best: str
    tasks: tuple[str, ...]
    metrics: tuple[str, ...]
    counts: tuple[int, ...]
    families: tuple[str, ...]
    rows: tuple[ScoreRow, ...]

    def row(self, model: str) -> ScoreRow:
        """The model's row."""
        return next(row for row in self.rows if row.model == model)


@dataclass(frozen=True)
class Difference:
    """A model's score less the reference's, on a task or in the mean; no test without samples."""

    task: str
    value: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    holm: float | None = None
    effect: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class ModelDifferences:
    """A model against the reference: in the mean of the tasks, where there is one, and on each."""

    model: str
    mean: Difference | None
    tasks: tuple[Difference, ...]


@dataclass(frozen=True)
class Significance:
    """Models against the reference.

    Attributes:
        reference: Its name.
        level: Of the intervals.
        rows: The models, the best first.
        method: Sentences that say how it was tested, and what was left out.
    """

    reference: str
    level: float
    rows: tuple[ModelDifferences, ...]
    method: tuple[str, ...]


@dataclass(frozen=True)
class CostPoint:
    """A model read at one pair: what it scores in the mean, and what one text costs."""

    model: str
    layers: int
    dimensions: int
    quality: float
    parameters: int
    milliseconds: float
    on_front: bool


@dataclass(frozen=True)
class Costs:
    """Quality against cost; ``note`` says how it was measured, or that all cost the same."""

    points: tuple[CostPoint, ...]
    note: str


@dataclass(frozen=True)
class GridMap:
    """A model's mean score at every pair: ``values[row][column]``, by layers and dimensions."""

    model: str
    layers: tuple[int, ...]
    dimensions: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Curve:
    """Values of a metric over steps."""

    name: str
    points: Points


@dataclass(frozen=True)
class Training:
    """A stage that trained.

    Attributes:
        stage: Its name.
        about: System, steps, time.
        losses: ``loss`` first.
        rate: Learning rate.
        scores: On held-out data, on the way.
    """

    stage: str
    about: str
    losses: tuple[Curve, ...]
    rate: Curve | None = None
    scores: tuple[Curve, ...] = ()


@dataclass(frozen=True)
class Panel:
    """A model's texts in the plane; ``places`` between 0 and 1."""

    model: str
    places: Points
    note: str = ""


@dataclass(frozen=True)
class EmbeddingMap:
    """Texts of a task as models place them.

    Attributes:
        task: Its name.
        how: The projection.
        texts: What is shown, the same in all panels.
        groups: Place of each text in ``names``.
        names: Labels or kinds of texts.
        mates: Pairs of places that belong together; none where texts have labels.
        panels: The models.
    """

    task: str
    how: str
    texts: tuple[str, ...]
    groups: tuple[int, ...]
    names: tuple[str, ...]
    mates: tuple[tuple[int, int], ...]
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Hit:
    """A document that was found, its similarity, and whether it is a right one."""

    text: str
    similarity: float
    is_right: bool


@dataclass(frozen=True)
class Found:
    """What one model found, the nearest first; its score on the query; the rank of the first right one."""

    model: str
    score: float
    rank: int
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Query:
    """A query, a right answer, and what each model found; ``group`` says why it was chosen."""

    text: str
    right: str
    group: str
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Neighbours:
    """Queries of a retrieval task, chosen by the rule that is told."""

    task: str
    rule: str
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Node:
    """A ``corpus``, or a model: from ``outside``, of a ``train`` or ``merge`` stage, or a ``version``."""

    name: str
    kind: str
    note: str = ""


@dataclass(frozen=True)
class Lineage:
    """What came from what; ``line`` are the ancestors of the best model, and itself."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    line: tuple[str, ...] = ()


@dataclass(frozen=True)
class Merge:
    """A merge: its recipe as YAML, and how much of the base it moved, in all and by layer."""

    model: str
    method: str
    recipe: str
    note: str = ""
    moved: float | None = None
    layers: Points = ()
    inputs: int | None = None


@dataclass(frozen=True)
class MergeInputs:
    """Models that were merged together: how far they are from the base, and whether they agree.

    Attributes:
        models: Their names.
        norms: Of each task vector, or of each model where there is no base.
        has_base: Whether it is of task vectors.
        cosines: ``(n, n)``.
        conflict: Share of weights at which one model goes up and another down.
        layers: (layer, that share); 0 for the embeddings.
        merges: Merges of these models.
    """

    models: tuple[str, ...]
    norms: tuple[float, ...]
    has_base: bool
    cosines: tuple[tuple[float, ...], ...]
    conflict: float | None
    layers: Points
    merges: tuple[str, ...]


@dataclass(frozen=True)
class Registration:
    """What a register stage did; ``passed`` is None where no gate was asked for."""

    stage: str
    model: str
    version: str
    winner: str
    alias: str
    passed: bool | None = None
    reason: str = ""
    against: str = ""


@dataclass(frozen=True)
class Head:
    """What stands above all: the job, when it ran, and the machine that made the page."""

    title: str
    job: str
    date: str
    facts: tuple[tuple[str, str], ...] = ()
    summary: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """How it was made: the job file, the environment, the commands that make it again."""

    job: str
    versions: Mapping[str, str]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """A whole report."""

    head: Head
    scores: ScoreTable | None = None
    significance: Significance | None = None
    costs: Costs | None = None
    grids: tuple[GridMap, ...] = ()
    trainings: tuple[Training, ...] = ()
    map: EmbeddingMap | None = None
    neighbours: Neighbours | None = None
    lineage: Lineage | None = None
    merges: tuple[Merge, ...] = ()
    inputs: tuple[MergeInputs, ...] = ()
    registrations: tuple[Registration, ...] = ()
    made: Made | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
