"""`auto` measures, refuses, picks and remembers; no real time enters."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from embedworks.errors import InputError
from embedworks.inference import auto
from embedworks.inference.auto import decide, table
from embedworks.inference.engine import Engine
from embedworks.inference.quality import Likeness, likeness, probe_texts, reference, require_alike
from embedworks.inference.trial import SHAPES, Trial, as_row, candidates, measure, pick, shapes
from helpers.tiny import tiny_embedder, tiny_model

ALIKE = Likeness(1.0, 0.9999)


def trial(backend: str, seconds: float, why: str = "", precision: str = "fp32") -> Trial:
    return Trial(backend, precision, dict.fromkeys(SHAPES, seconds), ALIKE, why)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(auto.CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_fastest_wins_and_within_five_percent_the_first() -> None:
    assert pick([trial("packed", 1.04), trial("onnx", 1.0)]).backend == "packed"
    assert pick([trial("packed", 1.06), trial("onnx", 1.0)]).backend == "onnx"
    assert pick([trial("packed", 9), trial("onnx", 1, why="too far"), trial("openvino", 2)]).backend == (
        "openvino"
    )


def test_a_shape_weighs_by_its_ratio_and_not_by_its_length() -> None:
    short = Trial("packed", "fp32", dict(zip(SHAPES, (1, 10, 1000, 100), strict=True)), ALIKE)
    long = Trial("onnx", "fp32", dict(zip(SHAPES, (3, 10, 500, 100), strict=True)), ALIKE)
    assert pick([long, short]) is short  # three times slower at one, twice as fast at another


def test_nothing_that_can_be_used_is_said_with_the_reasons() -> None:
    with pytest.raises(InputError, match=r"onnx fp32: cosine 0\.5 is too low"):
        pick([trial("onnx", 1, why="cosine 0.5 is too low")])


class Slow:
    """An engine of which every batch takes so long on a clock of its own."""

    now = 0.0

    def __init__(self, engine: Engine, seconds: Sequence[float]) -> None:
        self.engine, self.seconds, self.calls = engine, list(seconds), 0

    def encode(self, texts: Any) -> Any:
        return self.engine.encode(texts)

    def pooled(self, ids: Any) -> None:
        Slow.now += self.seconds[min(self.calls, len(self.seconds) - 1)]
        self.calls += 1


def test_times_are_the_least_of_repeated_rounds_and_the_far_are_not_timed() -> None:
    embedder = tiny_model()
    opened: dict[str, Slow] = {}

    def open_engine(name: str, precision: str) -> Any:
        if name == "openvino":
            raise InputError("no openvino")
        source = tiny_model(seed=1) if name == "torch" else embedder  # another model's vectors
        opened[name] = Slow(Engine(source, "fp32"), [0.2, 0.01, 0.05] if name == "onnx" else [3.0])
        return opened[name]

    tried = [("packed", "fp32"), ("torch", "fp32"), ("onnx", "fp32"), ("openvino", "fp32")]
    packed, torch_, onnx, openvino = measure(embedder, tried, 0.999, open_engine, lambda: Slow.now)
    assert packed.seconds == pytest.approx(dict.fromkeys(SHAPES, 3.0))
    assert opened["packed"].calls == len(SHAPES)  # each was above the budget the first time
    assert onnx.seconds["1 short"] == pytest.approx(0.01)
    assert not torch_.seconds
    assert "is below 0.999" in torch_.why
    assert opened["torch"].calls == 0
    assert openvino.why == "no openvino"
    assert pick([packed, torch_, onnx, openvino]) is onnx


def test_real_backends_are_measured() -> None:
    embedder = tiny_model()
    tried = [("packed", "fp32"), ("onnx", "fp32"), ("openvino", "fp32")]
    found = measure(embedder, tried, 0.999)
    assert [one.why for one in found] == ["", "", ""]
    assert all(set(one.seconds) == set(SHAPES) and one.cosine.least > 0.9999 for one in found)  # type: ignore[union-attr]
    assert pick(found) in found


def test_candidates_follow_model_precision_and_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from embedworks.inference import trial as module

    encoder = tiny_model().encoder
    monkeypatch.setattr(module, "has_fast_bf16", lambda device: True)
    assert ("packed", "bf16") in candidates(encoder, "auto")
    monkeypatch.setattr(module, "has_fast_bf16", lambda device: False)
    found = candidates(encoder, "auto")
    assert found[0] == ("packed", "fp32")
    assert not [one for one in found if one[1] in ("bf16", "int8") or one[0] in ("torch", "compile")]
    assert [name for name, _ in candidates(encoder, "int8")] == ["packed", "onnx", "openvino"]
    assert ("compile", "fp32") in candidates(encoder, "fp32", with_compile=True)
    monkeypatch.setattr(module, "missing_packages", lambda name: ["x"] if name == "onnx" else [])
    assert [name for name, _ in candidates(encoder, "int8")] == ["packed", "openvino"]
    encoder.config.model_type = "other"
    assert candidates(encoder, "fp32")[0] == ("torch", "fp32")


def test_shapes_fit_the_model() -> None:
    found = shapes(tiny_model(max_length=64))
    assert [len(found[name]) for name in SHAPES] == [1, 32, 8, 32]
    assert {len(row) for row in found["8 long"]} == {64}
    assert len({len(row) for row in found["32 mixed"]}) > 5


def measured(*trials: Trial) -> tuple[Callable[..., list[Trial]], list[Any]]:
    calls: list[Any] = []

    def measure(embedder: Any, tried: Any, floor: float) -> list[Trial]:
        calls.append((tried, floor))
        return list(trials)

    return measure, calls


def test_a_decision_is_remembered_until_something_differs(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, embedder = tiny_embedder(tmp_path / "tiny"), tiny_model()
    measure, calls = measured(trial("packed", 2), trial("onnx", 1))

    def ask(**options: Any) -> auto.Decision:
        values = {"precision": "fp32", "floor": 0.999, "measure": measure} | options
        return decide(embedder, folder, **values)

    first, second = ask(), ask()
    assert (first.backend, first.precision, first.remembered) == ("onnx", "fp32", False)
    assert (second.backend, second.rows, second.remembered) == ("onnx", first.rows, True)
    assert len(calls) == 1
    assert not ask(again=True).remembered
    ask(floor=0.9)
    ask(precision="int8")
    monkeypatch.setattr(auto, "cpu_name", lambda: "another")
    ask()
    monkeypatch.setattr(auto, "_version", lambda package: "9")
    ask()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    ask()
    tiny_embedder(folder, seed=5)
    ask()
    assert len(calls) == 8
    assert ask().remembered
    (newest, *_) = sorted(cache.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    assert json.loads(newest.read_text())["circumstances"]["threads"] == 7


def test_half_a_file_and_no_candidate_leave_no_decision(tmp_path: Path, cache: Path) -> None:
    folder, embedder = tiny_embedder(tmp_path / "tiny"), tiny_model()
    none, _ = measured(trial("onnx", 1, why="no"))
    with pytest.raises(InputError, match="no backend can be used"):
        decide(embedder, folder, "fp32", 0.999, measure=none)
    assert not list(cache.glob("*.json"))
    some, calls = measured(trial("onnx", 1))
    decide(embedder, folder, "fp32", 0.999, measure=some)
    (file,) = cache.glob("*.json")
    file.write_text('{"backend": "on')
    assert not decide(embedder, folder, "fp32", 0.999, measure=some).remembered
    assert len(calls) == 2


def test_the_table_marks_the_choice_and_says_why_not() -> None:
    rows = [as_row(trial("packed", 0.002)), as_row(Trial("onnx", "int8", why="cosine 0.9 is below 0.98"))]
    head, packed, onnx = table(auto.Decision("packed", "fp32", rows, False)).splitlines()
    assert "32 mixed" in head
    assert packed.startswith("* packed")
    assert "2.00" in packed
    assert "0.99990" in packed
    assert onnx.startswith("  onnx")
    assert onnx.endswith("is below 0.98")


def test_the_probe_has_short_middle_and_full_texts_and_tells_models_apart() -> None:
    embedder = tiny_model()
    engine = Engine(embedder, "fp32")
    counts = engine.token_counts(probe_texts())
    assert min(counts) < 10
    assert counts.count(64) >= 4
    expected = reference(embedder)
    assert likeness(engine, expected).least == pytest.approx(1.0, abs=1e-5)
    other = likeness(Engine(tiny_model(seed=1), "fp32"), expected)
    assert other.least <= other.mean < 0.99
    require_alike(ALIKE, 0.999, "x")
    for found in (other, Likeness(np.nan, np.nan)):
        with pytest.raises(InputError, match=r"far from float32.*expected at least 0.999 \(min_cosine\)"):
            require_alike(found, 0.999, "x")
