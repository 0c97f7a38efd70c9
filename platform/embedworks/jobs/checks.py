"""What two keys or two stages of a job must agree on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from embedworks.corpora.manifest import MANIFEST_FILE
from embedworks.corpora.recipes import builtin_names
from embedworks.errors import KeyPath, dotted
from embedworks.jobs.comparison_checks import check_compare, check_report, check_require
from embedworks.jobs.corpus_options import CorpusRef
from embedworks.jobs.merging.checks import check_merge
from embedworks.jobs.problems import Problem
from embedworks.jobs.references import corpora_of, corpus_references, is_model_address, model_references
from embedworks.jobs.schema import (
    MODEL,
    SLUG,
    CurateStage,
    EvaluateStage,
    Job,
    MergeStage,
    RegisterStage,
    ReportStage,
    Stage,
    TrainStage,
)
from embedworks.jobs.search.options import SearchOptions
from embedworks.training.optimizer_options import WHOLE_TENSORS

MEAN = "mean"
MAKES_A_MODEL = ("train", "merge", "register")


def check_job(job: Job) -> Iterator[Problem]:
    """Yield every disagreement within the job."""
    for name, corpus in job.corpora.items():
        yield from _check_named(name, corpus.source)
    for index, stage in enumerate(job.stages):
        at: KeyPath = ("stages", index)
        yield from _check_name(job, index)
        for key, text in model_references(stage):
            yield from _check_model(job, index, (*at, *key), text)
        for key, text in corpus_references(stage):
            yield from _check_corpus(job, index, (*at, *key), text)
        if isinstance(stage, CurateStage):
            yield from _check_curate(stage, at)
        if isinstance(stage, TrainStage | MergeStage):
            yield from _check_training(stage, at)
        if isinstance(stage, MergeStage):
            yield from check_merge(stage, at)
        if isinstance(stage, EvaluateStage):
            yield from check_compare(stage, at)
        if isinstance(stage, RegisterStage):
            yield from _check_register(job, index, stage)
        if isinstance(stage, ReportStage):
            yield from check_report(job, index, stage)
    if job.search:
        yield from _check_search(job, job.search)


def _check_named(name: str, source: str) -> Iterator[Problem]:
    known = builtin_names()
    if source not in known:
        path: KeyPath = ("corpora", name, "source")
        what = f"{dotted(path)} is {source!r}, which is no built-in corpus"
        yield Problem(path, what, f"one of {', '.join(known)}", source, known)


def _check_name(job: Job, index: int) -> Iterator[Problem]:
    path: KeyPath = ("stages", index, "name")
    name = job.stages[index].name
    earlier = [place for place, stage in enumerate(job.stages[:index]) if stage.name == name]
    if earlier:
        yield Problem(path, f"{dotted(path)} is {name!r}, as is stages[{earlier[0]}]", "a name of its own")
    elif name in job.corpora:
        yield Problem(path, f"{dotted(path)} is {name!r}, as is one of the corpora", "a name of its own")


def _check_model(job: Job, index: int, path: KeyPath, text: str) -> Iterator[Problem]:
    """A stage's name must be of an earlier stage that makes a model; all else must look like a model."""
    earlier = {stage.name: stage for stage in job.stages[:index]}
    usable = [name for name, stage in earlier.items() if stage.kind in MAKES_A_MODEL]
    what = f"{dotted(path)} names {text!r}"
    if text in usable:
        return
    if text in earlier:
        what += f", whose kind {earlier[text].kind} makes no model"
        yield Problem(path, what, _choices("stage that trains, merges or registers", usable))
    elif text in {stage.name for stage in job.stages[index:]}:
        yield Problem(path, f"{what}, which does not run before it", _choices("stage before it", usable))
    elif not is_model_address(text):
        expected = f"{MODEL}; a folder here is written ./{text.lstrip(':/')}"
        yield Problem(path, f"{what}, which is none of the stages before it", expected, text, usable)


def _check_corpus(job: Job, index: int, path: KeyPath, text: str) -> Iterator[Problem]:
    """A bare name must be of an earlier curate stage, a built-in corpus or a folder that is here."""
    earlier = {stage.name: stage for stage in job.stages[:index]}
    usable = [name for name, stage in earlier.items() if isinstance(stage, CurateStage)]
    known = [*job.corpora, *usable, *builtin_names()]
    names = {stage.name for stage in job.stages}
    is_here = (Path(text) / MANIFEST_FILE).is_file() if text in names else Path(text).is_dir()
    if text in known or is_here or not re.match(SLUG, text):
        return
    why = _why_not(job, index, text)
    yield Problem(path, f"{dotted(path)} names {text!r}, which {why}", _corpora(usable), text, known)


