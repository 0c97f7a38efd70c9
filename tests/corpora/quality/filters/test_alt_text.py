"""ALIGN's filter: the checks of its edges, and that counts come from the raw corpus."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.quality.contract import Resources
from embedworks.corpora.quality.curate import curate
from embedworks.corpora.quality.find import make_filter
from embedworks.corpora.quality.frequency import among_most_frequent, occurrences, partners
from embedworks.corpora.shards import write_corpus
from embedworks.errors import InputError

LOOSE = {"side_above": 0, "min_words": 1, "most_frequent": None}


def png(number: int, width: int = 8, height: int = 8) -> bytes:
    """An image that differs from those of other numbers."""
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (number % 256, number // 256, 0)).save(stream, "PNG")
    return stream.getvalue()


def judged(pairs: Sequence[tuple[bytes, str | None]], **keys: Any) -> list[dict[str, Any]]:
    quality = make_filter({"name": "alt-text", **LOOSE, **keys}, Resources())
    rows = {"image": [image for image, _ in pairs], "text": [text for _, text in pairs]}
    measured = quality.measure(
        pa.table(rows, schema=pa.schema({"image": pa.binary(), "text": pa.string()}))
    )
    return quality.judge(measured, np.arange(len(pairs))).to_pylist()


def reasons(pairs: Sequence[tuple[bytes, str | None]], **keys: Any) -> list[str | None]:
    return [verdict["reason"] for verdict in judged(pairs, **keys)]


@pytest.mark.parametrize(("images", "goes"), [(10, False), (11, True)])
def test_a_text_of_ten_images_stays_and_of_eleven_goes(images, goes):
    pairs = [(png(n), "a banner of\u00a0ours") for n in range(images)] + [(png(0), "A banner  of ours")]
    assert reasons(pairs) == ["text of more than 10 images" if goes else None] * (images + 1)


def test_a_text_that_repeats_on_one_image_is_one_pair():
    assert reasons([(png(0), "the same again")] * 12) == [None] * 12
    rows_as_images = judged([(png(0), "the same again")] * 12, image=None)
    assert rows_as_images[0] == {"reason": "text of more than 10 images", "detail": "12"}


@pytest.mark.parametrize(("words", "reason"), [(2, "fewer"), (3, None), (20, None), (21, "more")])
def test_three_to_twenty_unigrams_stay(words, reason):
    (found,) = reasons([(png(0), " ".join(["word"] * words))], min_words=3, max_words=20)
    assert found == {None: None, "fewer": "fewer than 3 words", "more": "more than 20 words"}[reason]


def test_a_missing_text_is_too_short():
    assert reasons([(png(0), None)], min_words=3) == ["fewer than 3 words"]


def test_a_word_seen_once_is_rare_and_is_named():
    pairs = [(png(0), "red fish"), (png(1), "Red fish!"), (png(2), "red xqzvk fish")]
    assert judged(pairs, min_count=2)[2] == {"reason": "word rarer than 2", "detail": "xqzvk"}
    assert reasons(pairs, min_count=2)[:2] == [None, None]


def test_words_and_pairs_of_words_share_one_list_of_the_most_frequent():
    texts = ["red fish"] * 3 + ["blue fish", "fish red"]
    pairs = [(png(n), text) for n, text in enumerate(texts)]
    # fish 5, red 4, red fish 3, and once each: blue, blue fish, fish red.
    assert reasons(pairs, most_frequent=3) == [
        *[None] * 3,
        "word outside the 3 most frequent",
        "pair of words outside the 3 most frequent",
    ]
    assert judged(pairs, most_frequent=3)[4]["detail"] == "fish red"
    assert reasons(pairs, most_frequent=4) == [None] * 5, "a tie is not cut by chance"


def test_images_by_their_sides():
    sizes = [(201, 201), (200, 900), (299, 100), (300, 100), (100, 299)]
    pairs = [(png(n, *size), "a b c") for n, size in enumerate(sizes)]
    assert reasons(pairs, side_above=200)[:2] == [None, "shorter side not above 200 px"]
    assert reasons(pairs)[2:] == [None, "aspect ratio not below 3", None]
    assert judged(pairs)[3]["detail"] == "3"


def test_an_image_of_too_many_texts_goes():
    pairs = [(png(0), f"text number {n}") for n in range(4)] + [
        (png(1), f"text number {n}") for n in range(3)
    ]
    assert reasons(pairs, max_texts=3) == [*["image of more than 3 texts"] * 4, *[None] * 3]


def test_an_image_that_is_none_is_refused():
    with pytest.raises(InputError, match="cannot be read"):
        reasons([(b"GIF", "a b c")])
    assert reasons([(b"", "a b c")]) == ["shorter side not above 0 px"]


SCHEMA = pa.schema([("image", pa.binary()), ("text", pa.string())])
KEYS = {"name": "alt-text", **LOOSE, "min_count": 2, "max_images": 2, "max_texts": 2}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Rows whose removal makes others rare: `stone` is twice in the raw corpus, once after it."""
    texts = [
        "red fish",
        "red fish",
        "boiler plate",
        "boiler plate",
        "boiler plate",
        "red stone",
        "zq stone",
    ]
    rows = [{"image": png(n), "text": text} for n, text in enumerate(texts)]
    write_corpus(tmp_path / "raw", {"train": rows}, name="raw", schema=SCHEMA, shard_rows=3)
    return tmp_path / "raw"


def texts_of(folder: Path) -> list[str]:
    return [row["text"] for row in open_corpus(folder).iter_rows("train")]


def test_filtering_twice_equals_once_on_the_counts_of_the_raw_corpus(raw, tmp_path):
    once = curate(raw, tmp_path / "once", [KEYS]).folder
    assert texts_of(once) == ["red fish", "red fish", "red stone"]
    same = {**KEYS, "raw": {"source": str(raw)}}
    assert texts_of(curate(once, tmp_path / "twice", [same], resources=here()).folder) == texts_of(once)
    anew = curate(once, tmp_path / "anew", [KEYS]).folder
    assert texts_of(anew) == ["red fish", "red fish"], "counted in what was left, `stone` would be rare"


def here() -> Resources:
    return Resources(corpus=Path)


def test_the_report_says_what_went_and_why(raw, tmp_path):
    import pyarrow.parquet as pq

    done = curate(raw, tmp_path / "once", [KEYS], removed=tmp_path / "removed.parquet")
    assert done.counts[0].removed == {"text of more than 2 images": 3, "word rarer than 2": 1}
    gone = pq.read_table(tmp_path / "removed.parquet").to_pylist()
    assert [(row["__row__"], row["__detail__"]) for row in gone] == [
        (2, "3"),
        (3, "3"),
        (4, "3"),
        (6, "zq"),
    ]


def test_counting():
    keys, raw = np.array([1, 2, 9]), np.array([2, 1, 2, 2])
    assert occurrences(keys, raw).tolist() == [1, 3, 0]
    assert partners(keys, raw, np.array([5, 5, 5, 6])).tolist() == [1, 2, 0]
    assert among_most_frequent(keys, raw, most=1).tolist() == [False, True, False]
    assert occurrences(keys, raw[:0]).tolist() == [0, 0, 0]


def test_limits_have_to_agree():
    with pytest.raises(InputError, match="above max_words"):
        make_filter({"name": "alt-text", "min_words": 30}, Resources())
