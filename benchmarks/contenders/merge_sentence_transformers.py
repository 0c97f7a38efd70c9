"""sentence-transformers' own merging, as a user's script has it.

python merge_sentence_transformers.py METHOD PARAMETERS OUT BASE|- MODEL MODEL...
"""

from __future__ import annotations

import json
import sys

from sentence_transformers import SentenceTransformer


def main(method: str, parameters: str, out: str, base: str, *models: str) -> None:
    """Load, merge and save."""
    merged = SentenceTransformer.merge(
        models=list(models),
        method=method,
        base_model=None if base == "-" else base,
        parameters=json.loads(parameters),
        device="cpu",
    )
    merged.save_pretrained(out, create_model_card=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