def _corpora(usable: list[str]) -> str:
    choices = [f"a curate stage before it: {', '.join(usable)}"] if usable else []
    return ", or ".join([*choices, f"a built-in corpus: {', '.join(builtin_names())}", "a folder"])


def _check_curate(stage: CurateStage, at: KeyPath) -> Iterator[Problem]:
    for key in ("columns", "weight"):
        if getattr(stage.corpus, key) != CorpusRef.model_fields[key].get_default(call_default_factory=True):
            path = (*at, "corpus", key)
            yield Problem(
                path, f"{dotted(path)} is set, but a curated corpus is no mixture and keeps its names"
            )


def _check_training(stage: TrainStage | MergeStage, at: KeyPath) -> Iterator[Problem]:
    if stage.steps is not None and stage.epochs is not None:
        path = (*at, "epochs")
        yield Problem(path, f"{dotted(at)} has both steps and epochs", "one of the two")
    if stage.steps == 0 and stage.evaluate:
        path = (*at, "evaluate")
        yield Problem(path, f"{dotted(at)} trains no steps to look at on the way", "an evaluate stage")
    if stage.batch_tokens and "batch_size" in stage.model_fields_set:
        yield Problem(
            (*at, "batch_size"), f"{dotted(at)} has both batch_size and batch_tokens", "one of the two"
        )
    yield from _check_workers(stage, at)
    yield from _check_mixing(stage, at)
    warmup = stage.optimizer.warmup
    if warmup > 1 and warmup % 1:
        path = (*at, "optimizer", "warmup")
        yield Problem(
            path, f"{dotted(path)} is {warmup}", "a share of all steps below 1, or a whole number of steps"
        )
    yield from _check_engine(stage, at)
    if stage.evaluate:
        tasks = (*stage.evaluate.tasks, MEAN)
        if stage.evaluate.metric not in tasks:
            path = (*at, "evaluate", "metric")
            yield _not_in(path, stage.evaluate.metric, tasks, "tasks", stage.name)
    if isinstance(stage, TrainStage) and stage.steps is None and stage.epochs is None:
        yield Problem(at, f"{dotted(at)} says neither steps nor epochs", "one of the two")


