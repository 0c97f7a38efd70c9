"""What cannot be embedded is refused before anything is written, with the nearest right name."""

from __future__ import annotations

import pyarrow as pa
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.errors import InputError
from embedworks.indexing.options import FoundModel, IndexOptions
from embedworks.indexing.plan import make_plan
from embedworks.indexing.pool import Pool
from embedworks.indexing.sizes import parse_sizes
from helpers.embedding import corpus_of
from helpers.pictures import picture, tiny_dual
from helpers.tiny import tiny_embedder


@pytest.fixture
def corpus(tmp_path):
    return corpus_of(tmp_path / "corpus", ["red bird", "sun"])


def plan(model, corpus, tmp_path, **options):
    return make_plan(
        FoundModel.of_folder(model), open_corpus(corpus), tmp_path / "index", IndexOptions(**options)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"column": "txt"}, "no column 'txt'.*did you mean 'text'"),
        ({"keep": ("titlee",)}, "no column 'titlee'.*did you mean 'title'"),
        ({"keep": ("vector=title",)}, "a column 'vector' of its own.*--keep my_vector=title"),
        ({"group": "topics"}, "no column 'topics'.*did you mean 'topic'"),
        ({"questions": "query"}, "no column 'query'"),
        ({"split": "trein"}, "no split 'trein'.*did you mean 'train'"),
        ({"sizes": ((9, 32),)}, "layers=9 is not possible; expected 1 to 4"),
        ({"sizes": ((4, 33),)}, "dimensions=33 is not possible; expected 1 to 32"),
        ({"prompt": "query"}, "no prompt 'query'; expected none"),
        ({"format": "lanse"}, "unknown format 'lanse'.*did you mean 'lance'"),
    ],
)
def test_what_there_is_not_is_refused(options, message, corpus, tiny_folder, tmp_path):
    with pytest.raises(InputError, match=message):
        plan(tiny_folder, corpus, tmp_path, **options)
    assert not (tmp_path / "index").exists()


def test_pictures_are_refused_by_an_embedder_of_texts_and_at_some_layers(tiny_folder, tmp_path):
    schema = pa.schema([("image", pa.binary()), ("size", pa.int64())])
    rows = [{"image": picture(0), "size": 3}]
    write_corpus(tmp_path / "c", {"train": rows}, name="c", schema=schema)
    tiny_dual(tmp_path / "dual")
    with pytest.raises(InputError, match="embeds texts alone"):
        plan(tiny_folder, tmp_path / "c", tmp_path, column="image")
    with pytest.raises(InputError, match="layers=2 is not possible for images"):
        plan(tmp_path / "dual", tmp_path / "c", tmp_path, column="image", sizes=((2, 16),))
    with pytest.raises(InputError, match="precision 'int8' is not possible for images"):
        plan(tmp_path / "dual", tmp_path / "c", tmp_path, column="image", precision="int8")
    with pytest.raises(InputError, match="column 'size' of corpus 'c' holds int64"):
        plan(tmp_path / "dual", tmp_path / "c", tmp_path, column="size")


def test_what_is_read_makes_the_version_and_how_it_is_read_its_model_part(corpus, tiny_folder, tmp_path):
    def parts(model=tiny_folder, **options):
        return plan(model, corpus, tmp_path, **options).record.id.split("-")

    first = parts()
    assert first == parts()
    for options in ({"keep": ("title",)}, {"limit": 1}, {"group": "topic"}, {"format": "parquet"}):
        again = parts(**options)
        assert again[0] == first[0], options
        assert again[1] != first[1], options
    for options in ({"sizes": ((2, 16),)}, {"column": "title"}, {"precision": "fp32"}):
        assert parts(**options)[0] != first[0], options
    other = tiny_embedder(tmp_path / "other", seed=1)
    assert parts(other)[0] != first[0]
    copy = tiny_embedder(tmp_path / "copy", layers=4, width=32)
    assert parts(copy)[0] == first[0]  # the same model in another place


def test_texts_are_kept_always_and_the_group_too(corpus, tiny_folder, tmp_path):
    kept = plan(tiny_folder, corpus, tmp_path, keep=("title",), group="topic").record.keep
    assert kept == ("text", "title", "topic")
    named = plan(tiny_folder, corpus, tmp_path, keep=("passage=text",)).record
    assert (named.keep, named.column) == (("passage",), "passage")


def test_trained_sizes_are_the_models_pairs_and_the_full_one(corpus, tmp_path):
    model = tiny_embedder(tmp_path / "m", pairs=((2, 16), (4, 32)))
    record = plan(model, corpus, tmp_path, sizes="trained").record
    assert [str(size) for size in record.sizes] == ["4x32", "2x16"]
    assert [size.column for size in record.sizes] == ["vector", "vector_2x16"]


def test_sizes_and_workers_are_read_as_they_are_written():
    assert parse_sizes("2x96, 6x384") == ((2, 96), (6, 384))
    assert parse_sizes("trained") == "trained"
    with pytest.raises(InputError, match=r"sizes 'trainedd'.*did you mean 'trained'"):
        parse_sizes("trainedd")
    assert (Pool.parse("4"), Pool.parse("1-8")) == (Pool(4, 4), Pool(1, 8))
    for text in ("0", "8-1", "many", "-3"):
        with pytest.raises(InputError, match="cannot be read; expected N, or MIN-MAX"):
            Pool.parse(text)
