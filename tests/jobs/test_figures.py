from __future__ import annotations

import pytest

from embedworks.jobs.figures import Figures, Smoothed, duration, written
from embedworks.training.progress import Progress


def test_a_smoothed_curve_starts_at_its_first_value_and_follows():
    smooth = Smoothed()
    assert smooth("loss", 4.0) == pytest.approx(4.0)
    # (0.9 * 0.1 * 4 + 0.1 * 2) / (0.9 * 0.1 + 0.1)
    assert smooth("loss", 2.0) == pytest.approx(0.56 / 0.19)
    assert smooth("other", 1.0) == pytest.approx(1.0)


def test_the_time_left_follows_the_step_time_and_the_clock():
    now = [0.0]
    figures = Figures(clock=lambda: now[0])
    figures.take(Progress(1, 101, {"loss": 1.0}))
    assert figures.eta() is None
    figures.take(Progress(51, 101, {"loss": 1.0, "speed/step_s": 2.0}))
    assert figures.eta() == pytest.approx(100)
    now[0] = 30
    assert figures.eta() == pytest.approx(70)
    now[0] = 300
    assert figures.eta() == 0


def test_well_known_numbers_come_first_and_a_systems_own_behind_them():
    figures = Figures()
    figures.take(
        Progress(
            2,
            4,
            {
                "own": 12345.678,
                "generator/loss": 1.0,
                "loss": 3.0,
                "speed/mfu": 0.314,
                "generator/learning_rate": 1e-4,
                "discriminator/learning_rate": 2e-4,
                "speed/tokens_per_s": 38210.4,
                "speed/step_s": 1.0,
            },
        )
    )
    assert dict(figures.named()) == {
        "generator/lr": "0.0001",
        "discriminator/lr": "0.0002",
        "tokens/s": "38210",
        "mfu": "31.4%",
        "own": "1.235e+04",
    }
    assert next(iter(dict(figures.named()))) == "generator/lr"
    assert figures.losses == {"generator/loss": (1.0, 1.0), "loss": (3.0, 3.0)}


@pytest.mark.parametrize(
    ("word", "value", "text"),
    [
        ("memory", 1.5, "1.50GiB"),
        ("stall", 0.002, "0.2%"),
        ("samples/s", 9.44, "9.44"),
        ("lr", 1e-5, "1e-05"),
    ],
)
def test_numbers_have_units(word, value, text):
    assert written(word, value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (123, "2:03"), (3723.4, "1:02:03")])
def test_durations(seconds, text):
    assert duration(seconds) == text
