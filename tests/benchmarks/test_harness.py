"""What comes out of a comparison: medians, reasons, and no number for a peer that was not measured."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import _environments
import _harness
from _harness import Contender, Runs, report, take_turns

OURS, PEER = Contender("ours", "ours"), Contender("peer", "peer", "peer")


@pytest.fixture
def scripts(monkeypatch, tmp_path):
    """A folder for contenders; peers run with this interpreter."""
    (tmp_path / "contenders").mkdir()
    monkeypatch.setattr(_harness, "HERE", tmp_path)
    monkeypatch.setattr(_harness, "peer_python", lambda _: Path(sys.executable))
    return tmp_path / "contenders"


def test_contenders_take_turns():
    order = []

    def value(contender: Contender):
        order.append(contender.name)
        return float(len(order)), {"seen": len(order)}

    runs = take_turns((OURS, PEER), "rate", "rows/s", value, 3)
    assert order == ["ours", "peer"] * 3
    line = runs["ours"].line()
    assert (line["value"], line["runs"], line["seen"]) == (3, [1, 3, 5], 5)
    assert line["spread"] == pytest.approx(4 / 3)


def test_a_peer_that_fails_gets_a_reason_and_no_number(scripts):
    (scripts / "ours.py").write_text('print("noise"); print(\'{"rows": 7}\')')
    (scripts / "peer.py").write_text('raise SystemExit("no such option")')
    runs = take_turns((OURS, PEER), "rate", "rows/s", lambda c: (c.run()["rows"], {}), 2)
    assert runs["ours"].values == [7, 7]
    line = runs["peer"].line()
    assert line["value"] is None
    assert line["not_measured"] == "peer.py failed: no such option"


def test_ours_failing_fails_the_benchmark(scripts):
    (scripts / "ours.py").write_text("raise SystemExit(1)")
    with pytest.raises(RuntimeError, match=r"ours\.py failed"):
        OURS.run()


def test_a_peer_that_cannot_be_installed_is_not_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(_environments, "HERE", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "peer.txt").write_text("torch==\n")  # no version: pip refuses it unasked
    with pytest.raises(_environments.NotMeasured, match="cannot be installed"):
        _environments.peer_python("peer")


def test_peak_memory_is_that_of_the_whole_tree(scripts):
    (scripts / "ours.py").write_text(
        "import subprocess, sys\n"
        "child = 'import time; block = b\"x\" * (200 << 20); time.sleep(3)'\n"
        "subprocess.run([sys.executable, '-c', child], check=True)\n"
        "print('{}')\n"
    )
    assert OURS.run(memory=True)["peak_mb"] > 200


def test_the_report_has_what_the_command_line_promises():
    runs = [Runs("ours", "rate", "rows/s", [2.0, 4.0]), Runs("peer", "rate", "rows/s", why="no wheel")]
    found = report("stream", runs, {"ratio": 1.23456}, {"ratio": 1.5}, {"torch": "1"})
    assert list(found) == ["name", "date", "machine", "versions", "measurements", "ratios", "targets"]
    assert found["ratios"] == {"ratio": 1.2346}
    assert found["machine"]["cores"] == os.cpu_count()
    assert found["measurements"][1]["not_measured"] == "no wheel"


def test_the_table_names_what_is_missed(capsys):
    found = report("stream", [], {"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.0, "b": 3.0}, {})
    _harness.show(found, as_json=False)
    out = capsys.readouterr().out.splitlines()
    assert [line.rpartition("target ")[2] for line in out[1:3]] == ["1: met", "3: missed"]