def _check_workers(stage: TrainStage | MergeStage, at: KeyPath) -> Iterator[Problem]:
    """Workers share every batch, and evenly where their number is fixed."""
    workers = stage.workers
    if workers.min > workers.max:
        path = (*at, "workers", "min")
        yield Problem(path, f"{dotted(path)} is {workers.min}, above its max", f"at most {workers.max}")
    if stage.batch_tokens:
        return
    path = (*at, "batch_size")
    if workers.is_fixed and stage.batch_size % workers.max:
        what = f"{dotted(path)} is {stage.batch_size}, which {workers.max} workers cannot share evenly"
        yield Problem(path, what, f"a multiple of {workers.max}")
    elif stage.batch_size < workers.max:
        what = f"{dotted(path)} is {stage.batch_size}, which {workers.max} workers cannot share"
        yield Problem(path, what, f"{workers.max} or more")
    elif stage.accumulate > (most := stage.batch_size // workers.max):
        path = (*at, "accumulate")
        what = f"{dotted(path)} is {stage.accumulate}, and a worker has {most} samples a step"
        yield Problem(path, what, f"at most {most}: a micro-batch needs a sample of every worker")


def _check_engine(stage: TrainStage | MergeStage, at: KeyPath) -> Iterator[Problem]:
    """What DeepSpeed could only refuse later, or would do differently than asked."""
    name, offload = stage.optimizer.name, stage.offload
    if name in WHOLE_TENSORS and (stage.zero or stage.precision not in ("auto", "fp32")):
        path: KeyPath = (*at, "optimizer", "name")
        what = f"{dotted(path)} is {name}, under zero: {stage.zero} and precision: {stage.precision}"
        yield Problem(path, what, "zero: 0 and precision: fp32, which keep parameters whole")
    if stage.precision == "fp16" and not stage.resources.gpus:
        path = (*at, "precision")
        yield Problem(path, f"{dotted(path)} is fp16, and the workers have no GPU", "auto, bf16 or fp32")
    for key, device, least in (("optimizer", offload.optimizer, 1), ("parameters", offload.parameters, 3)):
        path = (*at, "offload", key)
        if device and stage.zero < least:
            yield Problem(path, f"{dotted(path)} is {device}, under zero: {stage.zero}", f"zero: {least}")
        if device == "nvme" and not offload.path:
            yield Problem(path, f"{dotted(path)} is nvme, and there is no path", "a folder in offload.path")


def _check_mixing(stage: TrainStage | MergeStage, at: KeyPath) -> Iterator[Problem]:
    """Steps are shared out by weights, epochs by the sizes of corpora: each has keys of its own."""
    corpora, mixing = corpora_of(stage), stage.mixing
    for place, phase in enumerate(mixing.phases):
        path: KeyPath = (*at, "mixing", "phases", place, "weights")
        if len(phase.weights) != len(corpora):
            what = f"{dotted(path)} has {len(phase.weights)} weights for {len(corpora)} corpora"
            yield Problem(path, what, "one a corpus")
        elif min(phase.weights) < 0 or max(phase.weights) <= 0:
            yield Problem(path, f"{dotted(path)} is {list(phase.weights)}", "none below 0, and one above")
    starts = [phase.step for phase in mixing.phases]
    if starts != sorted(set(starts)):
        path = (*at, "mixing", "phases")
        yield Problem(path, f"{dotted(path)} start at steps {starts}", "steps that grow")
    if stage.epochs is None:
        return
    expected = "`steps`, or `epochs` of each corpus in place of weights"
    if any(corpus.weight != 1 for corpus in corpora):
        yield Problem(at, f"{dotted(at)} is measured in epochs, where weights have no effect", expected)
    if mixing.phases or mixing.temperature:
        path = (*at, "mixing")
        yield Problem(path, f"{dotted(path)} shares out steps, and the stage has epochs", expected)


def _check_register(job: Job, index: int, stage: RegisterStage) -> Iterator[Problem]:
    at: KeyPath = ("stages", index)
    path = (*at, "from")
    earlier = {other.name: scored for other in job.stages[:index] if (scored := evaluated(other))}
    if stage.from_ not in earlier:
        what = f"{dotted(path)} names {stage.from_!r}, which {_why_not(job, index, stage.from_)}"
        choices = _choices("stage before it that evaluates", list(earlier))
        yield Problem(path, what, choices, stage.from_, earlier)
        return
    tasks, models = earlier[stage.from_]
    if stage.metric not in (*tasks, MEAN):
        yield _not_in((*at, "metric"), stage.metric, (*tasks, MEAN), "tasks", stage.from_)
    for place, name in enumerate(stage.candidates or ()):
        if name not in models:
            yield _not_in((*at, "candidates", place), name, models, "models", stage.from_)
    yield from check_require(stage, at, job.stage(stage.from_))


def evaluated(stage: Stage) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Tasks and models of the scores that a stage gives; None if it gives none."""
    if isinstance(stage, EvaluateStage):
        return stage.tasks, stage.models
    if isinstance(stage, TrainStage | MergeStage) and stage.evaluate:
        return stage.evaluate.tasks, (stage.name,)
    return None


def _check_search(job: Job, options: SearchOptions) -> Iterator[Problem]:
    for index, stage in enumerate(job.stages):
        if stage.name in ("search", "trials"):
            path: KeyPath = ("stages", index, "name")
            yield Problem(path, f"{dotted(path)} is {stage.name!r}, which the search needs", "another name")
    path = ("search", "from")
    scored = {stage.name: given for stage in job.stages if (given := evaluated(stage))}
    if options.from_ not in scored:
        what = (
            f"{dotted(path)} names {options.from_!r}, which {_why_not(job, len(job.stages), options.from_)}"
        )
        yield Problem(path, what, _choices("stage that evaluates", list(scored)), options.from_, scored)
        return
    trains = isinstance(job.stage(options.from_), TrainStage | MergeStage)
    path = ("search", "metric")
    if options.metric is not None and trains:
        what = f"{dotted(path)} is set, and {options.from_!r} has a metric of its own"
        yield Problem(path, what, f"no metric here, but in `evaluate` of {options.from_}")
    elif options.metric is not None and options.metric not in (tasks := (*scored[options.from_][0], MEAN)):
        yield _not_in(path, options.metric, tasks, "tasks", options.from_)
    if options.scheduler == "asha" and not trains:
        path = ("search", "scheduler")
        what = f"{dotted(path)} is asha, and {options.from_!r} evaluates only at its end"
        yield Problem(path, what, "`from` a train stage with `evaluate`, or no scheduler")


def _why_not(job: Job, index: int, name: str) -> str:
    for place, stage in enumerate(job.stages):
        if stage.name == name:
            if place >= index:
                return "does not run before it"
            missing = " without evaluate" if isinstance(stage, TrainStage | MergeStage) else ""
            return f"is a {stage.kind} stage{missing}"
    return "is no stage of this job"


def _not_in(path: KeyPath, name: str, known: tuple[str, ...], word: str, stage: str) -> Problem:
    what = f"{dotted(path)} is {name!r}, which is not among the {word} of {stage!r}"
    return Problem(path, what, f"one of {', '.join(known)}", name, known)


def _choices(word: str, names: list[str]) -> str:
    return f"a {word}: {', '.join(names)}" if names else f"a {word}, and there is none"
