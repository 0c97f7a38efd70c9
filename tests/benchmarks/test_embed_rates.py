"""What the benchmark of whole corpora counts, who is compared with whom, and its contenders in short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import _embedding
from _embedding import BF16, EMBED, ENGINE, FP32, KINDS, ONNX, ONNX_INT8, OPENVINO, PEAK, Rate
from _environments import NotMeasured
from _flops import product_flops
from _harness import Contender, take_turns

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.embedder import Embedder
from helpers.tiny import WORDS, tiny_embedder

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SECONDS = {EMBED.name: 2.0, ENGINE.name: 1.0, FP32.name: 4.0, ONNX.name: 2.5, ONNX_INT8.name: 0.5}
FLOPS = 1e6


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_embedder(tmp_path_factory.mktemp("embed-bench") / "tiny")


@pytest.mark.parametrize("length", [2, 11])
def test_flops_are_those_that_torch_counts(model, length):
    encoder = Embedder.load(model).encoder
    encoder.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        encoder(input_ids=torch.ones(3, length, dtype=torch.long))
    assert product_flops(model, [length] * 3) == counter.get_total_flops()


def test_every_other_round_goes_backwards():
    order = []
    pair = (Contender("ours", "ours"), Contender("peer", "peer"))

    def value(contender: Contender):
        order.append(contender.name)
        return 1.0, {}

    take_turns(pair, "rate", "rows/s", value, 3, alternate=True)
    assert order == ["ours", "peer", "peer", "ours", "ours", "peer"]


@pytest.fixture
def rate(monkeypatch, tmp_path, model):
    """A comparison whose contenders answer at once: encode's int8 is fast and wrong, OpenVINO not there."""

    def run(self: Contender, *arguments: Any) -> dict[str, Any]:
        given = dict(zip(arguments[::2], arguments[1::2], strict=False))
        if self is PEAK:
            return {"flops": FLOPS * (2 if given["--library"] == "numpy" else 1)}
        if self.name.startswith(OPENVINO.name):
            raise NotMeasured("no wheel")
        wrong = np.array([[0.6, 0.8]] if self is ONNX_INT8 else [[1.0, 0.0]])
        np.savez(given["--vectors"], **dict.fromkeys(KINDS, wrong.repeat(2, 0)))
        seconds = SECONDS.get(self.name, 100.0)
        names = {EMBED.name: "table_s", ENGINE.name: "seconds"}
        load = {names.get(self.name, "best_seconds"): seconds, "seconds": seconds * 2}
        if self is ENGINE:
            load = {"seconds": seconds}
        return {"loads": dict.fromkeys(KINDS, load), "versions": {"torch": "1"}}

    monkeypatch.setattr(Contender, "run", run)
    monkeypatch.setattr(_embedding, "some_texts", lambda kind, tokens: ["a text", "another"])
    monkeypatch.setattr(_embedding, "lengths_of", lambda texts: [10] * len(texts))
    monkeypatch.setattr(_embedding, "has_fast_bf16", lambda device: False)
    return Rate(model, tmp_path, 20, 2)


def test_ours_is_compared_with_what_is_equally_good(rate):
    runs, ratios = rate.run()
    assert ratios["long, embed to encode in float32"] == pytest.approx(4.0)  # as it is started: 8 s
    assert ratios["long, embed to the best encode"] == pytest.approx(1.25)  # ONNX in float32, not in int8
    assert ratios["mixed, Engine alone to the best encode"] == pytest.approx(2.5)
    assert ratios["cosine to float32, the worst text"] == pytest.approx(1)
    lines = {(run.contender, run.measure): run.line() for run in runs}
    assert lines[ONNX_INT8.name, "short"]["cosine"] == pytest.approx(0.6)
    assert lines[OPENVINO.name, "mixed"]["not_measured"] == "no wheel"
    assert lines[BF16.name, "mixed"]["value"] is None
    assert rate.versions["encode-onnx: torch"] == rate.versions["torch"] == "1"


def test_the_share_is_of_the_most_that_any_library_multiplies(rate, model):
    runs, _ = rate.run()
    line = next(run for run in runs if (run.contender, run.measure) == (ENGINE.name, "short"))
    assert line.extra["of_peak"] == pytest.approx(product_flops(model, [10, 10]) / 1.0 / (2 * FLOPS))
    peaks = {run.measure: run.values for run in runs if run.contender == PEAK.name}
    assert peaks["float32, numpy"] == [2 * FLOPS / 1e12] * 2, "before and after everybody's turn"


def contender(script: str, *arguments: object) -> dict[str, Any]:
    """Run a contender of ours and read the line that it prints."""
    command = [sys.executable, str(BENCHMARKS / "contenders" / f"{script}.py"), *map(str, arguments)]
    platform = str(BENCHMARKS.parent / "platform")
    variables = {**os.environ, "PYTHONPATH": platform, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eighty lines, all different, and eight to ask with."""
    lines = [{"text": f"{WORDS[i % 7]} {WORDS[i // 7 % len(WORDS)]} {i}"} for i in range(88)]
    folder = tmp_path_factory.mktemp("embed-bench-corpus") / "lines"
    splits = {"train": lines[:80], "test": lines[80:]}
    write_corpus(folder, splits, name="lines", schema=pa.schema([("text", pa.string())]))
    return folder


def test_the_whole_way_and_the_engine_give_one_answer(model, corpus, tmp_path):
    common = ("--model", model, "--precision", "fp32", "--vectors")
    texts = [row["text"] for row in open_corpus(corpus).iter_rows("train")]
    (tmp_path / "load.json").write_text(json.dumps({"lines": texts}))
    alone = contender("encode_engine", *common, tmp_path / "a.npz", "--load", tmp_path / "load.json",
                      "--backend", "packed")  # fmt: skip
    whole = contender("embed_corpus", *common, tmp_path / "b.npz", "--out", tmp_path / "out", "--here",
                      "--memory", "--corpora", corpus)  # fmt: skip
    ours, vectors = (np.load(tmp_path / name)["lines"] for name in ("a.npz", "b.npz"))
    np.testing.assert_allclose(ours, vectors, atol=1e-6)
    assert alone["loads"]["lines"]["seconds"] > 0
    load = whole["loads"]["lines"]
    assert load["rows"] == 80
    assert 0 < load["table_s"] < load["seconds"]
    assert load["peak_mb"] >= load["table_mb"] > 50


def test_recall_is_against_all_vectors(model, corpus, tmp_path):
    found = contender("embed_recall", "--model", model, "--corpus", corpus, "--out", tmp_path / "index")
    assert (found["rows"], found["queries"]) == (80, 8)
    assert found["kind"] != "exact"
    assert 0.5 < found["recall"] <= 1
