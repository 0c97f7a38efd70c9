from __future__ import annotations

import io

from rich.console import Console

from embedworks.cli.curves import ROWS, draw

FALLING = [(step, 1.0 - step / 100) for step in range(101)]


def drawn(curves, width: int = 60, **options) -> str:
    file = io.StringIO()
    draw(Console(file=file, width=width, highlight=False, **options), curves, "loss")
    return file.getvalue()


def ink(line: str) -> list[int]:
    """Columns of the dots."""
    return [column for column, char in enumerate(line) if 0x2800 < ord(char) <= 0x28FF]


def test_a_falling_line_runs_from_the_upper_left_to_the_lower_right():
    lines = drawn({"a": FALLING}).splitlines()
    assert len(lines) == 1 + ROWS + 2
    middles = [sum(ink(line)) / len(ink(line)) for line in lines[1 : ROWS + 1]]
    assert middles == sorted(middles)
    assert lines[1].startswith("         1 │")
    assert lines[ROWS].startswith("         0 │")
    assert max(map(len, lines)) <= 60


def test_curves_share_a_frame_where_there_are_colours():
    text = drawn({"a": FALLING, "b": [(0, 0.5), (50, 0.7)]}, color_system="standard", force_terminal=True)
    assert text.count("step") == 1
    assert "\x1b[36m" in text
    assert "\x1b[35m" in text


def test_one_point_and_values_that_are_no_numbers():
    assert sum(map(len, map(ink, drawn({"a": [(3, 2.0)]}).splitlines()))) == 1
    assert len(ink("".join(drawn({"a": [(0, 1.0), (1, float("nan")), (2, 1.0)]}).splitlines()))) > 10
    assert "no finite values" in drawn({"a": [(0, float("inf"))]})
