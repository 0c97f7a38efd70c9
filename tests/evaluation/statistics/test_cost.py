from __future__ import annotations

from embedworks.evaluation.statistics.cost import Cost, Point, measure_costs, pareto_front
from embedworks.inference.engine import Engine
from helpers.tiny import tiny_model


def point(name: str, quality: float, milliseconds: float, parameters: int = 1) -> Point:
    return Point(name, quality, Cost(parameters, 1, 1, milliseconds))


def test_the_front_holds_what_none_beats():
    points = [
        point("slow", 0.9, 5, parameters=3),
        point("beaten", 0.5, 3),
        point("quick", 0.4, 1),
        point("middle", 0.7, 2, parameters=9),
        point("twin", 0.7, 2),
        point("same time, worse", 0.6, 2),
    ]
    assert [one.name for one in pareto_front(points)] == ["quick", "middle", "slow"]
    assert [one.name for one in pareto_front(points, "parameters")] == ["twin", "slow"]


def test_costs_of_cuts():
    model = tiny_model(layers=4, width=32)
    pairs = [(4, 32), (2, 32), (2, 8)]
    costs = measure_costs(model, Engine(model, "fp32"), pairs, ["red fish", "a river"], rounds=2)
    assert list(costs) == pairs
    layer = sum(weight.numel() for weight in model.encoder.encoder.layer[0].parameters())
    assert costs[4, 32].parameters - costs[2, 32].parameters == 2 * layer
    assert costs[4, 32].parameters == sum(weight.numel() for weight in model.parameters())
    assert (costs[2, 8].layers, costs[2, 8].dimensions) == (2, 8)
    assert all(cost.milliseconds > 0 for cost in costs.values())
