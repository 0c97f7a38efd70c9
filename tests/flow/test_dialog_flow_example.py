"""examples/dialog_flow.py, as a user runs it."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import networkx as nx
import pytest

from helpers.tiny import tiny_embedder

EXAMPLE = Path(__file__).parents[2] / "examples" / "dialog_flow.py"
SPOKEN = (("user", "the cat"), ("system", "a red stone"), ("user", "the old river"))
DIALOG = [{"speaker": speaker, "text": text} for speaker, text in SPOKEN]


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "dialogs.json").write_text(text)
    model = tiny_embedder(tmp_path / "model")
    words = [str(EXAMPLE), str(model), str(tmp_path / "dialogs.json"), "--out", str(tmp_path / "flow")]
    monkeypatch.setattr("sys.argv", words)
    runpy.run_path(str(EXAMPLE), run_name="__main__")


def test_it_writes_the_graph_twice_and_tells_the_happy_path(tmp_path, monkeypatch, capsys):
    run(tmp_path, monkeypatch, json.dumps({"dialogs": [DIALOG] * 2, "clusters": {"user": 2, "system": 1}}))
    told = capsys.readouterr().out.splitlines()
    assert told[-5:] == ["[start]", "the cat", "a red stone", "the old river", "[end]"]
    found = json.loads((tmp_path / "flow.json").read_text())
    drawn = nx.read_graphml(tmp_path / "flow.graphml")
    assert {node["id"] for node in found["nodes"]} == set(drawn) == set(found["happy_path"])
    assert drawn.edges["[start]", "user: 0"]["count"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "error: Expecting"),
        ('{"dialogs": [[{"speaker": "user"}]]}', "error: the dialogs cannot be read"),
        (
            '{"dialogs": [[{"speaker": "a", "text": "x"}]], "clusters": {"b": 1}}',
            "error: clusters: 'b' says",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, monkeypatch, text, message):
    with pytest.raises(SystemExit, match=message):
        run(tmp_path, monkeypatch, text)
