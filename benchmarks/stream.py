"""The stream's rate against its limit: the same tokenizer on the same texts with nothing around it.

    python benchmarks/stream.py

Prints tokens a second of reading, ordering, tokenising and collating in one process, and their ratio.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from embedworks.corpora.builtin import ensure_corpus
from embedworks.corpora.corpus import open_corpus
from embedworks.folder import load_tokenizer, resolve_model
from embedworks.training.stream import CorpusInput, StreamSpec
from embedworks.transforms.pairs import PairTransform

BATCH = 64
STEPS = 30


def main() -> None:
    tokenizer = load_tokenizer(resolve_model("sentence-transformers/all-MiniLM-L6-v2"))
    transform = PairTransform(tokenizer, query_length=40, positive_length=96, max_length=256)
    with tempfile.TemporaryDirectory() as folder:
        corpus = ensure_corpus("python-docs", Path(folder))
        spec = StreamSpec((CorpusInput(corpus),), transform, BATCH, seed=1, steps=STEPS)
        rows = list(open_corpus(corpus).iter_rows("train"))
        spec.read(0, BATCH)  # opens files, starts the tokenizer's threads
        started = time.perf_counter()
        tokens = sum(
            int(b["query_mask"].sum() + b["candidate_mask"].sum())
            for b in (transform.collate(spec.read(s * BATCH, (s + 1) * BATCH)) for s in range(STEPS))
        )
        ours = tokens / (time.perf_counter() - started)
        texts = [
            (rows[i % len(rows)]["query"], rows[i % len(rows)]["positive"]) for i in range(BATCH * STEPS)
        ]
        started = time.perf_counter()
        plain = 0
        for first in range(0, len(texts), BATCH):
            for column, length in ((0, 40), (1, 96)):
                batch = [pair[column] for pair in texts[first : first + BATCH]]
                plain += sum(map(len, tokenizer(batch, truncation=True, max_length=length)["input_ids"]))
        limit = plain / (time.perf_counter() - started)
    print(json.dumps({"tokens_per_s": ours, "tokenizer_alone_per_s": limit, "ratio": ours / limit}))


if __name__ == "__main__":
    main()
