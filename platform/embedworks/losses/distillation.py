"""Distillation: a student's distribution pulled towards a teacher's."""

from __future__ import annotations

from torch import Tensor, nn


def kl_divergence(
    teacher_BN: Tensor, student_BN: Tensor, *, temperature: float = 1.0, detach_teacher: bool = True
) -> Tensor:
    """``KL(softmax(teacher/T) || softmax(student/T))``, summed over N and averaged over B (batchmean).

    Args:
        teacher_BN: ``(B, N)`` logits: scores against N candidates, classes, or coordinates.
        student_BN: ``(B, N)`` logits of the student.
        temperature: Divides both; the result is not multiplied by its square.
        detach_teacher: Whether the teacher gets no gradient, the usual case; some methods pull both.

    Returns:
        Scalar, float32.
    """
    teacher_BN = teacher_BN.detach() if detach_teacher else teacher_BN
    teacher_log = (teacher_BN.float() / temperature).log_softmax(-1)
    student_log = (student_BN.float() / temperature).log_softmax(-1)
    return nn.functional.kl_div(student_log, teacher_log, reduction="batchmean", log_target=True)
