"""The average is the one that the formula gives, under every ZeRO stage, and outlives a restart."""

import pyarrow as pa
import pytest
import torch

from embedworks.training.batches import Cutter
from embedworks.training.checkpoints.keeper import Keeper
from embedworks.training.ema import Average
from embedworks.training.engine import full_weights, start_engines
from embedworks.training.options import TrainingOptions
from embedworks.training.step import train_step
from helpers.words import SAMPLES, Words, WordTransform, word_rows

DECAY, STEPS = 0.8, 5


class Run:
    def __init__(self, zero, root, *, averaged=True, precision="fp32"):
        self.objective = Words(0.2).train()
        options = TrainingOptions.model_validate(
            {"steps": STEPS, "precision": precision, "zero": zero, "optimizer": {"learning_rate": 0.05}}
        )
        self.engines = start_engines(self.objective, options, STEPS, 1)
        self.average = Average(self.objective, self.engines, DECAY) if averaged else None
        self.keeper = Keeper(root, self.objective, self.engines, 0, 1, average=self.average)

    def train(self, first, last):
        for step in range(first, last):
            rows = word_rows(step).take(pa.array(range(SAMPLES)))
            train_step(self.engines, Cutter(WordTransform(), 0, 1)(rows, SAMPLES), 0, (1, step))
            if self.average:
                self.average.update()

    def weights(self):
        return full_weights(self.objective, self.engines)

    def averages(self):
        return full_weights(self.objective, self.engines, self.average)


def assert_same(got, expected, **tolerance):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, **tolerance)


@pytest.mark.parametrize(("zero", "precision"), [(0, "fp32"), (1, "fp32"), (2, "bf16"), (3, "fp32")])
def test_the_average_is_that_of_the_masters(alone, zero, precision):
    run = Run(zero, alone, precision=precision)
    expected = run.weights()
    for step in range(STEPS):
        run.train(step, step + 1)
        now = run.weights()
        expected = {name: DECAY * e + (1 - DECAY) * now[name] for name, e in expected.items()}
    assert_same(run.averages(), expected, rtol=1e-5, atol=1e-6)
    assert any(not torch.allclose(expected[name], now[name], atol=1e-3) for name in expected)
    run.engines["main"].destroy()


def test_a_restart_goes_on_with_the_average_to_the_bit(alone):
    whole = Run(1, alone / "whole")
    whole.train(0, STEPS)
    first = Run(1, alone / "run")
    first.train(0, 2)
    first.keeper.save(2)
    first.keeper.finish(2)
    second = Run(1, alone / "run")
    assert second.keeper.restore() == 2
    second.train(2, STEPS)
    assert_same(second.averages(), whole.averages(), rtol=0, atol=0)
    for run in (whole, first, second):
        run.engines["main"].destroy()


def test_a_checkpoint_without_an_average_starts_one(alone):
    first = Run(0, alone, averaged=False)
    first.train(0, 2)
    first.keeper.save(2)
    first.keeper.finish(2)
    second = Run(0, alone)
    second.keeper.restore()
    assert_same(second.averages(), first.weights(), rtol=0, atol=0)
    for run in (first, second):
        run.engines["main"].destroy()
