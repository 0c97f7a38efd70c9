"""What a job file may say: a job and its stages, as frozen models that refuse unknown keys.

Only what one key alone can tell is checked here; what two keys or two stages must agree on is in
:mod:`.checks`. Read a file with :func:`embedworks.jobs.load.load_job`, which does both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from embedworks.inference.backends.protocol import BackendName, ServingPrecision
from embedworks.jobs.comparison_options import CompareOptions, RequireOptions
from embedworks.jobs.corpus_options import Corpora, CorpusRef, NamedCorpus
from embedworks.jobs.during_options import DuringOptions
from embedworks.jobs.merging.options import (
    SETTINGS,
    Entry,
    GoalOptions,
    MergeSearch,
    Settings,
    Slice,
)
from embedworks.jobs.probe_options import ProbeOptions
from embedworks.jobs.search.options import SearchOptions
from embedworks.jobs.section import Count, Pair, Precision, Section, Text
from embedworks.training.options import TrainingOptions

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SYSTEM = r"^[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)?$"
REGISTERED = r"^[A-Za-z0-9][\w. -]*$"

Slug = Annotated[str, Field(pattern=SLUG)]

MODEL = "an earlier stage, a folder, `models:/name@alias` or a hub id"


class TrainStage(TrainingOptions, Section):
    """Trains one system on a mixture of corpora."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["steps"]}, {"required": ["epochs"]}]}
    )

    name: Slug = Field(description="unique in the job; later stages use it as a model")
    kind: Literal["train"]
    system: str = Field(pattern=SYSTEM, description="`slug` or `slug/variant`; see `embedworks systems`")
    from_: Text | None = Field(
        default=None, alias="from", description=f"where to start: {MODEL}; null: from nothing"
    )
    corpus: Corpora = Field(description="one corpus, or a list that is mixed by weight")
    objective: dict[str, Any] = Field(default_factory=dict, description="the system's own keys")
    evaluate: DuringOptions | None = Field(
        default=None, description="look at the embedder on the way; null: train to the end, keep the last"
    )


class MergeStage(TrainingOptions, Section):
    """Merges embedders of one architecture: by a formula, by searching its parameters, or by training."""

    name: Slug = Field(description="unique in the job; later stages use it as a model")
    kind: Literal["merge"]
    method: Text = Field(
        description="a merge method, `greedy-soup`, or the slug of a system that searches for the merge"
    )
    base: Text | None = Field(
        default=None, description=f"the common start that task vectors are measured from: {MODEL}"
    )
    models: tuple[Entry, ...] | None = Field(
        default=None, min_length=1, description=f"what is merged, in order; each {MODEL}, or a block"
    )
    slices: tuple[Slice, ...] | None = Field(
        default=None, min_length=1, description="in place of `models`: layers of models, stacked"
    )
    parameters: Settings = Field(default_factory=dict, description=SETTINGS)
    dtype: Literal["float32", "float16", "bfloat16", "float64"] | None = Field(
        default=None, description="type of the result's weights; null: the first model's"
    )
    tokenizer: Text | None = Field(
        default=None,
        description="where vocabularies differ: `union`, `base` or one of the models; null: they must not",
    )
    probe: Corpora | None = Field(
        default=None, description="corpus that a method searches or measures on; one or a list"
    )
    measure: ProbeOptions = Field(
        default=ProbeOptions(), description="how `probe` is read by a method or goal that measures on it"
    )
    goal: GoalOptions | None = Field(
        default=None, description="by which merges are compared, for `search` and `greedy-soup`"
    )
    search: MergeSearch | None = Field(
        default=None, description="try values of the method's keys, and keep the best by `goal`"
    )
    evaluate: DuringOptions | None = Field(
        default=None, description="of a system that trains: as for a train stage"
    )

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models as the file names them, each once and in its order."""
        sources = [source.model for part in self.slices or () for source in part.sources]
        return tuple(dict.fromkeys([*(entry.model for entry in self.models or ()), *sources]))


class EvaluateStage(Section):
    """Runs tasks on embedders and compares them."""

    name: Slug = Field(description="unique in the job; a register stage reads it")
    kind: Literal["evaluate"]
    models: tuple[Text, ...] = Field(min_length=1, description=f"each {MODEL}")
    tasks: tuple[Text, ...] = Field(
        min_length=1,
        description="the platform's own tasks or MTEB's, by name; `offline`, `offline-images` or a "
        "benchmark of MTEB's stands for its tasks",
    )
    pairs: tuple[Pair, ...] | None = Field(
        default=None, description="[layers, dimensions] to read each model at; null: its full size"
    )
    corpora: dict[str, str] = Field(
        default_factory=dict, description="a task's corpus -> the name or folder to use instead"
    )
    precision: Precision = Field(default="fp32", description="of the weights and activations")
    max_length: int | None = Field(
        default=None, ge=1, description="tokens that texts are cut to; null: all that a model reads"
    )
    compare: CompareOptions | None = Field(
        default=None, description="test every model against one of them; null: scores alone"
    )

    @field_validator("tasks")
    @classmethod
    def _suites_stand_for_tasks(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        # mteb takes seconds to import, so a suite is looked for only among names that are no task of ours.
        from embedworks.evaluation.suites import expand

        return tuple(expand(tasks, pictures=False))


class FilterBlock(Section):
    """One filter of a curate stage; each has its own keys, see [quality.md](quality.md)."""

    model_config = ConfigDict(extra="allow")

    name: Slug = Field(description="the filter")

    @property
    def keys(self) -> dict[str, Any]:
        """The filter's own keys."""
        return self.model_extra or {}


