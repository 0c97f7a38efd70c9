"""The same vectors, whichever way a model is opened."""

from __future__ import annotations

import dataclasses

import pytest

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.evaluation.encoder import LayerVectors, shorten
from embedworks.evaluation.evaluate import evaluate_model
from embedworks.evaluation.subjects import Access, open_subject
from helpers.embeddings_server import Served, serving
from helpers.tiny import tiny_embedder

TEXTS = ["red fish swim", "an old stone", "sort a list"]
OWN = Access()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "tiny"
    return tiny_embedder(place, layers=2, width=16, prompts={"query": "find "})


def vectors(subject, pair=None):
    layers, dimensions = pair or subject.full_pair
    found = LayerVectors(subject.engine, layers)(TEXTS)
    return shorten(found, dimensions, subject.settings.normalize)


def serve(folder) -> Served:
    embedder = Embedder.load(folder)

    def encode(texts, body):
        prompt = embedder.settings.prompts.get(body.get("prompt_name"), "")
        return embedder.encode(texts, prompt=prompt, layers=body.get("layers"))

    about = {"layers": 2, "dimensions": 16, "prompts": ["query"], "similarity": "cosine"}
    return Served(encode, [{"id": "tiny", "created": 1, "embedworks": about}])


def test_a_folder_sentence_transformers_and_an_endpoint_agree(folder) -> None:
    ours = open_subject(folder, "fp32", OWN)
    assert (ours.full_pair, ours.folder, ours.name) == ((2, 16), folder, "tiny")
    theirs = open_subject(f"st:{folder}", "fp32", OWN)
    assert theirs.full_pair == (0, 16)
    assert theirs.settings.prompts == {"query": "find "}
    assert vectors(theirs) == pytest.approx(vectors(ours), abs=1e-5)
    asked = ours.engine.encode(TEXTS, prompt="find ")
    assert theirs.engine.encode(TEXTS, prompt="find ") == pytest.approx(asked, abs=1e-5)
    with serving(serve(folder)) as url:
        there = open_subject(f"{url}#tiny", "fp32", OWN)
        assert there.full_pair == (2, 16)
        assert vectors(there, (1, 8)) == pytest.approx(vectors(ours, (1, 8)), abs=1e-5)
        prompt = there.settings.prompts["query"]
        assert there.engine.encode(TEXTS, prompt=prompt) == pytest.approx(asked, abs=1e-5)
    # Results of the three must not answer for each other in a cache.
    assert len({one.meta((0, 16)).name for one in (ours, theirs, there)}) == 3


def test_a_function_is_a_model(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_vectors.py").write_text(
        "def counts(texts):\n    return [[len(t), t.count('e'), 1] for t in texts]\n"
        "def wrong(texts):\n    return [1.0]\n"
        "def missing(texts):\n    return [[float('nan')]] * len(texts)\n"
    )
    access = Access(prompts={"query": "ee"})
    subject = open_subject("python:my_vectors:counts", "fp32", access)
    assert (subject.full_pair, subject.settings.prompts) == ((0, 3), {"query": "ee"})
    assert subject.engine.encode(["tree"], prompt="ee").tolist() == [[6, 4, 1]]
    with pytest.raises(InputError, match=r"shape \(1,\) for 1 texts"):
        open_subject("python:my_vectors:wrong", "fp32", OWN)
    with pytest.raises(InputError, match="not finite"):
        open_subject("python:my_vectors:missing", "fp32", OWN)
    with pytest.raises(InputError, match="did you mean 'counts'"):
        open_subject("python:my_vectors:count", "fp32", OWN)
    with pytest.raises(InputError, match="No module named 'nothing_there'"):
        open_subject("python:nothing_there:f", "fp32", OWN)


def test_prompts_that_are_given_replace_the_models_own(folder) -> None:
    subject = open_subject(folder, "fp32", Access(prompts={"query": "ask ", "document": "says "}))
    assert subject.settings.prompts == {"query": "ask ", "document": "says "}


@pytest.mark.parametrize("form", ["", "st:"])
def test_texts_are_cut_where_asked(folder, form) -> None:
    whole = open_subject(f"{form}{folder}", "fp32", OWN)
    cut = open_subject(f"{form}{folder}", "fp32", Access(max_length=5))
    more = open_subject(f"{form}{folder}", "fp32", Access(max_length=10**6))
    ends_differ = ["a b c d e f", "a b c g h i"]  # five tokens: three words between two special ones

    one, other = cut.engine.encode(ends_differ)
    assert one == pytest.approx(other, abs=1e-6)
    one, other = whole.engine.encode(ends_differ)
    assert one != pytest.approx(other, abs=1e-3)
    assert (cut.settings.max_length, more.settings.max_length) == (5, whole.settings.max_length)
    assert cut.revision != whole.revision


def test_what_cannot_be_cut_says_so() -> None:
    with pytest.raises(InputError, match="cannot be cut to 5 tokens"):
        open_subject("python:math:sqrt", "fp32", Access(max_length=5))


def test_what_shows_one_layer_is_read_at_one(folder) -> None:
    subject = open_subject(f"st:{folder}", "fp32", OWN)
    subject.check_pair((0, 8))
    with pytest.raises(InputError, match="cannot be read at 1 layers; expected 0x16"):
        subject.check_pair((1, 8))
    with pytest.raises(InputError, match="dimensions=17 is not possible; expected 1 to 16"):
        subject.check_pair((0, 17))


def test_models_that_are_not_there_are_named(tmp_path) -> None:
    with pytest.raises(InputError, match="no model folder"):
        open_subject(f"st:{tmp_path / 'none'}", "fp32", OWN)
    with pytest.raises(InputError, match="did you mean 'python-docs-retrieval'"):
        evaluate_model("python:numpy:zeros", ["python-docs-retrievals"], None, {})


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(Access(api_key="secret"))


class Counting:
    """An engine that notes which depths it was asked for at once."""

    def __init__(self, engine) -> None:
        self.engine, self.asked = engine, []

    def encode(self, texts, *, prompt="", layers=None):
        self.asked.append([layers])
        return self.engine.encode(texts, prompt=prompt, layers=layers)

    def encode_at(self, texts, depths, *, prompt=""):
        self.asked.append(list(depths))
        return self.engine.encode_at(texts, depths, prompt=prompt)


def test_depths_that_are_read_together_take_one_pass(folder) -> None:
    opened = open_subject(folder, "fp32", OWN)
    engine = Counting(opened.engine)
    subject = dataclasses.replace(opened, engine=engine)
    subject.together((1, 2))
    for layers in (1, 2):
        expected = opened.engine.encode(TEXTS, layers=layers)
        assert subject.at(layers)(TEXTS) == pytest.approx(expected, abs=1e-6)
    assert engine.asked == [[1, 2]]

    subject.end_task()
    subject.at(1).limit = len(TEXTS)  # full: it is not told what it could not keep
    subject.together((1, 2))
    subject.at(2)(["a text of its own"])
    assert engine.asked == [[1, 2], [2]]
