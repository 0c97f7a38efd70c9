"""Contact sheets: what is drawn is what the rows hold."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from embedworks.corpora.contact_sheet import SIZE, Look, picture_columns, write_contact_sheet
from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.errors import InputError

RED, GREEN, EDGE = (255, 0, 0), (0, 255, 0), (220, 30, 30)


def png(colour: tuple[int, int, int], size: int = 32) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(data, format="PNG")
    return data.getvalue()


def corpus_of(folder: Path, rows: list[dict[str, object]], **columns: pa.DataType) -> Corpus:
    write_corpus(folder, {"train": rows}, name="pictures", schema=pa.schema(columns))
    return open_corpus(folder)


def drawn(file: Path) -> dict[tuple[int, int, int], int]:
    """Colour -> pixels."""
    pixels = np.asarray(Image.open(file)).reshape(-1, 3)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    return {tuple(map(int, colour)): int(count) for colour, count in zip(colours, counts, strict=True)}


def test_every_row_asked_for_is_drawn_once(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"image": png(RED), "caption": "red"}] * 3
    rows += [{"image": png(GREEN), "caption": "green"}] * 2
    corpus = corpus_of(tmp_path / "c", rows, image=pa.binary(), caption=pa.string())
    assert picture_columns(corpus) == ["image"]
    assert write_contact_sheet(corpus, tmp_path / "sheet.png", Look(rows=4)) == 4
    counts = drawn(tmp_path / "sheet.png")
    assert (counts[RED], counts[GREEN]) == (2 * SIZE**2, 2 * SIZE**2)  # spread over the split


def test_frames_stand_side_by_side(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"frames": [png(RED), png(GREEN)], "caption": "blinks"}]
    corpus = corpus_of(tmp_path / "c", rows, frames=pa.list_(pa.binary()), caption=pa.string())
    write_contact_sheet(corpus, tmp_path / "sheet.png")
    pixels = np.asarray(Image.open(tmp_path / "sheet.png"))
    reds, greens = ((pixels == colour).all(-1).nonzero() for colour in (RED, GREEN))
    assert greens[1].min() == reds[1].max() + 1
    assert (greens[0].min(), greens[0].max()) == (reds[0].min(), reds[0].max())


def test_boxes_are_drawn_where_the_truth_says(tmp_path: Path) -> None:
    box = pa.list_(pa.struct([("box", pa.list_(pa.int32()))]))
    rows: list[dict[str, object]] = [{"image": png(RED), "objects": [{"box": [4, 4, 12, 20]}]}]
    corpus = corpus_of(tmp_path / "c", rows, image=pa.binary(), objects=box)
    write_contact_sheet(corpus, tmp_path / "sheet.png", Look(boxes=True))
    pixels = np.asarray(Image.open(tmp_path / "sheet.png"))
    ys, xs = (pixels == EDGE).all(-1).nonzero()
    scale = SIZE // 32
    assert (int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1) == (8 * scale + 2, 16 * scale + 2)


def test_greys_that_are_too_dark_are_stretched(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(np.repeat(np.uint8([[0, 2]]), 8, axis=0)).save(data, format="PNG")
    corpus = corpus_of(tmp_path / "c", [{"mask": data.getvalue()}], mask=pa.binary())
    write_contact_sheet(corpus, tmp_path / "sheet.png")
    assert drawn(tmp_path / "sheet.png")[(0, 0, 0)] == (SIZE // 8) ** 2 * 8


def test_a_corpus_of_texts_is_refused(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "c", [{"text": "a"}], text=pa.string())
    with pytest.raises(InputError, match=r"no column of pictures.*text"):
        write_contact_sheet(corpus, tmp_path / "sheet.png")
