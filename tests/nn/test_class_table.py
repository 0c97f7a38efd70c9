from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from embedworks.nn.class_table import FrozenTable, class_means, isotropy, preprocess, spread


def drawn(rows: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def test_a_class_is_the_mean_of_its_texts():
    vectors = torch.tensor([[1.0, 0.0], [3.0, 5.0], [0.0, 1.0]])
    assert class_means(vectors, torch.tensor([0, 1, 0]), 2).tolist() == [[0.5, 0.5], [3.0, 5.0]]


def test_a_class_without_a_text_has_no_mean():
    with pytest.raises(AssertionError, match="without a text"):
        class_means(torch.eye(2), torch.tensor([0, 2]), 3)


def test_raw_tables_stay_as_they_are():
    table = drawn(5, 3)
    assert preprocess(table, "none") is table


def test_centred_rows_have_the_mean_taken_away_and_length_one():
    # Rows 0, 2, 4 less their mean 2: -2, 0, 2 in the first coordinate; 1 in none of the second.
    table = torch.tensor([[0.0, 7.0], [2.0, 8.0], [4.0, 6.0]])
    right = nn.functional.normalize(torch.tensor([[-2.0, 0.0], [0.0, 1.0], [2.0, -1.0]]), dim=1)
    assert torch.allclose(preprocess(table, "center"), right, atol=1e-6)


def test_standardised_coordinates_count_the_same():
    # The second coordinate is a thousandth of the first; divided by their deviations they are equal.
    first = drawn(50, 1)
    found = preprocess(torch.cat([first, first / 1000], dim=1), "standardise", eps=0)
    assert torch.allclose(found[:, 0], found[:, 1], atol=1e-4)


def test_whitened_tables_are_as_wide_in_every_direction():
    table = drawn(400, 6) @ torch.diag(torch.tensor([9.0, 3, 1, 1, 0.3, 0.1])) + 5
    centred = preprocess(table, "center")
    whitened = preprocess(table, "whiten", eps=0)
    assert torch.allclose(whitened.norm(dim=1), torch.ones(400), atol=1e-5)
    widest, narrowest = (torch.linalg.eigvalsh(x.T @ x)[[-1, 0]] for x in (centred, whitened))
    assert float(widest[0] / widest[1].clamp(min=1e-9)) > 100
    assert float(narrowest[0] / narrowest[1]) < 1.5


def test_isotropy_by_hand():
    # The four directions: e + 1/e + 2 in both axes.
    assert isotropy(torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])) == pytest.approx(1)
    # n equal rows v: Z(v) = n e, and Z = n in the direction across.
    for v in ([1.0, 0.0], [-0.6, -0.8]):
        assert isotropy(torch.tensor([v] * 5)) == pytest.approx(math.exp(-1), abs=1e-6)


def test_a_table_that_leans_is_less_isotropic():
    even, leaning = drawn(500, 8), drawn(500, 8) + 2
    assert spread(leaning).isotropy < spread(even).isotropy < 1
    assert abs(spread(even).mean_cosine) < 0.02 < 0.5 < spread(leaning).mean_cosine
    assert spread(even * 7) == pytest.approx(spread(even), abs=1e-5)  # of directions


def test_the_mean_cosine_is_that_of_all_pairs():
    table = nn.functional.normalize(drawn(6, 3), dim=1)
    pairs = [float(table[i] @ table[j]) for i in range(6) for j in range(i)]
    assert spread(table).mean_cosine == pytest.approx(sum(pairs) / len(pairs), abs=1e-5)


def test_a_frozen_table_has_no_parameters_and_keeps_its_bits():
    table = drawn(4, 3)
    holder = nn.Sequential(nn.Linear(3, 3), FrozenTable(table))
    holder.to(torch.bfloat16)
    assert holder[0].weight.dtype == torch.bfloat16
    assert holder[1]().dtype == torch.float32
    assert torch.equal(holder[1](), table)
    assert holder[1]().data_ptr() != table.data_ptr()
    assert not [*holder[1].parameters()]
    assert not [*holder[1].state_dict()]
    assert holder.to("meta")[1]().device.type == "meta"
