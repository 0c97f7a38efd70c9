from __future__ import annotations

import json
import sys

import pytest

from embedworks.cli.curate import parse_filter
from embedworks.cli.main import exit_code
from embedworks.corpora.corpus import open_corpus
from embedworks.errors import InputError
from helpers.quality import sentence, text_corpus


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("length:column=text,min_words=5", {"name": "length", "column": "text", "min_words": 5}),
        (
            "near-duplicates:columns=[a, b],threshold=0.7",
            {"name": "near-duplicates", "columns": ["a", "b"], "threshold": 0.7},
        ),
        (
            "decontaminate:columns=[a],against=[{source: x, split: test}, {source: y}], ngram=8",
            {
                "name": "decontaminate",
                "columns": ["a"],
                "against": [{"source": "x", "split": "test"}, {"source": "y"}],
                "ngram": 8,
            },
        ),
    ],
)
def test_a_filter_option_is_a_filter_block(text, block):
    assert parse_filter(text) == block


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lengthy:column=text", "did you mean 'length'"),
        ("length:column=text,min_wrods=5", "did you mean 'min_words'"),
        ("length:column", "expected key=value"),
        ("length:column=[", "not YAML"),
        ("length", "column"),
    ],
)
def test_a_wrong_filter_option_names_the_option(text, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_filter(text)
    assert f"--filter {text}" in str(caught.value)


def run(monkeypatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["embedworks", "shards", "curate", *map(str, words)])
    return exit_code()


@pytest.fixture
def options(tmp_path) -> list[object]:
    corpus = text_corpus(tmp_path / "c", [sentence(1), "short", sentence(1)])
    return [
        corpus,
        *("--out", tmp_path / "out", "--removed", tmp_path / "removed.parquet"),
        *("--filter", "exact-duplicates:columns=[text]", "--filter", "length:column=text,min_words=2"),
    ]


def test_it_writes_a_corpus_and_tells_the_counts(tmp_path, monkeypatch, capsys, options):
    assert run(monkeypatch, *options) == 0
    assert open_corpus(tmp_path / "out").rows("train") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "exact-duplicates: 2 of 3 rows stay (duplicate 1)",
        "length: 1 of 2 rows stay (fewer than 2 words 1)",
    ]
    assert (tmp_path / "removed.parquet").is_file()


def test_json_for_machines(tmp_path, monkeypatch, capsys, options):
    assert run(monkeypatch, *options, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == open_corpus(tmp_path / "out").digest
    assert told["counts"][1] == {"filter": "length", "rows": 2, "removed": {"fewer than 2 words": 1}}


def test_bad_input_is_exit_code_2(monkeypatch, capsys, options):
    assert run(monkeypatch, *options, "--filter", "length:column=txt,min_words=2") == 2
    assert "did you mean 'text'" in capsys.readouterr().err
