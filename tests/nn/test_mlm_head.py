import pytest
import torch

from embedworks.nn.mlm_head import MlmHead, WidthLinear, masked_cross_entropy


def test_a_narrow_input_is_a_padded_one() -> None:
    linear = WidthLinear(6, 4)
    narrow = torch.randn(3, 2)
    padded = torch.cat([narrow, torch.zeros(3, 4)], dim=1)
    assert torch.allclose(linear(narrow), linear(padded), atol=1e-6)


def test_only_the_columns_in_use_get_a_gradient() -> None:
    linear = WidthLinear(6, 4)
    linear(torch.randn(3, 2)).sum().backward()
    assert linear.weight.grad is not None
    assert linear.weight.grad[:, :2].abs().min() > 0
    assert linear.weight.grad[:, 2:].abs().max() == 0


@pytest.mark.parametrize("d", [2, 8])
def test_every_width_ends_at_full_width_logits(d: int) -> None:
    head, table = MlmHead(width=8, vocabulary=20), torch.randn(20, 8)
    u = torch.randn(5, d)
    g = head.transform(u)
    assert g.shape == (5, 8)
    assert torch.allclose(g.mean(-1), torch.zeros(5), atol=1e-5)  # it ends with a LayerNorm
    assert torch.allclose(head(u, table), g @ table.T, atol=1e-5)  # the bias starts at zero


def test_loss_is_the_mean_over_labelled_positions() -> None:
    head, table = MlmHead(width=8, vocabulary=20, std=0.5), torch.randn(20, 8)
    states = torch.randn(2, 3, 8)
    labels = torch.tensor([[-100, 4, -100], [7, -100, 0]])
    logits = head(states, table).log_softmax(-1)
    expected = -(logits[0, 1, 4] + logits[1, 0, 7] + logits[1, 2, 0]) / 3
    assert torch.allclose(masked_cross_entropy(head, states, labels, table), expected, atol=1e-5)


def test_no_labels_no_loss() -> None:
    head, table = MlmHead(width=8, vocabulary=20), torch.randn(20, 8)
    loss = masked_cross_entropy(head, torch.randn(1, 3, 8), torch.full((1, 3), -100), table)
    assert loss.item() == 0
