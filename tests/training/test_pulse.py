"""Workers agree at the end of every step, and no state is saved behind a loss that is not a number."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from embedworks.training.options import CheckpointOptions
from embedworks.training.pulse import Beat, Pulse, Wish
from helpers.processes import start

FINE, BAD = torch.tensor(1.0), torch.tensor(float("nan"))


def alone(steps: int = 10, wishes: list[Wish] | None = None, clock=lambda: 0.0, **options) -> Pulse:
    told = iter(wishes or [])
    return Pulse(
        CheckpointOptions(**options), steps, lambda: next(told, Wish()), is_first=True, clock=clock
    )


def test_it_saves_at_every_so_many_steps_and_at_the_last():
    pulse = alone(steps=5, every=2)
    assert [pulse.beat(done, FINE).save for done in range(1, 6)] == [False, True, False, True, True]


def test_it_saves_by_the_clock_and_counts_from_the_last_save():
    now = iter(range(0, 600, 20))
    pulse = alone(clock=lambda: next(now), every_minutes=1)
    saved = [done for done in range(1, 9) if pulse.beat(done, FINE).save]
    # Read a step later than the minute is over, and every beat but a save looks at the clock once.
    assert saved == [4, 8]


def test_a_notice_saves_and_goes_on_and_an_order_stops():
    pulse = alone(wishes=[Wish(), Wish(save=True), Wish(), Wish(), Wish(stop=True)])
    beats = [pulse.beat(done, FINE) for done in range(1, 7)]
    assert beats == [Beat(), Beat(), Beat(save=True), Beat(), Beat(), Beat(save=True, stop=True)]


def test_who_has_seen_enough_ends_training_with_a_save():
    pulse = alone(wishes=[Wish(finish=True)])
    assert [pulse.beat(done, FINE) for done in (1, 2)] == [Beat(), Beat(save=True, finish=True)]
    assert alone(steps=1, wishes=[Wish(finish=True)]).beat(1, FINE) == Beat(save=True)


def test_a_stop_at_the_last_step_is_its_end():
    assert alone(steps=1, wishes=[Wish(stop=True)]).beat(1, FINE) == Beat(save=True)


def test_a_bad_loss_is_seen_before_a_save_and_a_step_later_otherwise():
    assert alone(every=1).beat(1, BAD).bad_step == 1
    assert alone().beat(1, BAD, at_once=True).bad_step == 1
    pulse = alone(every=3)
    assert pulse.beat(1, BAD) == Beat()
    found = pulse.beat(2, FINE)
    assert (found.bad_step, found.save) == (1, False)
    assert found.loss != found.loss
    assert alone(every=1).beat(1, torch.tensor(float("inf"))).bad_step == 1


def test_a_bad_gradient_counts_as_a_bad_loss():
    norms = [torch.tensor(0.5), float("inf")]
    assert alone(every=1).beat(1, FINE, norms) == Beat(bad_step=1, loss=1.0)
    assert alone(every=1).beat(1, FINE, norms[:1]) == Beat(save=True)


def worker(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    # Only the second worker is told anything, and only the first one's clock counts.
    wishes = iter([Wish(), Wish(save=rank == 1), Wish(), Wish(stop=rank == 1), Wish()])
    pulse = Pulse(CheckpointOptions(), 9, lambda: next(wishes), is_first=rank == 0)
    beats = [pulse.beat(done, FINE) for done in range(1, 6)]
    pulse = Pulse(CheckpointOptions(every=2), 9, Wish, is_first=rank == 0)
    beats += [pulse.beat(2, BAD if rank == 1 else FINE)]
    torch.save([(b.save, b.stop, b.bad_step) for b in beats], Path(folder) / f"beats-{rank}")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def beats(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[bool, bool, int | None]]]:
    folder = tmp_path_factory.mktemp("pulse")
    start(worker, (str(folder),), 2)
    return [torch.load(folder / f"beats-{rank}") for rank in range(2)]


def test_what_one_worker_is_told_all_do_at_the_same_step(beats):
    quiet = (False, False, None)
    assert beats[0] == beats[1]
    assert beats[0][:5] == [quiet, quiet, (True, False, None), quiet, (True, True, None)]


def test_one_workers_bad_loss_stops_all_before_they_save(beats):
    assert beats[0][5] == beats[1][5] == (False, False, 2)
