from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.errors import InputError
from embedworks.evaluation.find import find_task

KINDS = {"image": pa.binary(), "text": pa.string(), "caption": pa.string()}
SCHEMA = pa.schema({**KINDS, "label": pa.string(), "objects": pa.int32()})


def row(number: int, label: str, objects: int) -> dict[str, Any]:
    image = f"{number}".encode()
    return {"image": image, "text": "junk", "caption": f"{number}", "label": label, "objects": objects}


def corpus(folder: Path, test: list[dict[str, Any]]) -> Corpus:
    train = [row(0, "dog", 1), row(1, "cup", 2), row(2, "cup", 1)]
    write_corpus(folder, {"train": train, "test": test}, name="noisy-scenes", schema=SCHEMA)
    return open_corpus(folder)


@pytest.fixture
def scenes(tmp_path: Path) -> dict[str, Corpus]:
    return {"noisy-scenes": corpus(tmp_path, [row(3, "dog", 3), row(4, "cup", 1)])}


def test_retrieval_asks_for_true_captions(scenes: dict[str, Corpus]) -> None:
    task: Any = find_task("noisy-scenes-retrieval").build(scenes)
    assert (task.images, task.captions) == ([b"3", b"4"], ["3", "4"])


def test_neighbours_are_scenes_of_one_object(scenes: dict[str, Corpus]) -> None:
    task: Any = find_task("noisy-scenes-neighbours").build(scenes)
    assert (task.images, task.labels) == ([b"4"], ["cup"])
    assert (task.known, task.known_labels) == ([b"0", b"2"], ["dog", "cup"])


def test_a_corpus_without_such_a_scene_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no test pictures"):
        find_task("noisy-scenes-neighbours").build({"noisy-scenes": corpus(tmp_path, [row(3, "dog", 3)])})
