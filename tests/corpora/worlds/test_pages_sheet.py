from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from page_rows import KINDS, SET, differing, page, rows, world

from embedworks.corpora.drawings.png import decode_png
from embedworks.corpora.worlds._pages.words import draw_word


@pytest.mark.parametrize("kind", SET)
def test_an_elements_box_is_around_what_it_alone_leaves_on_the_paper(kind):
    for index in range(6):
        drawn = page(kind, index)
        boxes, _ = drawn.boxes
        blank_HW3 = drawn.sheet.paint([])
        for number, box in enumerate(boxes):
            alone_HW3 = drawn.sheet.paint(drawn.sheet.inside(number))
            assert differing(alone_HW3, blank_HW3) == list(box), drawn.sheet.elements[number]


@pytest.mark.parametrize("kind", SET)
def test_without_a_word_the_page_differs_in_its_box_alone(kind):
    for index in range(3):
        drawn = page(kind, index)
        sheet, row = drawn.sheet, world(kinds=(kind,)).row("train", index)
        whole_HW3 = decode_png(row["image"])
        np.testing.assert_array_equal(whole_HW3, sheet.paint())
        for number, word in enumerate(row["words"]):
            rest = replace(sheet, words=sheet.words[:number] + sheet.words[number + 1 :])
            assert differing(rest.paint(), whole_HW3) == word["box"], word["text"]


@pytest.mark.parametrize("askew", [False, True])
def test_a_words_box_is_where_it_hides_its_ground(askew):
    for index in range(20):
        rng = np.random.default_rng(index)
        crop = draw_word(rng, "jigsaw", "DejaVuSerif-Italic", 32, ((250, 240, 230), (20, 60, 20)), askew)
        assert differing(crop.picture_HW3, crop.ground_HW3) == list(crop.box)


def test_a_word_row_tells_the_box_of_its_crop():
    for row in rows("word", askew=0, colour=False):
        picture_HW3 = decode_png(row["image"])
        assert differing(picture_HW3, np.full_like(picture_HW3, 255)) == row["elements"][0]["box"]
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
