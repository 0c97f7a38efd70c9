from __future__ import annotations

import json
import time
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import nn

from embedworks.training.batches import Chunk, MicroBatch
from embedworks.training.flops import count_work
from embedworks.training.meter import Meter
from embedworks.training.options import TrainingOptions
from helpers.processes import start
from helpers.tiny import tiny_model

CPU = torch.device("cpu")


def micro(lengths: list[int], width: int, workers: int = 1) -> MicroBatch:
    mask = (torch.arange(width) < torch.tensor(lengths)[:, None]).long()
    return MicroBatch((len(lengths),) * workers, {"input_ids": mask, "attention_mask": mask})


def meter(**options: object) -> Meter:
    return Meter(tiny_model(layers=2), TrainingOptions(precision="fp32", **options), CPU)


def taken(measured: Meter, steps: list[tuple[MicroBatch, ...]]) -> dict[str, float]:
    """A window of steps behind a first one, whose times are not told."""
    first = [(micro([1], 1),)]
    watched = measured.watched(enumerate(first + steps))
    next(watched)
    assert "speed/tokens_per_s" not in measured.window()
    list(islice(watched, len(steps)))
    return measured.window()


def test_real_tokens_are_counted_and_padding_is_not():
    numbers = taken(meter(), [(micro([3, 1], 4),), (micro([4, 4], 4),)])
    assert numbers["padding"] == pytest.approx(4 / 16)
    seconds = numbers["speed/step_s"] * 2
    assert numbers["speed/tokens_per_s"] * seconds == pytest.approx(12)
    assert numbers["speed/samples_per_s"] * seconds == pytest.approx(4)
    assert numbers["speed/memory_gib"] > 0


def test_utilisation_is_the_models_flops_over_the_peak():
    measured = meter()
    numbers = taken(measured, [(micro([3, 1], 4),)])
    flops = count_work(tiny_model(layers=2)).of(4, 10)
    assert numbers["speed/mfu"] == pytest.approx(flops / numbers["speed/step_s"] / measured._peak)


def test_padding_is_that_of_the_chunks_where_there_are_any():
    whole = micro([4, 1], 4)
    chunks = tuple(Chunk(torch.tensor([n]), micro([n], n).batch) for n in (1, 4))
    cut = MicroBatch(whole.samples, whole.batch, chunks)
    numbers = taken(meter(chunk_size=1), [(cut, cut)])
    assert numbers["padding"] == 0
    assert numbers["speed/tokens_per_s"] * numbers["speed/step_s"] == pytest.approx(10)


def test_only_waiting_for_batches_is_a_stall(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("embedworks.training.meter.time.perf_counter", lambda: now[0])
    measured = meter()

    def slow():
        yield 0, (micro([1], 1),)
        now[0] += 3  # waiting
        yield 1, (micro([1], 1),)

    watched = measured.watched(slow())
    next(watched)
    measured.window()
    next(watched)
    now[0] += 1  # working
    numbers = measured.window()
    assert numbers["speed/data_stall"] == numbers["speed/data_stall_max"] == pytest.approx(0.75)
    assert numbers["speed/step_s"] == pytest.approx(4)


def test_pictures_have_no_flops_that_we_could_count():
    pictures = {"pixels": torch.zeros(1, 3, 2, 2), **micro([2], 2).batch}
    numbers = taken(meter(), [(MicroBatch((1,), pictures),)])
    assert "speed/mfu" not in numbers
    assert "speed/tokens_per_s" in numbers


def test_a_batch_without_masks_has_samples_alone():
    numbers = taken(
        Meter(nn.Linear(2, 2), TrainingOptions(), CPU), [(MicroBatch((3,), {"x": torch.ones(3)}),)]
    )
    assert "speed/samples_per_s" in numbers
    assert not {"speed/mfu"} & set(numbers)


def _worker(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    measured = meter()
    steps = [(micro([1], 1, 2),), (micro([2 + rank, 1], 4, 2),)]

    def stream():
        yield 0, steps[0]
        time.sleep(0.3 * rank)  # the second worker's reader is slow
        yield 1, steps[1]

    watched = measured.watched(stream())
    next(watched)
    measured.window()
    next(watched)
    Path(folder, f"{rank}.json").write_text(json.dumps(measured.window()))
    torch.distributed.destroy_process_group()


def test_workers_add_up(tmp_path):
    start(_worker, (str(tmp_path),), 2)
    numbers = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert numbers[0] == numbers[1]
    mine = numbers[0]
    assert mine["speed/tokens_per_s"] * mine["speed/step_s"] == pytest.approx(3 + 4)
    assert mine["speed/samples_per_s"] * mine["speed/step_s"] == pytest.approx(4)
    assert mine["padding"] == pytest.approx(9 / 16)
    assert mine["speed/data_stall"] < mine["speed/data_stall_max"]
