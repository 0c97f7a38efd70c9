from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedworks.corpora.readers import find_files
from embedworks.errors import InputError
from helpers.sources import read_all


def picture(kind: str) -> bytes:
    data = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(data, kind)
    return data.getvalue()


@pytest.fixture
def animals(tmp_path) -> Path:
    for name, kind in (("dog/1.png", "PNG"), ("cat/1.jpg", "JPEG")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(picture(kind))
    (tmp_path / "README.md").write_text("animals")
    return tmp_path


def test_bytes_size_and_class(animals):
    cat, dog = read_all(animals)
    assert cat == {
        "image": picture("JPEG"),
        "width": 40,
        "height": 30,
        "label": "cat",
        "file": "1.jpg",
    }
    assert dog["label"] == "dog"
    assert find_files(str(animals)).left_out == (str(animals / "README.md"),)


def test_captions_come_from_the_metadata_above(animals):
    lines = [{"file_name": name, "text": name.upper()} for name in ("dog/1.png", "cat/1.jpg")]
    (animals / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [row["text"] for row in read_all(animals)] == ["CAT/1.JPG", "DOG/1.PNG"]
    (animals / "metadata.jsonl").write_text(json.dumps(lines[0]) + "\n")
    with pytest.raises(InputError, match=r"cat/1\.jpg: .*has no line for cat/1\.jpg"):
        read_all(animals)
    (animals / "metadata.jsonl").write_text(json.dumps(lines[0]) + "\n{}\n")
    with pytest.raises(InputError, match=r"metadata\.jsonl:2: not an object with 'file_name'"):
        read_all(animals)


@pytest.mark.parametrize("name", ["dog/1.png", "cat/1.jpg"])
def test_an_image_that_was_cut_short_is_named(animals, name):
    data = (animals / name).read_bytes()
    (animals / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=f"{name}: not a whole image"):
        read_all(animals)
