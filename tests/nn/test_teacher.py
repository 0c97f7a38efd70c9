import torch
from torch import nn

from embedworks.nn.teacher import Teacher


class Student(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Linear(3, 2)
        self.teacher = Teacher(nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5), nn.BatchNorm1d(2)))


def test_nothing_of_a_teacher_belongs_to_the_student():
    student = Student()
    assert [name for name, _ in student.named_parameters()] == ["own.weight", "own.bias"]
    assert list(student.state_dict()) == ["own.weight", "own.bias"]
    assert not list(student.named_buffers())


def test_a_teacher_is_never_in_training_and_gives_no_gradient():
    student = Student().train()
    x = torch.randn(4, 3, requires_grad=True)
    first = student.teacher(x)
    assert torch.equal(first, student.teacher(x)), "no dropout"
    assert not first.requires_grad


def test_it_moves_with_the_student_and_keeps_its_dtype():
    student = Student().bfloat16().to("meta")
    weight = student.teacher.network[0].weight
    assert (weight.device.type, weight.dtype) == ("meta", torch.float32)
    assert student.own.weight.dtype == torch.bfloat16


def test_follow_is_an_exponential_moving_average():
    teacher, student = Teacher(nn.BatchNorm1d(2)), nn.BatchNorm1d(2)
    nn.init.constant_(student.weight, 5.0)
    student.running_mean.fill_(3.0)
    teacher.follow(student, 0.75)
    assert teacher.network.weight.tolist() == [2.0, 2.0]
    assert teacher.network.running_mean.tolist() == [3.0, 3.0]
