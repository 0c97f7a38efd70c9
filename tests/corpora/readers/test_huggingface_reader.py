from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedworks.corpora.places import Place
from embedworks.corpora.readers import find_files, huggingface
from embedworks.errors import InputError
from helpers.hub import hub
from helpers.sources import read_all

datasets.disable_progress_bars()
FEATURES = datasets.Features(
    {
        "text": datasets.Value("string"),
        "label": datasets.ClassLabel(names=["no", "yes"]),
        "image": datasets.Image(),
    }
)
ROWS = [
    {"text": "a", "label": "yes", "image": b"\x89PNG"},
    {"text": "b", "label": None, "image": None},
]


def dataset() -> datasets.Dataset:
    columns = {
        "text": ["a", "b"],
        "label": [1, -1],
        "image": [{"bytes": b"\x89PNG", "path": None}, None],
    }
    return datasets.Dataset.from_dict(columns, features=FEATURES)


def test_a_saved_folder_gives_class_names_and_bytes(tmp_path):
    dataset().save_to_disk(tmp_path / "saved", num_shards=2)
    assert read_all(tmp_path / "saved") == ROWS


def test_splits_of_a_saved_folder_are_kept(tmp_path):
    splits = datasets.DatasetDict({"train": dataset(), "test": dataset().select([0])})
    splits.save_to_disk(tmp_path / "saved")
    found = find_files(str(tmp_path / "saved"))
    assert (found.format, [file.split for file in found.files]) == ("huggingface", ["train", "test"])


def test_a_cut_arrow_file_is_named(tmp_path):
    dataset().save_to_disk(tmp_path / "saved")
    (file,) = (tmp_path / "saved").glob("*.arrow")
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(InputError, match=rf"{file.name}: not readable as huggingface"):
        read_all(tmp_path / "saved")


def test_images_that_are_only_paths_are_refused(tmp_path):
    features = datasets.Features({"image": datasets.Image()})
    schema = features.arrow_schema  # with the note that says that this is an image
    images = [{"bytes": None, "path": "/home/me/a.png"}]
    pq.write_table(
        pa.table({"image": pa.array(images, schema.field("image").type)}, schema), tmp_path / "a.parquet"
    )
    with pytest.raises(InputError, match=r"a\.parquet, 'image': holds paths"):
        read_all(tmp_path / "a.parquet")


def test_the_files_of_a_repository_are_found_with_their_splits(tmp_path):
    # A repository is laid out like this; the hub itself is not there in a test.
    (tmp_path / "data").mkdir()
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        dataset().to_parquet(tmp_path / "data" / f"{name}.parquet")
    found = huggingface.repository_files(Place.of(tmp_path))
    assert Counter(file.split for file in found) == {"train": 2, "test": 1}
    assert [file.place.name for file in found][:2] == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]


READ = """
import sys
from pathlib import Path
from embedworks.corpora.ensure import ensure_corpus
from embedworks.corpora.corpus import open_corpus

for source in sys.argv[2:]:
    corpus = open_corpus(ensure_corpus(source, Path(sys.argv[1])))
    print({split: [row["text"] for row in corpus.iter_rows(split)] for split in corpus.manifest.splits})
"""


def test_a_repository_is_read_from_a_hub(tmp_path):
    (tmp_path / "repo" / "data").mkdir(parents=True)
    for split in ("train", "test"):
        table = pa.table({"text": [f"{split} {i}" for i in range(2)]})
        pq.write_table(table, tmp_path / "repo" / "data" / f"{split}-00000-of-00001.parquet")
    repository = "hf://datasets/me/pairs"
    with hub(tmp_path / "repo", "me/pairs") as url:
        # In another process, because the hub's library reads these at import.
        changed = {"HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home")}
        command = [
            sys.executable,
            "-c",
            READ,
            str(tmp_path / "root"),
            repository,
            f"{repository}/data/te*.parquet",
        ]
        done = subprocess.run(command, env={**os.environ, **changed}, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "{'train': ['train 0', 'train 1'], 'test': ['test 0', 'test 1']}",
        "{'train': ['test 0', 'test 1']}",
    ], done.stderr
    assert len(list((tmp_path / "root").rglob("*.parquet"))) == 2  # the glob is read in place
