"""A corpus into an index: whole, continued, changed in the corpus, changed in the model, one writer."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.indexing.lock import writing
from embedworks.indexing.pool import embed_here
from embedworks.indexing.record import UNITS
from embedworks.vectors.index_folder import IndexFolder
from helpers.embedding import corpus_of, embed_texts, texts, vectors_of, whole_table
from helpers.tiny import tiny_embedder

TEXTS = texts(300)


@pytest.fixture
def corpus(tmp_path):
    return corpus_of(tmp_path / "corpus", TEXTS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, tiny_folder):
    """The table of a run that nothing happened to."""
    root = tmp_path_factory.mktemp("undisturbed")
    embed_texts(tiny_folder, corpus_of(root / "corpus", TEXTS), root / "index")
    return whole_table(root / "index")


class Dies:
    """Does so many units, and dies."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.seen: list[int] = []

    def __call__(self, work, units):
        for record in embed_here(work, units):
            if len(self.seen) == self.after:
                raise KeyboardInterrupt
            self.seen.append(record.number)
            yield record


def test_an_index_answers_when_it_is_complete(corpus, tiny_folder, tmp_path):
    told = []
    done = embed_texts(tiny_folder, corpus, tmp_path / "index", listen=told.append, keep=("title",))
    index = IndexFolder.open(tmp_path / "index")
    record = index.current()
    assert (done.version, done.rows, done.reused, done.before) == (record.id, 300, 0, 0)
    assert (index.record.name, done.name) == ("index", "index")
    assert (record.complete, record.column, record.keep) == (True, "text", ("text", "title"))
    assert whole_table(tmp_path / "index")["title"].to_pylist() == [f"row {row}" for row in range(300)]
    embedding = [one for one in told if one.stage == "embed"]
    assert [one.done for one in embedding] == [0, 64, 128, 192, 256, 300]
    assert {one.stage for one in told} == {"embed", "index", "map"}
    assert told[-1].tokens == done.tokens > 0


def test_the_same_again_computes_nothing(corpus, tiny_folder, tmp_path):
    first = embed_texts(tiny_folder, corpus, tmp_path / "index")
    again = embed_texts(tiny_folder, corpus, tmp_path / "index", embed=None)
    assert (again.version, again.before, again.tokens) == (first.version, 300, 0)


def test_the_same_model_in_another_place_computes_nothing_and_is_found_there(corpus, tiny_folder, tmp_path):
    embed_texts(tiny_folder, corpus, tmp_path / "index")
    moved = Path(shutil.copytree(tiny_folder, tmp_path / "moved"))
    done = embed_texts(moved, corpus, tmp_path / "index", embed=None)
    record = IndexFolder.open(tmp_path / "index").current()
    assert (done.before, record.folder, record.complete) == (300, moved, True)


@pytest.mark.parametrize("kind", ["lance", "parquet"])
def test_a_run_that_died_goes_on_and_ends_like_an_undisturbed_one(
    kind, corpus, tiny_folder, tmp_path, undisturbed
):
    index = tmp_path / "index"
    dies = Dies(after=2)
    with pytest.raises(KeyboardInterrupt):
        embed_texts(tiny_folder, corpus, index, embed=dies, format=kind)
    assert IndexFolder.open(index).current() is None
    stamps = {file: file.stat().st_mtime_ns for file in index.rglob("*.*") if file.parent.name == UNITS}
    assert len(stamps) == 3  # the third was done, and nobody was told
    seen = []
    done = embed_texts(tiny_folder, corpus, index, embed=Dies(after=9), listen=seen.append, format=kind)
    assert (done.before, done.rows) == (192, 300)
    assert {file: file.stat().st_mtime_ns for file in stamps} == stamps
    assert whole_table(index).equals(undisturbed)


def test_a_run_that_died_behind_the_commit_goes_on(corpus, tiny_folder, tmp_path, undisturbed, monkeypatch):
    index = tmp_path / "index"

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("embedworks.vectors.map.write", die)
        with pytest.raises(KeyboardInterrupt):
            embed_texts(tiny_folder, corpus, index)
    done = embed_texts(tiny_folder, corpus, index, embed=None)
    assert done.before == 300
    assert whole_table(index).equals(undisturbed)


