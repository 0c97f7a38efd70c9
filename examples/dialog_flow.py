"""How dialogs go, as a graph: from an embedder and dialogs to JSON and GraphML, without a server.

    python examples/dialog_flow.py MODEL [DIALOGS.json] [--domain florist] [--out flow]

MODEL is an embedder folder or a hub id; best one that jobs/text_embedding/dialog2flow.yaml made. The file
has what ``POST /v1/tasks/dialog-flow`` reads: ``{"dialogs": [[{"speaker": "user", "text": "Hello"}]]}``.
Without one, dialogs of the built-in corpus are drawn, of a domain that training does not see.
"""

from __future__ import annotations

import argparse
import json
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.flow.task import Flow, FlowRequest, answer, ask
from embedworks.inference.engine import Engine
from embedworks.task import Answer

DIALOGS = 80


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", help="an embedder folder or a hub id")
    parser.add_argument("dialogs", nargs="?", type=Path, help="a JSON file of dialogs")
    parser.add_argument("--domain", default="florist", help="of the corpus: courier, florist or hosting")
    parser.add_argument("--corpora", type=Path, default=Path("corpora"), help="where the corpus is built")
    parser.add_argument("--out", type=Path, default=Path("flow"), help="of the files, without ending")
    options = parser.parse_args()
    try:
        asked = (
            json.loads(options.dialogs.read_text())
            if options.dialogs
            else domain_dialogs(options.corpora, options.domain)
        )
        flow = draw(options.model, asked)
    except (InputError, OSError, json.JSONDecodeError) as error:
        raise SystemExit(f"error: {error}") from None
    options.out.with_suffix(".json").write_bytes(msgspec.json.encode(flow))
    options.out.with_suffix(".graphml").write_text(flow.graphml or "")
    names = {node.id: node.name for node in flow.nodes}
    print(f"{len(flow.nodes)} nodes, {len(flow.edges)} edges: {options.out}.json, {options.out}.graphml")
    print("\n".join(names.get(node, node) for node in flow.happy_path))


def domain_dialogs(root: Path, domain: str) -> dict[str, Any]:
    """Dialogs of an unseen domain, with as many clusters of a speaker as it has actions."""
    rows = open_corpus(ensure_corpus("dialogs", root)).iter_rows("test", columns=["turns", "domain"])
    found = [row["turns"] for row in islice((r for r in rows if r["domain"] == domain), DIALOGS)]
    if not found:
        raise InputError(f"no test dialog is of {domain!r}", expected="courier, florist or hosting")
    actions = {(turn["speaker"], turn["action"]) for turns in found for turn in turns}
    return {
        "dialogs": [
            [{"speaker": turn["speaker"], "text": turn["text"]} for turn in turns] for turns in found
        ],
        "clusters": {name: sum(one == name for one, _ in actions) for name in ("user", "system")},
    }


def draw(model: str, asked: dict[str, Any]) -> Flow:
    """The flow of what a file or :func:`domain_dialogs` gave."""
    try:
        request = msgspec.convert({"model": model, **asked, "graphml": True}, FlowRequest)
    except msgspec.ValidationError as error:
        raise InputError(f"the dialogs cannot be read: {error}") from error
    engine = Engine(Embedder.load(model))
    vectors = [engine.encode(list(one.input)) for one in ask(request)]
    return answer(request, [Answer(each, prompt_tokens=0) for each in vectors])


if __name__ == "__main__":
    main()
