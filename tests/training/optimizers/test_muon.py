from __future__ import annotations

import torch
from torch import nn

from embedworks.training.optimizers.muon import Muon, orthogonalised


def test_singular_values_come_near_one_and_vectors_stay():
    generator = torch.Generator().manual_seed(0)
    for shape in ((16, 16), (24, 8), (8, 24)):
        g = torch.randn(shape, generator=generator)
        u, _, vh = torch.linalg.svd(g, full_matrices=False)
        turned = u.T @ orthogonalised(g) @ vh.T
        values = turned.diagonal()
        assert ((values > 0.6) & (values < 1.3)).all(), shape
        assert (turned - values.diag()).abs().max() < 1e-4


def test_a_hidden_matrix_takes_a_step_of_adams_size():
    x = nn.Parameter(torch.zeros(32, 64))
    optimizer = Muon([{"params": [x], "hidden": True}], lr=0.01)
    x.grad = torch.randn(32, 64, generator=torch.Generator().manual_seed(1))
    optimizer.step()
    rms = x.detach().pow(2).mean().sqrt()  # 0.2 sqrt(64) / sqrt(64) of a matrix whose rows are near unit
    assert 0.5 < float(rms) / (0.01 * 0.2) < 1.3


def test_others_take_adamws_step():
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(7, generator=generator)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    mine = Muon([ours], lr=0.1, weight_decay=0.3)
    adamw = torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.3)
    for _ in range(5):
        ours.grad = torch.randn(7, generator=generator)
        theirs.grad = ours.grad.clone()
        mine.step()
        adamw.step()
    assert torch.allclose(ours, theirs, atol=1e-6)