def test_what_a_killed_worker_left_behind_is_cleared_away(corpus, tiny_folder, tmp_path, undisturbed):
    index = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        embed_texts(tiny_folder, corpus, index, embed=Dies(after=1))
    [data] = index.rglob("data")
    (data / "half-written.lance").write_bytes(b"half")
    embed_texts(tiny_folder, corpus, index)
    assert len(list(data.iterdir())) == 5
    assert whole_table(index).equals(undisturbed)


@pytest.mark.parametrize("kind", ["lance", "parquet"])
def test_a_changed_corpus_computes_only_what_changed(kind, corpus, tiny_folder, tmp_path):
    index = tmp_path / "index"
    embed_texts(tiny_folder, corpus, index, format=kind)
    changed = ["new moon river", *TEXTS[:100], "old stone", *TEXTS[150:]]
    again = embed_texts(
        tiny_folder, corpus_of(tmp_path / "changed", changed), index, format=kind, keep=("title",)
    )
    assert (again.rows, again.reused) == (252, 250)
    fresh = embed_texts(
        tiny_folder, corpus_of(tmp_path / "fresh", ["new moon river", "old stone"]), tmp_path / "two"
    )
    assert again.tokens == fresh.tokens
    ours = whole_table(index)
    assert ours["text"].to_pylist() == changed
    assert ours["title"].to_pylist() == [
        f"row {row}" for row in range(252)
    ]  # kept columns are the new ones
    embed_texts(tiny_folder, tmp_path / "changed", tmp_path / "whole")
    np.testing.assert_allclose(
        vectors_of(ours),
        vectors_of(whole_table(tmp_path / "whole")),
        atol=0.01,  # bfloat16 where the hardware has it
    )
    assert not list((index / "versions" / again.version / UNITS).glob("known*"))


def test_another_model_fills_a_version_beside_the_one_that_answers(corpus, tiny_folder, tmp_path):
    index = tmp_path / "index"
    first = embed_texts(tiny_folder, corpus, index)
    other = tiny_embedder(tmp_path / "other", layers=4, width=32, seed=5)
    answering = []
    second = embed_texts(
        other, corpus, index, listen=lambda _: answering.append(IndexFolder.open(index).record.current)
    )
    assert set(answering) == {first.version}
    assert second.reused == 0
    assert IndexFolder.open(index).record.current == second.version
    assert whole_table(index, first.version).num_rows == 300
    back = embed_texts(tiny_folder, corpus, index, embed=None)
    assert (back.version, back.before) == (first.version, 300)
    assert IndexFolder.open(index).record.current == first.version


def test_old_versions_go_when_there_are_enough_newer_ones(corpus, tiny_folder, tmp_path):
    index = tmp_path / "index"
    done = [
        embed_texts(tiny_embedder(tmp_path / f"m{seed}", seed=seed), corpus, index) for seed in range(3)
    ]
    assert done[2].removed == (done[0].version,)
    assert {one.id for one in IndexFolder.open(index).versions()} == {done[1].version, done[2].version}


def test_an_index_has_one_writer(corpus, tiny_folder, tmp_path):
    IndexFolder.create(tmp_path / "index")
    with (
        writing(tmp_path / "index"),
        pytest.raises(InputError, match=r"is being written by process \d+ of"),
    ):
        embed_texts(tiny_folder, corpus, tmp_path / "index")
    embed_texts(tiny_folder, corpus, tmp_path / "index")


def test_a_writer_that_was_killed_holds_no_lock(tmp_path):
    text = (
        "import sys, time; from pathlib import Path; from embedworks.indexing.lock import writing\n"
        "with writing(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", text, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"process {holder.pid} of"), writing(tmp_path):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with writing(Path(tmp_path)):
        pass


def test_a_folder_of_something_else_is_left_alone(corpus, tiny_folder, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="holds something else"):
        embed_texts(tiny_folder, corpus, tmp_path / "notes")
    assert [file.name for file in (tmp_path / "notes").iterdir()] == ["mine.txt"]
