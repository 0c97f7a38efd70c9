import math

import pytest
import torch

from embedworks.losses.distillation import kl_divergence


def test_kl_by_hand() -> None:
    # Teacher (3/4, 1/4), student (1/2, 1/2); a second row that agrees halves the batch mean.
    teacher = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    student = torch.zeros(2, 2)
    expected = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    assert float(kl_divergence(teacher, student)) == pytest.approx(expected, abs=1e-6)


def test_temperature_divides_both_sides() -> None:
    teacher, student = torch.randn(3, 4), torch.randn(3, 4)
    assert torch.allclose(
        kl_divergence(teacher, student, temperature=2.0), kl_divergence(teacher / 2, student / 2)
    )


@pytest.mark.parametrize("detach", [True, False])
def test_the_teacher_gets_a_gradient_only_if_asked(detach: bool) -> None:
    teacher, student = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    kl_divergence(teacher, student, detach_teacher=detach).backward()
    assert (teacher.grad is None) is detach
    assert student.grad is not None
