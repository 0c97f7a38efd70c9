"""The tasks of models with named dimensions: scores that are explained, and the concepts of texts."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from embedworks.concepts import listing, score
from embedworks.concepts.listing import CONCEPT_LISTS, ConceptsRequest
from embedworks.concepts.score import SCORE, ScoreRequest
from embedworks.errors import InputError
from embedworks.task import Answer

A, B = [0.8, 0.1, 0.0], [[0.4, 0.0, 0.3], [0.0, 0.5, 0.5]]
NAMES = ("pet", "tool", "food")


def scored(**options: Any) -> Any:
    answers = [
        Answer(np.array(side, np.float32), 2, names=NAMES, calibration=(5.0, -2.0)) for side in ([A], B)
    ]
    return score.answer(ScoreRequest(model="m", a="x", b=["y", "z"], **options), answers)


def test_the_sheets_example_is_explained_by_its_first_concept():
    first, second = scored().data
    assert first.similarity == pytest.approx(0.7938, abs=5e-5)
    assert first.score == pytest.approx(1 / (1 + np.exp(-(5 * 0.7938 - 2))), abs=1e-4)
    (only,) = first.explanation
    assert (only.concept, only.contribution) == ("pet", pytest.approx(first.similarity))
    assert (only.a, only.b) == pytest.approx((0.8, 0.4))
    assert [part.concept for part in second.explanation] == ["tool"]
    assert scored().usage.total_tokens == 4


def test_top_cuts_the_explanation_and_not_the_score():
    a = np.array([[0.5, 0.9, 0.1]], np.float32)
    answers = [Answer(a, 1, names=NAMES, calibration=(1.0, 0.0))] * 2
    found = score.answer(ScoreRequest(model="m", a="x", b="y", top=2), answers).data[0]
    assert [part.concept for part in found.explanation] == ["tool", "pet"]
    assert found.similarity == pytest.approx(1)


def test_each_kind_is_asked_with_its_prompt():
    asked = score.ask(ScoreRequest(model="m", a="x", b=["y", "z"]))
    assert [one.input_type for one in asked] == ["query", "document"]
    (one,) = listing.ask(ConceptsRequest(model="m", input="x", input_type="document"))
    assert one.input_type == "document"


def test_concepts_of_texts():
    answers = [Answer(np.array(B, np.float32), 3, names=NAMES)]
    found = listing.answer(ConceptsRequest(model="m", input=["x", "y"], top=2), answers).data
    assert [[one.concept for one in text.concepts] for text in found] == [["pet", "food"], ["tool", "food"]]
    assert found[0].concepts[0].presence == pytest.approx(0.4)


def test_a_model_that_cannot_explain_is_refused():
    answers = [Answer(np.ones((1, 3), np.float32), 1)] * 2
    with pytest.raises(InputError, match="no names") as caught:
        score.answer(ScoreRequest(model="m", a="x", b="y"), answers)
    assert caught.value.where == "model"
    named = [Answer(np.ones((1, 3), np.float32), 1, names=NAMES)] * 2
    with pytest.raises(InputError, match="score pairs"):
        score.answer(ScoreRequest(model="m", a="x", b="y"), named)


def test_the_tasks_read_their_examples():
    for task in (SCORE, CONCEPT_LISTS):
        request = msgspec.convert(dict(task.example), task.request)
        assert task.ask(request)
