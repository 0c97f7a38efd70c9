from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.corpora.quality.contract import Resources
from embedworks.errors import InputError
from helpers.quality import judged, kept, sentence, text_corpus

TEST = [sentence(1, 30), "What does yield do?"]
ROWS = [
    sentence(2),
    f"{sentence(3, 5)} {' '.join(TEST[0].split()[4:17]).upper()} {sentence(4, 5)}",
    "what does YIELD do",
    "what does yield do, then",
    sentence(5),
]


@pytest.fixture
def corpus(tmp_path) -> Path:
    return text_corpus(tmp_path / "eval", ["nothing"], TEST)


def test_rows_that_overlap_with_another_corpus_go(corpus):
    keys = {"columns": ["text"], "against": [{"source": str(corpus)}]}
    assert kept("decontaminate", ROWS, **keys) == [0, 3, 4]
    found = judged("decontaminate", ROWS, **keys)
    assert [found[row]["reason"] for row in (1, 2)] == ["shared n-gram", "same text"]
    assert found[1]["detail"] == f"text: {' '.join(TEST[0].split()[4:17])}"


def test_rows_that_overlap_with_a_task_go():
    resources = Resources(task_texts={"some-task": TEST}.__getitem__)
    assert kept("decontaminate", ROWS, resources, columns=["text"], tasks=["some-task"]) == [0, 3, 4]


def test_the_reference_is_the_split_that_is_named(corpus):
    keys = {"columns": ["text"], "against": [{"source": str(corpus), "split": "train"}]}
    assert kept("decontaminate", [*ROWS, "nothing"], **keys) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"split": "tset"}, "did you mean 'test'"),
        ({"columns": ["texts"]}, "did you mean 'text'"),
        ({"sprit": "test"}, "sprit"),
    ],
)
def test_a_wrong_reference_is_refused(corpus, reference, message):
    with pytest.raises(InputError, match=message):
        kept("decontaminate", ROWS, columns=["text"], against=[{"source": str(corpus), **reference}])


def test_something_to_compare_with_is_needed():
    with pytest.raises(InputError, match="neither against nor tasks"):
        kept("decontaminate", ROWS, columns=["text"])
