"""The rates of ``benchmarks/embed.py``: everybody over the same texts, in turns, beside the limit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _corpora import cache_folder
from _flops import product_flops
from _harness import Contender, Result, Runs, take_turns
from _texts import LONGEST, SHORT, TEXT, lengths_of, texts_of

from embedworks.corpora.shards import write_corpus
from embedworks.nn.precision import has_fast_bf16

KINDS = ("short", "long", "mixed")
SAME = 0.999  # cosine to float32, for the worst text, from which on a contender is of equal quality

EMBED = Contender("embedworks embed", "embed_corpus")
ENGINE = Contender("Engine alone", "encode_engine")
ENGINE_INT8 = Contender("Engine alone, int8", "encode_engine")
FP32 = Contender("encode, torch fp32", "encode_sentence_transformers", "sentence-transformers")
BF16 = Contender("encode, torch bf16", "encode_sentence_transformers", "sentence-transformers")
ONNX = Contender("encode, onnx", "encode_sentence_transformers", "encode-onnx")
ONNX_INT8 = Contender("encode, onnx int8", "encode_sentence_transformers", "encode-onnx")
OPENVINO = Contender("encode, openvino", "encode_sentence_transformers", "encode-openvino")
OPENVINO_BF16 = Contender("encode, openvino bf16", "encode_sentence_transformers", "encode-openvino")
PEERS = (FP32, BF16, ONNX, ONNX_INT8, OPENVINO, OPENVINO_BF16)
OURS = (EMBED, ENGINE, ENGINE_INT8)
# backend and precision of those that only encode
OPTIONS = {
    ENGINE.name: ("packed", "auto"),
    ENGINE_INT8.name: ("packed", "int8"),
    FP32.name: ("torch", "fp32"),
    BF16.name: ("torch", "bf16"),
    ONNX.name: ("onnx", "fp32"),
    ONNX_INT8.name: ("onnx", "int8"),
    OPENVINO.name: ("openvino", "fp32"),
    OPENVINO_BF16.name: ("openvino", "bf16"),
}
PEAK = Contender("matrix product", "matmul")
EMULATED = "bf16 is emulated on this processor"
SMALL = 512  # of the product in an emulated format, which is slow

Loads = Mapping[str, Mapping[str, Any]]


class Rate:
    """Tokens a second of every contender, kind by kind.

    Args:
        model: Embedder folder.
        folder: For texts, indexes and vectors.
        tokens: Of each kind of texts.
        repeats: Rounds.
    """

    def __init__(self, model: Path, folder: Path, tokens: int, repeats: int) -> None:
        self.model, self.folder, self.repeats = model, folder, repeats
        self.texts = {kind: some_texts(kind, tokens) for kind in KINDS}
        self.lengths = {kind: lengths_of(texts) for kind, texts in self.texts.items()}
        self.fast_bf16 = has_fast_bf16(torch.device("cpu"))
        self.found: dict[str, list[Loads]] = {}
        self.peaks: dict[str, list[float]] = {}
        self.versions: Result = {}
        (folder / "load.json").write_text(json.dumps(self.texts))
        for kind, texts in self.texts.items():
            rows = ({"text": text} for text in texts)
            write_corpus(folder / kind, {"train": rows}, name=kind, schema=TEXT)

    def run(self) -> tuple[list[Runs], dict[str, float]]:
        """All runs, and the ratios."""
        able = [one for one in (*OURS, *PEERS) if self.fast_bf16 or one not in (BF16, OPENVINO_BF16)]
        self.measure_peaks()
        turns = take_turns(able, KINDS[-1], "tokens/s", self.one, self.repeats, alternate=True)
        self.measure_peaks()
        runs = [self.runs_of(name, kind) for kind in KINDS for name in self.found]
        runs += [run for run in turns.values() if run.why]
        if not self.fast_bf16:
            runs += [Runs(one.name, KINDS[-1], "tokens/s", why=EMULATED) for one in (BF16, OPENVINO_BF16)]
        runs += [Runs(PEAK.name, name, "TFLOP/s", values) for name, values in self.peaks.items()]
        return runs, self.ratios()

    def one(self, contender: Contender) -> tuple[float, Result]:
        """One run over all kinds."""
        vectors = self.vectors_file(contender.name)
        given: tuple[object, ...] = ("--model", self.model, "--vectors", vectors)
        if contender is EMBED:
            corpora = [self.folder / kind for kind in KINDS]
            given += ("--out", self.folder / "indexes", "--corpora", *corpora)
        else:
            backend, precision = OPTIONS[contender.name]
            given += ("--load", self.folder / "load.json", "--backend", backend, "--precision", precision)
            given += ("--exported", cache_folder() / "exported")
        result = contender.run(*given)
        where = f"{contender.environment}: " if contender.environment else ""
        self.versions |= {f"{where}{name}": value for name, value in result["versions"].items()}
        self.found.setdefault(contender.name, []).append(result["loads"])
        return self.rate_of(result["loads"], KINDS[-1]), {}

    def measure_peaks(self) -> None:
        """What the machine multiplies, in both formats, before and after everybody's turn."""
        cases = {
            "float32, torch": ("fp32", "torch", 2048),
            "float32, numpy": ("fp32", "numpy", 2048),
            "bfloat16, torch": ("bf16", "torch", 2048 if self.fast_bf16 else SMALL),
        }
        for name, (precision, library, size) in cases.items():
            given = ("--precision", precision, "--library", library, "--size", size)
            self.peaks.setdefault(name, []).append(PEAK.run(*given)["flops"] / 1e12)

    def runs_of(self, contender: str, kind: str) -> Runs:
        """All rates of one, with its share of the machine's peak and how near its vectors are."""
        rates = [self.rate_of(loads, kind) for loads in self.found[contender]]
        run = Runs(contender, kind, "tokens/s", rates)
        flops = product_flops(self.model, self.lengths[kind]) / sum(self.lengths[kind])
        run.extra = {
            "of_peak": run.median * flops / self.peak(contender),
            "cosine": self.cosine(contender, kind),
        }
        last = dict(self.found[contender][-1][kind])
        run.extra |= {key: value for key, value in last.items() if key not in ("seconds", "tokens", "rows")}
        if "best_seconds" in last and contender == FP32.name:
            run.extra["as_started"] = self.rate_of([*self.found[contender]][-1], kind, "seconds")
        return run

    def rate_of(self, loads: Loads, kind: str, key: str = "") -> float:
        """Tokens a second: of the whole way from corpus to table, or of encoding at its best."""
        load = loads[kind]
        name = key or next(key for key in ("table_s", "best_seconds", "seconds") if key in load)
        return sum(self.lengths[kind]) / float(load[name])

    def peak(self, contender: str) -> float:
        """The most FLOP/s that any product has reached in a contender's format; float32 for int8."""
        _, precision = OPTIONS.get(contender, ("", "auto"))
        is_bf16 = precision == "bf16" or (precision == "auto" and self.fast_bf16)
        wanted = "bfloat16" if is_bf16 else "float32"
        return 1e12 * max(max(values) for name, values in self.peaks.items() if name.startswith(wanted))

    def ratios(self) -> dict[str, float]:
        """Ours to encode in float32 as it is started, and to the best peer of equal quality."""
        ratios: dict[str, float] = {}
        ours = [one.name for one in OURS if one.name in self.found]
        equal = [
            one.name
            for one in PEERS
            if one.name in self.found and min(self.cosine(one.name, kind) for kind in KINDS) >= SAME
        ]
        for kind in KINDS if equal else ():
            best = max(self.runs_of(name, kind).median for name in equal)
            plain = [self.rate_of(loads, kind, "seconds") for loads in self.found.get(FP32.name, ())]
            for name in ours:
                mine, what = self.runs_of(name, kind).median, "embed" if name == EMBED.name else name
                if plain:
                    ratios[f"{kind}, {what} to encode in float32"] = mine / float(np.median(plain))
                ratios[f"{kind}, {what} to the best encode"] = mine / best
        if FP32.name in self.found:
            same = [one.name for one in (EMBED, ENGINE) if one.name in self.found]
            ratios["cosine to float32, the worst text"] = min(
                self.cosine(name, kind) for name in same for kind in KINDS
            )
        return ratios

    def cosine(self, contender: str, kind: str) -> float:
        """The least of any text to encode's vector in float32; NaN where that was not measured."""
        if FP32.name not in self.found:
            return float("nan")
        ours_ND, theirs_ND = (
            np.load(self.vectors_file(name))[kind].astype(np.float64) for name in (contender, FP32.name)
        )
        lengths_N = np.linalg.norm(ours_ND, axis=1) * np.linalg.norm(theirs_ND, axis=1)
        return float(((ours_ND * theirs_ND).sum(1) / lengths_N).min())

    def vectors_file(self, contender: str) -> Path:
        """Where a contender leaves its vectors."""
        return self.folder / f"{contender.replace(', ', '-').replace(' ', '-')}.npz"


def some_texts(kind: str, tokens: int) -> list[str]:
    """Texts of a kind with about so many tokens, different ones as far as there are."""
    mean = {"short": SHORT, "long": LONGEST, "mixed": 60}[kind]
    texts = texts_of(kind, 1 + 2 * tokens // mean if kind == "mixed" else -(-tokens // mean))
    taken = np.searchsorted(np.cumsum(lengths_of(texts)), tokens) + 1
    return texts[:taken]
