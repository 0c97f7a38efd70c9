"""Scores of encoders whose right score is known: an oracle, a random one, a tiny model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.corpora.worlds import dialogs
from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.errors import InputError
from embedworks.evaluation.encoder import Subject, Vectors
from embedworks.evaluation.evaluate import evaluate_model, score_task
from embedworks.evaluation.find import find_task
from embedworks.evaluation.text_tasks import TextTask
from embedworks.evaluation.texts import task_texts
from embedworks.inference.engine import Engine
from helpers.tiny import WORDS, tiny_embedder

DOCS = 60
COLUMNS = ("query", "positive", "topic", "title", "kind", "id")


def docs_rows(seed: int = 0) -> list[dict[str, str]]:
    """Five topics of three sections of four paragraphs; paragraph i holds its own number."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(DOCS):
        words = " ".join(rng.choice(WORDS, 8))
        values = (f"query {i}", f"{words} {i}", f"topic {i // 12}", f"section {i // 4}", "title", str(i))
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    write_corpus(folder, {"train": rows[:1], "test": rows}, name="python-docs", schema=schema)
    return folder


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("corpora") / "python-docs", docs_rows())


class Fake:
    """An engine that maps each text to the vector a function gives, and counts what it encodes."""

    def __init__(self, vector: object) -> None:
        self.vector = vector
        self.calls: list[tuple[int | None, str, str]] = []

    def encode(
        self,
        texts: Sequence[str],
        *,
        prompt: str = "",
        layers: int | None = None,
        dimensions: int | None = None,
    ) -> Vectors:
        assert dimensions is None, "full width is asked for, and cut afterwards"
        self.calls += [(layers, prompt, text) for text in texts]
        return np.stack([self.vector(text) for text in texts]).astype(np.float32)  # type: ignore[operator]


def subject(engine: Fake, **settings: object) -> Subject:
    return Subject(engine, EmbedderSettings(**settings), name="fake", revision="0" * 12)  # type: ignore[arg-type]


def oracle(text: str) -> np.ndarray:
    return np.eye(DOCS)[int(text.split()[-1])]


def noise(text: str) -> np.ndarray:
    return np.random.default_rng(list(text.encode())).normal(size=DOCS)


def retrieval(docs: Path):  # type: ignore[no-untyped-def]
    return find_task("python-docs-retrieval").build({"python-docs": open_corpus(docs)})


def test_an_oracle_scores_one_and_noise_scores_low(docs: Path) -> None:
    (best,) = score_task(retrieval(docs), subject(Fake(oracle)), [(1, DOCS)])
    (worst,) = score_task(retrieval(docs), subject(Fake(noise)), [(1, DOCS)])
    assert best.value == 1.0
    assert best.metric == "ndcg_at_10"
    assert best.n == DOCS
    assert worst.value < 0.3


def test_a_cut_oracle_finds_only_what_its_dimensions_hold(docs: Path) -> None:
    half = DOCS // 2
    full, cut = score_task(retrieval(docs), subject(Fake(oracle)), [(1, DOCS), (1, half)])
    assert full.value == 1.0
    # The other half of the queries are zero vectors, which rank by chance.
    assert 0.5 <= cut.value < 0.75


