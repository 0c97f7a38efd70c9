"""The softmax over sampled documents: the sheet's numbers, accidental hits, a loop in plain Python."""

from __future__ import annotations

import math

import pytest
import torch

from embedworks.losses.contrastive import in_batch_loss
from embedworks.losses.sampled_softmax import sampled_softmax_loss

Q = torch.tensor([0.5, 0.25, 0.25])


@pytest.fixture
def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    queries, documents = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))
    return queries, documents


def test_the_hand_example():
    zeros = torch.zeros(3, 2)
    found = sampled_softmax_loss(zeros, zeros, torch.arange(3), Q.log())
    # Every score is 0, so a row is -log Q = (ln 2, ln 4, ln 4), and e^row = (2, 4, 4), of 10.
    assert found.scores_BN[1].tolist() == pytest.approx([0.6931, 1.3863, 1.3863], abs=1e-4)
    assert found.scores_BN[1].softmax(0).tolist() == pytest.approx([0.2, 0.4, 0.4])
    # Targets are on the diagonal: -(ln .2 + 2 ln .4) / 3.
    assert float(found.loss) == pytest.approx(-(math.log(0.2) + 2 * math.log(0.4)) / 3)


def test_a_uniform_correction_cancels(vectors):
    numbers = torch.arange(3)
    plain = sampled_softmax_loss(*vectors, numbers)
    corrected = sampled_softmax_loss(*vectors, numbers, torch.full((3,), 1 / 3).log())
    assert float(corrected.loss) == pytest.approx(float(plain.loss), rel=1e-6)
    same = in_batch_loss(*vectors, similarity="dot", temperature=1.0)
    assert float(plain.loss) == pytest.approx(float(same.loss), rel=1e-6)


def test_a_duplicate_of_the_positive_does_not_change_its_row(vectors):
    queries, documents = vectors
    before = sampled_softmax_loss(queries, documents, torch.arange(3), Q.log())
    more = [torch.cat([x, x[:1]]) for x in (queries, documents, torch.arange(3), Q.log())]
    after = sampled_softmax_loss(*more)
    rows = [-found.scores_BN.log_softmax(1)[0, 0] for found in (before, after)]
    assert float(rows[0]) == pytest.approx(float(rows[1]), rel=1e-6)
    # For the others it is one more negative.
    assert (-after.scores_BN.log_softmax(1)[1, 1]) > (-before.scores_BN.log_softmax(1)[1, 1])


def test_it_is_what_tensorflow_recommenders_layers_do(vectors):
    """SamplingProbabilityCorrection and RemoveAccidentalHits (tensorflow/recommenders, layers/loss.py).

    In a loop: log p is subtracted from every logit, and those of a candidate of the positive's id vanish.
    """
    queries, documents = (x.tolist() for x in vectors)
    ids = [7, 9, 7]
    total = 0.0
    for i, query in enumerate(queries):
        logits = [
            sum(a * b for a, b in zip(query, document, strict=True)) - math.log(float(q))
            for document, q in zip(documents, Q, strict=True)
        ]
        kept = [logit for j, logit in enumerate(logits) if j == i or ids[j] != ids[i]]
        total += math.log(sum(map(math.exp, kept))) - logits[i]
    found = sampled_softmax_loss(*vectors, torch.tensor(ids), Q.log()).loss
    assert float(found) == pytest.approx(total / 3, rel=1e-5)


def test_temperature_and_cosine_are_those_of_the_scores_alone(vectors):
    numbers = torch.arange(3)
    found = sampled_softmax_loss(*vectors, numbers, Q.log(), similarity="cosine", temperature=0.1)
    cosine = torch.nn.functional.cosine_similarity(vectors[0][:, None], vectors[1][None], dim=-1)
    assert torch.allclose(found.scores_BN, cosine / 0.1 - Q.log(), atol=1e-5)


def test_both_sides_get_the_gradient_of_the_loss(vectors):
    queries, documents = (x.clone().requires_grad_() for x in vectors)
    sampled_softmax_loss(queries, documents, torch.tensor([7, 9, 7]), Q.log()).loss.backward()
    step = 1e-2
    for x in (queries, documents):
        moved = torch.zeros_like(x)
        moved[1, 2] = step
        with torch.no_grad():
            up, down = (
                sampled_softmax_loss(
                    queries + moved * sign * (x is queries),
                    documents + moved * sign * (x is documents),
                    torch.tensor([7, 9, 7]),
                    Q.log(),
                ).loss
                for sign in (1, -1)
            )
        assert x.grad is not None
        assert float(x.grad[1, 2]) == pytest.approx(float(up - down) / (2 * step), abs=1e-3)
