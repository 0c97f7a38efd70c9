"""A version that makes no sense does not start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.serving.checks import CheckFailed, check_vectors, depths
from embedworks.serving.config import Served
from embedworks.serving.room import Room
from embedworks.serving.variants import Checks
from helpers.pictures import tiny_dual
from helpers.tiny import tiny_embedder


def served(folder: Path, **options: Any) -> Served:
    return Served(name="a", source=str(folder), folder=folder, created=1, precision="fp32", **options)


def broken(folder: Path, change: Any) -> Path:
    """A tiny embedder whose last layer was changed."""
    embedder = Embedder.load(tiny_embedder(folder, layers=2))
    with torch.no_grad():
        change(embedder.encoder.encoder.layer[-1].output.LayerNorm)
    embedder.save(folder)
    return folder


def test_a_good_version_opens_and_every_depth_is_read(tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "m", layers=4, pairs=((1, 8), (2, 16)))
    room = Room.open(served(folder))
    assert depths(room) == [1, 2, 4]
    assert depths(Room.open(served(folder, sizes="any"))) == [1, 2, 3, 4]


def test_vectors_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    folder = broken(tmp_path / "m", lambda norm: norm.weight.fill_(float("nan")))
    with pytest.raises(CheckFailed, match="not finite at layer 2"):
        Room.open(served(folder))


def test_a_model_that_says_the_same_of_everything_is_refused(tmp_path: Path) -> None:
    def collapse(norm: Any) -> None:
        norm.weight.zero_()
        norm.bias.fill_(1.0)

    with pytest.raises(CheckFailed, match="different texts have the same vector"):
        Room.open(served(broken(tmp_path / "m", collapse)))


def test_vectors_are_checked() -> None:
    good = np.eye(2, 4, dtype=np.float32)
    check_vectors(good, good, 4, "here")
    for first, second, message in (
        (good, good[:, :3], "3 dimensions"),
        (good, good[::-1], "two vectors when asked twice"),
        (good * np.array([[1], [0]], np.float32), good, "a vector is zero"),
    ):
        with pytest.raises(CheckFailed, match=message):
            check_vectors(second if "dimensions" in message else first, second, 4, "here")


def test_paraphrases_must_lie_near_each_other(tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "m")
    same = Checks(pairs=(("the cat", "the cat"),), least_cosine=0.99)
    assert Room.open(served(folder, checks=same))
    far = Checks(pairs=(("the cat", "the cat"), ("sort a list", "a bird and a fish")), least_cosine=0.99)
    with pytest.raises(CheckFailed, match=r"'sort a list' and 'a bird and a fish' have a cosine of"):
        Room.open(served(folder, checks=far))


def test_pairs_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("the cat\ta cat\n\nopen a file\tread a file\n")
    assert Checks.model_validate({"pairs": str(file)}).pairs == (
        ("the cat", "a cat"),
        ("open a file", "read a file"),
    )
    file.write_text("the cat\ta cat\nalone\n")
    with pytest.raises(InputError, match=r"pairs\.tsv:2: no pair; expected text<TAB>paraphrase"):
        Checks.model_validate({"pairs": str(file)})
    with pytest.raises(InputError, match="no file of pairs"):
        Checks.model_validate({"pairs": str(tmp_path / "none")})


def test_an_image_tower_is_warmed_too(tmp_path: Path) -> None:
    tiny_dual(tmp_path / "dual")
    room: Any = Room.open(served(tmp_path / "dual"))
    room.images.vectors = lambda pixels: np.full((1, 32), np.nan, np.float32)
    with pytest.raises(CheckFailed, match="vector of an image is not finite"):
        room.warm()