class CurateStage(Section):
    """Filters one split of a corpus, in the order given; other splits are copied as they are."""

    name: Slug = Field(description="unique in the job; later stages use it as a corpus")
    kind: Literal["curate"]
    corpus: CorpusRef = Field(description="the split to filter")
    filters: tuple[FilterBlock, ...] = Field(
        min_length=1, description="each sees the rows that those before it left"
    )
    workers: int = Field(default=1, ge=1, description="Ray Data tasks at a time; the result is the same")
    keep_removed: bool = Field(
        default=False, description="write the removed rows with their reasons to `removed.parquet`"
    )


class EmbedStage(Section):
    """Embeds a whole corpus into an index that can be searched; see [search.md](search.md)."""

    name: Slug = Field(description="unique in the job")
    kind: Literal["embed"]
    model: Text = Field(description=MODEL)
    corpus: CorpusRef = Field(description="the rows to embed")
    column: Text = Field(default="text", description="what is embedded: texts, or the bytes of pictures")
    keep: tuple[Text, ...] = Field(
        default=(),
        description="columns beside the vectors, each `column` or `name=column`; texts that are embedded "
        "are always kept, pictures where nothing else is",
    )
    group: Text | None = Field(default=None, description="column whose values colour the map; null: none")
    questions: Text | None = Field(
        default=None, description="column of queries whose rows are the answers; null: none"
    )
    sizes: Literal["full", "trained"] | tuple[Pair, ...] = Field(
        default="full",
        description="`full`, `trained` for every pair that the model was trained at, or a list of "
        "[layers, dimensions]",
    )
    prompt: str | None = Field(
        default=None,
        description="name of the model's prompt in front of each text; null: the one of documents, if it "
        "has one; '': none",
    )
    precision: ServingPrecision = Field(default="auto", description="of the encoder")
    backend: BackendName | None = Field(default=None, description="what runs it; null: by the model")
    format: Literal["lance", "parquet"] = Field(
        default="lance", description="of the table; Parquet is searched exactly"
    )
    index: Text | None = Field(
        default=None, description="folder of the index; null: `index` in the stage's folder"
    )
    keep_versions: int = Field(default=2, ge=1, description="complete versions of the index that stay")
    workers: int = Field(default=1, ge=1, description="replicas of the model")


