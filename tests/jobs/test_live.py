from __future__ import annotations

import io
import logging
import re
import sys
import time

import pytest
from rich.console import Console

from embedworks.jobs import live
from embedworks.jobs.live import TrainingView
from embedworks.jobs.reporter import Reporter
from embedworks.training.progress import Progress


def point(step: int, steps: int = 1000, **metrics: float) -> Progress:
    numbers = {"loss": 1 / step, "learning_rate": 1e-4, "speed/step_s": 0.5, "speed/tokens_per_s": 1234.0}
    return Progress(step, steps, numbers | metrics, workers=2)


def piped() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, highlight=False), file


def screen(text: str, rows: int = 30, columns: int = 100) -> list[str]:
    """What a terminal shows after the text: it knows what rich uses, line ends, cursor up and erase."""
    lines, row, column = [""] * 400, 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", text):
        if part == "\n":
            row, column = row + 1, 0
        elif part == "\r":
            column = 0
        elif part.startswith("\x1b["):
            if part[-1] == "A":
                row -= int(part[2:-1] or 1)
            elif part[-1] == "K":
                lines[row] = ""
        else:
            assert column + len(part) <= columns
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return [line.rstrip() for line in lines if line.strip()]


def test_a_pipe_gets_few_plain_lines_that_can_be_read_back(monkeypatch):
    console, file = piped()
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    with TrainingView(console, "left", 2) as view:
        for step in range(1, 1001):
            now[0] += 0.5
            view.update(point(step), checkpoint=step // 100 * 100 or None)
    lines = file.getvalue().splitlines()
    assert "\x1b" not in file.getvalue()
    # A line for each 1 % of the stage, which is 10 steps of half a second, the first and the last.
    assert len(lines) == 101
    words = [dict(word.split("=") for word in line.removeprefix("  left: ").split(" ")) for line in lines]
    assert words[0]["step"] == "1/1000"
    assert words[0].items() >= {"lr": "0.0001", "tokens/s": "1234", "workers": "2"}.items()
    assert "checkpoint" not in words[0]
    assert words[-1]["step"] == "1000/1000"
    assert words[-1]["checkpoint"] == "1000"
    assert "eta" in words[-2]
    assert "eta" not in words[-1]


def test_a_long_run_says_something_every_minute(monkeypatch):
    console, file = piped()
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    with TrainingView(console, "left", 2) as view:
        for step in range(1, 121):
            now[0] += 1
            view.update(point(step, steps=10**6))
    assert len(file.getvalue().splitlines()) == 2


def test_a_restart_of_the_workers_is_told():
    console, file = piped()
    with TrainingView(console, "left", 2) as view:
        view.update(point(7))
        view.update(point(5))
    assert "left: the workers started again behind step 4" in file.getvalue()


@pytest.fixture
def terminal(monkeypatch) -> Console:
    monkeypatch.setenv("TERM", "xterm")
    return Console(file=io.StringIO(), force_terminal=True, width=100, height=30, highlight=False)


def test_a_terminal_shows_one_panel_and_nothing_tears_it(terminal, monkeypatch):
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("a-library")
    logger.addHandler(handler)
    monkeypatch.setattr(logger, "propagate", False)
    seen: list[str] = []
    view = TrainingView(terminal, "left", 2)
    with view:
        view._live.refresh()
        assert "starting 2 workers" in "\n".join(screen(terminal.file.getvalue()))
        for step in range(1, 1001):
            view.update(point(step), checkpoint=900 if step > 900 else None)
            if step in (300, 600):
                logger.warning("a line from a log")
                print("a line from a library")
                view._live.refresh()
                seen = screen(terminal.file.getvalue())
        view._live.refresh()
        final = screen(terminal.file.getvalue())
    stream = handler.stream
    logger.removeHandler(handler)
    assert stream is sys.stderr
    assert [line for line in seen if "a line" in line] == ["a line from a log", "a line from a library"] * 2
    for shown in (seen, final):
        assert sum("╭" in line for line in shown) == 1
        assert shown[-1].startswith("╰")
    text = "\n".join(final)
    assert re.search(r"step 1000/1000 .*100%.*left", text)
    assert "last checkpoint: step 900" in text
    assert "tokens/s 1234" in text
    assert "now 0.001" in text
    # Gone when the block ends; a line stays.
    after = screen(terminal.file.getvalue())
    assert not any("╭" in line for line in after)
    assert after[-1].startswith("  left: step=1000/1000 loss=")


def test_the_panel_fits_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=50, height=30)
    with TrainingView(console, "left", 2) as view:
        view.update(point(10))
        view._live.refresh()
        shown = screen(console.file.getvalue(), columns=50)
    assert max(map(len, shown)) <= 50
    assert "lr 0.0001" in "\n".join(shown)


def test_clocks_run_on_between_points(terminal, monkeypatch):
    base = time.monotonic()
    monkeypatch.setattr(live.time, "monotonic", lambda: base)
    view = TrainingView(terminal, "left", 1)
    monkeypatch.setattr(live.time, "monotonic", lambda: base + 65)
    terminal.print(view._panel())
    assert "starting 1 worker, 1:05" in terminal.file.getvalue()


def test_notes_are_printed_as_they_are(capsys):
    Reporter().note("/corpora/[bold]x: left out :smile: a [CLS]")
    assert capsys.readouterr().out == "/corpora/[bold]x: left out :smile: a [CLS]\n"
