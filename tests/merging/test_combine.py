"""Inner products and sums in pieces."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from embedworks.merging.combine import CHUNK, combine, gram, grams, squares, weighted_sum
from embedworks.merging.method import Group

GENERATOR = torch.Generator().manual_seed(0)
TENSORS = [torch.randn(3, CHUNK // 2 + 5, generator=GENERATOR) for _ in range(3)]


def test_inner_products_of_whole_tensors_are_exact_to_double_precision():
    flat = torch.stack(TENSORS).flatten(1).double()
    assert_close(gram(TENSORS), flat @ flat.T, rtol=1e-12, atol=1e-9)
    assert_close(squares(TENSORS[0]), float(flat[0] @ flat[0]), rtol=1e-12, atol=0)


def test_inner_products_of_rows_and_of_columns():
    stack = torch.stack(TENSORS).double()
    rows = torch.einsum("arc,brc->abr", stack, stack)[..., None]
    assert_close(grams(TENSORS, -1), rows, rtol=1e-12, atol=1e-9)
    columns = torch.einsum("arc,brc->abc", stack, stack)[:, :, None]
    assert_close(grams(TENSORS, 0), columns, rtol=1e-12, atol=1e-9)


def test_inner_products_of_vectors_and_of_more_axes():
    vector = torch.arange(CHUNK + 1.0)
    expected = torch.dot(vector.double(), vector.double())
    for axis in (0, -1):
        assert_close(grams([vector, -vector], axis).flatten(), expected * torch.tensor([1, -1, -1, 1]))
    cube = torch.randn(4, 3, 2, generator=GENERATOR).double()
    assert_close(grams([cube.float()], 0)[0, 0], cube.float().double().square().sum(0, keepdim=True))
    assert_close(grams([cube.float()], -1)[0, 0], cube.float().double().square().sum(-1, keepdim=True))


def test_sums_with_coefficients():
    a, b = torch.tensor([1.0, 2]), torch.tensor([10.0, 20])
    assert weighted_sum(Group.of([a, b]), [2, -0.5]).tolist() == [-3, -6]
    result = combine([a, b], [2, 0.5])
    assert result.tolist() == [7, 14]
    assert result.data_ptr() == a.data_ptr()