def test_similarity_follows_the_grades(docs: Path) -> None:
    def places(text: str) -> np.ndarray:
        i = int(text.split()[-1])
        return np.concatenate([np.eye(5)[i // 12], np.eye(15)[i // 4]])

    task = find_task("python-docs-similarity").build({"python-docs": open_corpus(docs)})
    (good,) = score_task(task, subject(Fake(places)), [(1, 20)])
    task = find_task("python-docs-similarity").build({"python-docs": open_corpus(docs)})
    (bad,) = score_task(task, subject(Fake(noise)), [(1, DOCS)])
    assert good.value == pytest.approx(1.0)
    assert good.metric == "cosine_spearman"
    assert abs(bad.value) < 0.25


def test_each_text_is_encoded_once_a_depth(docs: Path) -> None:
    engine = Fake(oracle)
    prompts = {"query": "find: "}
    pairs = [(1, 60), (2, 60), (1, 30), (1, 10)]
    scores = score_task(retrieval(docs), subject(engine, prompts=prompts), pairs)
    assert [(score.layers, score.dimensions) for score in scores] == pairs
    assert len(engine.calls) == len(set(engine.calls)) == 2 * 2 * DOCS
    assert {prompt for _, prompt, text in engine.calls if text.startswith("query")} == {"find: "}
    assert {prompt for _, prompt, text in engine.calls if not text.startswith("query")} == {""}


def test_small_tasks_share_what_was_encoded(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Fake(oracle)
    shared = subject(engine)
    first = score_task(retrieval(docs), shared, [(1, 30)])
    seen = len(engine.calls)
    assert score_task(retrieval(docs), shared, [(1, 30)])[0].value == first[0].value
    assert len(engine.calls) == seen
    score_task(retrieval(docs), shared, [(2, 30)])
    assert len(engine.calls) == 2 * seen
    monkeypatch.setattr("embedworks.evaluation.encoder.SHARED", seen - 1)
    score_task(retrieval(docs), shared, [(1, 30)])  # the last that finds them
    score_task(retrieval(docs), shared, [(1, 30)])
    assert len(engine.calls) == 3 * seen


def test_the_cache_answers_until_the_corpus_or_the_pair_changes(docs: Path, tmp_path: Path) -> None:
    engine = Fake(oracle)
    cache = tmp_path / "cache"
    first = score_task(retrieval(docs), subject(engine), [(1, 30)], cache)
    seen = len(engine.calls)
    assert score_task(retrieval(docs), subject(engine), [(1, 30)], cache) == first
    assert len(engine.calls) == seen
    score_task(retrieval(docs), subject(engine), [(1, 20)], cache)
    other = write(tmp_path / "python-docs", docs_rows(seed=1))
    score_task(retrieval(other), subject(engine), [(1, 30)], cache)
    assert len(engine.calls) == 3 * seen


def test_a_folder_is_scored_and_narrow_vectors_are_the_engines_own(docs: Path, tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny", layers=2, width=32)
    scores = evaluate_model(folder, ["python-docs-retrieval"], [(1, 8)], {"python-docs": docs}, "fp32")
    engine = Engine(Embedder.load(folder), "fp32")
    rows = docs_rows()
    asked = engine.encode([row["query"] for row in rows], layers=1, dimensions=8)
    held = engine.encode([row["positive"] for row in rows], layers=1, dimensions=8)
    similar = asked @ held.T
    ranks = (similar > np.diag(similar)[:, None]).sum(axis=1)
    expected = np.where(ranks < 10, 1 / np.log2(ranks + 2), 0).mean()
    assert scores[0].value == pytest.approx(expected, abs=1e-4)
    assert (scores[0].layers, scores[0].dimensions) == (1, 8)


def test_tasks_that_mteb_has_no_kind_for_are_read_at_every_pair(tmp_path: Path) -> None:
    world = dialogs.World(dialogs.Options(test=45))
    rows = [world.row("test", i) for i in range(45)]
    folder = tmp_path / "dialogs"
    write_corpus(folder, {"train": rows[:1], "test": rows}, name="dialogs", schema=dialogs.SCHEMA)
    model, pairs = tiny_embedder(tmp_path / "model"), [(4, 32), (2, 8)]
    names = ["dialogs-actions", "dialogs-flow"]
    scores = evaluate_model(model, names, pairs, {"dialogs": folder}, keep=tmp_path)
    found = {(score.task, score.layers, score.dimensions): score for score in scores}
    assert list(found) == [(name, *pair) for name in names for pair in pairs]
    embedder = Embedder.load(model)
    for name in names:
        task = find_task(name).build({"dialogs": open_corpus(folder)})
        assert isinstance(task, TextTask)
        assert list(task_texts(name, lambda _: folder)) == list(task.sentences)
        for layers, dimensions in pairs:
            read = partial(embedder.encode, layers=layers, dimensions=dimensions)
            expected = task.score(lambda texts, read=read: read(texts).numpy())  # type: ignore[misc]
            score = found[name, layers, dimensions]
            assert score.value == pytest.approx(expected.value, abs=0.01)
            assert score.others == pytest.approx(expected.others, abs=0.01)
            assert (score.metric, score.n, score.samples) == (task.metric, len(task.sentences), None)
    assert len({score.value for score in scores}) == 4


def test_unusable_input_is_named(docs: Path, tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny", layers=2)
    with pytest.raises(InputError, match="did you mean 'python-docs-retrieval'"):
        evaluate_model(folder, ["python-docs-retrieva"], None, {"python-docs": docs})
    with pytest.raises(InputError, match="needs the corpus 'stdlib-code'"):
        evaluate_model(folder, ["stdlib-code-search"], None, {"python-docs": docs})
    with pytest.raises(InputError, match="layers=3"):
        evaluate_model(folder, ["python-docs-retrieval"], [(3, 8)], {"python-docs": docs})
    with pytest.raises(InputError, match="no model folder"):
        evaluate_model(tmp_path / "none", ["python-docs-retrieval"], None, {"python-docs": docs})


def test_a_hub_task_without_a_hub_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise ConnectionError("Couldn't reach the hub")

    task = find_task("STSBenchmark").build({})
    monkeypatch.setattr(type(task), "load_data", refuse)
    with pytest.raises(InputError, match="'STSBenchmark' cannot be read: Couldn't reach the hub"):
        score_task(task, subject(Fake(noise)), [(1, DOCS)])