class RegisterStage(Section):
    """Registers the best of the evaluated models."""

    name: Slug = Field(description="unique in the job")
    kind: Literal["register"]
    from_: Text = Field(
        alias="from",
        description="the evaluate stage, or the train stage with `evaluate`, whose scores decide",
    )
    model: str = Field(pattern=REGISTERED, description="name in the model registry")
    metric: Text = Field(default="mean", description="the task that decides, or `mean` over all of them")
    alias: Text | None = Field(default="champion", description="alias that moves to the winner; null: none")
    candidates: tuple[Text, ...] | None = Field(
        default=None, min_length=1, description="the evaluated models that may win; null: all of them"
    )
    require: RequireOptions | None = Field(
        default=None, description="what must be shown before the alias moves; null: nothing"
    )


class ReportStage(Section):
    """Writes a page of the evaluated models, `report.html`, and a model card for each made here."""

    name: Slug = Field(description="unique in the job")
    kind: Literal["report"]
    from_: Text = Field(
        alias="from",
        description="the evaluate stage whose scores are shown, with all that its models came from and "
        "what register stages before this one made of them",
    )
    to: Text | None = Field(
        default=None,
        description="the evaluated model that others are compared with; null: that of `compare`, else the "
        "first",
    )
    title: Text | None = Field(default=None, description="of the page; null: the job's name")


Stage = Annotated[
    CurateStage | TrainStage | MergeStage | EvaluateStage | EmbedStage | RegisterStage | ReportStage,
    Field(discriminator="kind"),
]
STAGES: tuple[type[Section], ...] = (
    CurateStage,
    TrainStage,
    MergeStage,
    EvaluateStage,
    EmbedStage,
    RegisterStage,
    ReportStage,
)


class Tracking(Section):
    """Where runs are logged."""

    uri: str | None = Field(default=None, description="MLflow tracking URI; null: MLflow's own default")
    experiment: str | None = Field(default=None, description="MLflow experiment; null: the job's name")


class ClusterOptions(Section):
    """The Ray cluster that the job runs on."""

    address: str | None = Field(
        default=None, description="Ray address; null: a running one, or a local one"
    )
    cpus: int | None = Field(default=None, ge=1, description="logical CPUs of a cluster started here")


class JobProfile(Section):
    """Another size of the same job, `--profile NAME`; it writes to `output/JOB-NAME`."""

    about: Text = Field(description="what it is for")
    set: dict[str, Any] = Field(
        default_factory=dict,
        description="dotted key -> value, as `--set` takes them: `docs.steps: 9`, `docs,code.steps: 9`",
    )
    without: tuple[Slug, ...] = Field(default=(), description="stages that are left out")


class Job(Section):
    """A job file: named stages, run one after the other or side by side."""

    name: Slug = Field(description="lower-case words joined by hyphens")
    seed: int = Field(
        default=0, ge=0, description="order of samples, initialisation, masking: all derive from it"
    )
    output: Text = Field(default="runs", description="folder; a stage writes to `output/name/stage`")
    tracking: Tracking = Field(default=Tracking(), description="where runs are logged")
    cluster: ClusterOptions = Field(default=ClusterOptions(), description="where the job runs")
    corpora: dict[Slug, NamedCorpus] = Field(
        default_factory=dict, description="name -> a built-in corpus with options, for the stages"
    )
    stages: tuple[Stage, ...] = Field(min_length=1, description="run in this order")
    parallel: Count = Field(
        default=1,
        description="stages at a time: one starts when those it depends on are done and the CPUs are there",
    )
    profiles: dict[Slug, JobProfile] = Field(
        default_factory=dict, description="other sizes, by name: `full` is the paper's"
    )
    search: SearchOptions | None = Field(
        default=None, description="run some of the stages many times with other values, and keep the best"
    )

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)

    def folder(self, stage: str) -> Path:
        """Where the stage of that name writes."""
        return Path(self.output) / self.name / stage
