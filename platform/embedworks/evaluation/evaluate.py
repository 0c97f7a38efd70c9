"""The door of evaluation: a model on named tasks at (layers, dimensions) pairs, through mteb."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.embedder import Pair
from embedworks.errors import InputError, first_line
from embedworks.evaluation.encoder import MtebEncoder, Reader, Subject
from embedworks.evaluation.find import TaskSource, find_task
from embedworks.evaluation.image_tasks import ImageTask
from embedworks.evaluation.quiet import quiet
from embedworks.evaluation.recording import has_samples, recording
from embedworks.evaluation.samples import mean_samples, origin_of, write_samples
from embedworks.evaluation.space import open_space, score_pictures
from embedworks.evaluation.subjects import Access, open_subject
from embedworks.evaluation.text_tasks import TextTask
from embedworks.nn.precision import Precision

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from mteb.cache import ResultCache


@dataclass(frozen=True)
class Score:
    """One number of one task.

    Attributes:
        task: Name of the task.
        layers: Depth that was read; 0 for what shows its last layer alone.
        dimensions: Coordinates that were kept.
        metric: What ``value`` is, in mteb's words: ``ndcg_at_10``, ``cosine_spearman``, ...
        value: The task's main score.
        seconds: mteb's evaluation time. Vectors are shared by the pairs of one depth and by small tasks, so
            the first of them carries the encoding.
        n: Queries or pairs that the score is a mean over.
        others: Further numbers of the task, by name.
        samples: File of what the model got on each sample, see :mod:`.samples`; None where none was asked
            for, or where the main score is neither a mean over samples nor Spearman's correlation.
    """

    task: str
    layers: int
    dimensions: int
    metric: str
    value: float
    seconds: float
    n: int
    others: Mapping[str, float] = field(default_factory=dict)
    samples: Path | None = None


def evaluate_model(
    model: Path | str,
    tasks: Sequence[str],
    pairs: Sequence[Pair] | None,
    corpora: Mapping[str, Path],
    precision: Precision = "auto",
    cache: Path | None = None,
    *,
    keep: Path | None = None,
    access: Access | None = None,
    listen: Callable[[Score], None] | None = None,
) -> list[Score]:
    """Score a model on tasks, at pairs.

    Args:
        model: What :func:`~embedworks.evaluation.subjects.open_subject` opens: an embedder folder, an
            endpoint, a sentence-transformers model, a function.
        tasks: Names of the platform's offline tasks or of mteb's; the latter read their data from a hub.
        pairs: (layers, dimensions) to read the model at; None for its full size.
        corpora: Name -> folder of the corpora that the offline tasks are built from.
        precision: Of the inference engine.
        cache: Folder in which mteb keeps results; a score found there is not computed again.
        keep: Folder that receives a file of samples for every score.
        access: The key of an endpoint, and prompts, if there are any.
        listen: Told of every score as it comes.

    Returns:
        A score for every task and pair, in the order they were given.

    Raises:
        InputError: for an unknown task, a missing corpus, an impossible pair or a hub without an answer.
    """
    sources = [find_task(name) for name in tasks]
    opened = _open(sources, corpora)
    subject = open_subject(model, precision, access or Access())
    wanted = list(dict.fromkeys(pairs or [subject.full_pair]))
    for pair in wanted:
        subject.check_pair(pair)
    scores: list[Score] = []
    for source in sources:
        task = source.build({name: opened[name] for name in source.corpora})
        if isinstance(task, ImageTask):
            found = _score_pictures(task, subject, wanted, precision, keep)
        elif isinstance(task, TextTask):
            found = _score_texts(task, subject, wanted)
        else:
            found = score_task(task, subject, wanted, cache, keep)
        if listen:
            for score in found:
                listen(score)
        scores += found
    return scores


def _score_pictures(
    task: ImageTask, subject: Subject, pairs: Sequence[Pair], precision: Precision, keep: Path | None
) -> list[Score]:
    if subject.folder is None:
        what = f"task {task.name!r} has pictures, which {subject.name} is not asked for"
        raise InputError(what, expected="an embedder folder with an image tower")
    space, scores = open_space(subject.folder, pairs, task.name, precision), []
    for layers, dimensions in pairs:
        begun = time.perf_counter()
        found = score_pictures(task, space, dimensions)
        value, seconds = round(found.value, 6), time.perf_counter() - begun
        others = {name: round(number, 6) for name, number in found.others.items()}
        file = _samples_file(keep, task.name, (layers, dimensions)) if keep else None
        if file:
            write_samples(file, mean_samples(found.hits), {"task": task.name})
        scores.append(
            Score(task.name, layers, dimensions, task.metric, value, seconds, found.n, others, file)
        )
    return scores


def _score_texts(task: TextTask, subject: Subject, pairs: Sequence[Pair]) -> list[Score]:
    """Scores that are no means over samples, so that there are none to keep."""
    subject.together({layers for layers, _ in pairs})
    scores = []
    for layers, dimensions in pairs:
        begun = time.perf_counter()
        found = task.score(Reader(subject.at(layers), dimensions, subject.settings))
        seconds = time.perf_counter() - begun
        others = {name: round(number, 6) for name, number in found.others.items()}
        value = round(found.value, 6)
        scores.append(Score(task.name, layers, dimensions, task.metric, value, seconds, found.n, others))
    subject.end_task()
    return scores


def score_task(
    task: AbsTask,
    subject: Subject,
    pairs: Sequence[Pair],
    cache: Path | None = None,
    keep: Path | None = None,
) -> list[Score]:
    """Score a subject on one task; a text is encoded once for each depth, whatever the dimensions.

    Tasks of a few thousand texts share what the subject has encoded before.

    Raises:
        InputError: if the task's data is on a hub that does not answer.
    """
    depths: dict[int, list[Pair]] = {}
    for pair in pairs:
        depths.setdefault(pair[0], []).append(pair)
    found = {}
    with quiet():
        _load(task)
        subject.together(depths)
        for layers, column in depths.items():
            for pair in column:
                found[pair] = _score(task, MtebEncoder(subject, pair, subject.at(layers)), cache, keep)
        task.unload_data()
    subject.end_task()
    return [found[pair] for pair in pairs]


def _score(task: AbsTask, encoder: MtebEncoder, cache: Path | None, keep: Path | None) -> Score:
    import mteb

    store = mteb.ResultCache(cache_path=cache) if cache else None
    strategy = _strategy(store, task, encoder)
    file = _samples_file(keep, task.metadata.name, encoder.pair) if keep and has_samples(task) else None
    origin = _origin(task, encoder)
    is_kept = strategy != "always" and store is not None and file is not None and origin_of(file) == origin
    # mteb draws from the task's own generator: without this, scores would depend on what ran before.
    task.rng_state.seed(task.seed)
    with recording(task) if file and not is_kept else nullcontext() as record:
        result = mteb.evaluate(
            encoder,
            task,
            cache=store,
            overwrite_strategy="always" if record else strategy,
            prediction_folder=record.folder if record else None,
            co2_tracker=False,
            show_progress_bar=False,
        ).task_results[0]
        if record and file:
            write_samples(file, record.samples(task, result), origin)
    return Score(
        task=task.metadata.name,
        layers=encoder.pair[0],
        dimensions=encoder.pair[1],
        metric=task.metadata.main_score,
        value=round(float(result.get_score()), 6),  # as mteb's cache rounds it
        seconds=float(result.evaluation_time or 0.0),
        n=size_of(task.dataset, task.eval_splits),
        others=_further(task, result.scores),
        samples=file,
    )


def _further(task: AbsTask, scores: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """Numbers that one of our own tasks tells beside its main score; of one split and subset."""
    names: Sequence[str] = getattr(task, "further", ())
    return {name: round(float(scores["test"][0][name]), 6) for name in names}


def _samples_file(keep: Path, task: str, pair: Pair) -> Path:
    return keep / f"{task}-{pair[0]}x{pair[1]}.parquet"


def _origin(task: AbsTask, encoder: MtebEncoder) -> dict[str, str]:
    """What a task's samples depend on, as mteb's cache tells results apart."""
    import mteb

    meta = encoder.mteb_model_meta
    return {
        "task": task.metadata.name,
        "data": str(task.metadata.revision),
        "model": str(meta.name),
        "revision": str(meta.revision),
        "experiment": json.dumps(meta.experiment_kwargs, sort_keys=True),
        "mteb": mteb.__version__,
    }


def _strategy(store: ResultCache | None, task: AbsTask, encoder: MtebEncoder) -> str:
    # mteb takes a complete result from its cache without asking which data it was computed on.
    known = store.load_task_result(task.metadata.name, encoder.mteb_model_meta) if store else None
    fresh = known is None or known.is_mergeable(task, ("dataset_revision", "mteb_version"))
    return "only-missing" if fresh else "always"


def _open(sources: Sequence[TaskSource], corpora: Mapping[str, Path]) -> dict[str, Corpus]:
    for source in sources:
        for name in source.corpora:
            if name not in corpora:
                raise InputError(
                    f"task {source.name!r} needs the corpus {name!r}", name=name, known=corpora
                )
    return {name: open_corpus(corpora[name]) for source in sources for name in source.corpora}


def _load(task: AbsTask) -> None:
    # Loaded here and not by mteb, which would load and drop the data again for every pair.
    try:
        if task.is_aggregate:  # CQADupstack: mteb keeps its tasks with its description
            for part in task.metadata.tasks:
                part.load_data()
            task.dataset = {part.metadata.name: part.dataset for part in task.metadata.tasks}
        else:
            task.load_data()
    except Exception as error:  # a hub fails in many ways, all of which the user must be told
        reason = first_line(error)
        raise InputError(
            f"the data of mteb's task {task.metadata.name!r} cannot be read: {reason}",
            expected="a hub that answers, or its local cache",
        ) from error


def size_of(data: Any, splits: Sequence[str]) -> int:
    """Queries, pairs or texts of a task's data in these splits; mteb nests subset and split, or has one."""
    if not isinstance(data, Mapping):
        return 0 if data is None else len(data)
    if "queries" in data:
        return len(data["queries"])
    chosen = [split for split in splits if split in data] or list(data)
    return sum(size_of(data[key], splits) for key in chosen)
