from __future__ import annotations

import pytest
import torch

from embedworks.training.optimizer_options import OptimizerOptions
from embedworks.training.optimizers.schedule import Schedule, schedule_factor

STEPS = 100


def factors(**options) -> list[float]:
    factor = schedule_factor(OptimizerOptions.model_validate({"warmup": 0} | options), STEPS)
    return [factor(step) for step in range(STEPS + 1)]


def test_the_warm_up_rises_to_the_peak():
    found = factors(warmup=10, schedule="constant")
    assert found[:10] == pytest.approx([(n + 1) / 11 for n in range(10)])
    assert set(found[10:]) == {1.0}
    assert factors(warmup=0.1, schedule="constant") == found


@pytest.mark.parametrize(("schedule", "middle"), [("linear", 0.5), ("cosine", 0.5), ("constant", 1.0)])
def test_it_falls_to_the_minimum(schedule, middle):
    found = factors(schedule=schedule, minimum=0.1)
    assert found[50] == pytest.approx(0.1 + 0.9 * middle)
    assert found[0] == 1.0
    assert found[-1] == pytest.approx(0.1 if schedule != "constant" else 1.0)


def test_wsd_is_flat_and_falls_in_the_end():
    found = factors(schedule="wsd", decay=0.2)
    assert set(found[:81]) == {1.0}
    assert found[90] == pytest.approx(0.5)
    assert found[-1] == 0.0


def test_milestones_are_steps_or_shares():
    found = factors(schedule="milestones", milestones=(0.3, 60), gamma=0.5)
    assert (found[29], found[30], found[59], found[60]) == (1.0, 0.5, 0.5, 0.25)


def optimizer_of(schedule: str) -> tuple[torch.optim.Optimizer, Schedule]:
    options = OptimizerOptions(
        weight_decay=0.04, weight_decay_end=0.4, learning_rate=0.1, schedule=schedule, warmup=0
    )
    parameters = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    groups = [
        {"params": parameters[:1], "lr": 0.1, "weight_decay": 0.04},
        {"params": parameters[1:], "lr": 0.01, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups)
    return optimizer, Schedule(optimizer, options, STEPS)


def test_weight_decay_goes_its_own_way_where_there_is_any():
    optimizer, schedule = optimizer_of("constant")
    decays = []
    for _ in range(STEPS):
        decays.append([group["weight_decay"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    assert decays[0] == [pytest.approx(0.04), 0.0]
    assert decays[50] == [pytest.approx(0.22), 0.0]
    assert optimizer.param_groups[0]["weight_decay"] == pytest.approx(0.4)


def test_moving_to_a_step_is_as_good_as_walking_there():
    (walked, walking), (moved, moving) = optimizer_of("cosine"), optimizer_of("cosine")
    for _ in range(37):
        walked.step()
        walking.step()
    moving.move_to(37)
    for left, right in zip(walked.param_groups, moved.param_groups, strict=True):
        assert left["lr"] == pytest.approx(right["lr"], rel=1e-12)
        assert left["weight_decay"] == right["weight_decay"]
    assert walking.get_last_lr() == pytest.approx(moving.get_last_lr(), rel=1e-12)
