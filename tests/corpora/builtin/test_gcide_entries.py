from __future__ import annotations

import json

import pytest

from embedworks.corpora.builtin._dictionary.entries import read_letter
from embedworks.corpora.builtin._dictionary.lexicon import read_lexicon


def part(*definitions, pos="n.", etymology="", **more):
    texts = [{"text": text, "examples": list(examples)} for text, *examples in definitions]
    return {"etymology": etymology, "part_of_speech": pos, "definitions": texts} | more


@pytest.fixture
def read(tmp_path):
    def entries(**words):
        found = {word: {"entry": word, "pos": parts} for word, parts in words.items()}
        (tmp_path / "words_Q.json").write_text(json.dumps(found))
        return list(read_letter(tmp_path, "q"))

    return entries


def test_an_etymology_that_was_taken_from_the_next_entry_is_given_back(read):
    taken = "[L. quatere to shake.]"
    own, borrowed, last = read(
        qua=[part(["A thing."], etymology="[F. quoi.]")],
        quab=[part(["A fish."], etymology=taken)],
        quake=[part(["To shake."], pos="v. i.", etymology=taken)],
    )
    assert [entry.etymology for entry in (own, borrowed, last)] == ["F. quoi.", "", "L. quatere to shake."]


def test_several_words_lose_a_part_of_speech_that_may_be_the_next_ones(read):
    lens, quick, knight = read(
        **{
            "q lens": [part(["A lens."], pos="v. t.")],
            "quicken": [part(["To enliven."], pos="v. t.")],
            "q knight": [part(["A knight."])],
        }
    )
    parts = [entry.senses[0].part_of_speech for entry in (lens, quick, knight)]
    assert parts == ["", "verb", "noun"]


def test_what_was_cut_or_fused_is_left_out_but_its_author_stays(read):
    (entry,) = read(
        quail=[
            part(
                [
                    "A bird of the field.",
                    "The quail runs where the corn is high.",
                    "Amongst the stars, that shonequails.",
                    "With parted spears, and Milton.1913 Webster]",
                ],
                ["A fish of the family Cyprinid\n[1913 Webster]"],
            )
        ]
    )
    assert [sense.text.text for sense in entry.senses] == ["A bird of the field."]
    assert entry.senses[0].quotations == ("The quail runs where the corn is high.",)
    assert entry.authors == ("Milton",)


def test_phrases_are_read_with_labels_and_senses_and_pointers_are_not(read):
    explained = (
        "Bilge keel (Naut.), a keel peculiar to ironclads. Ham. Nav. Encyc. -- False keel. See under False."
        " -- Keel boat. (a) A covered freight boat. [U. S.] (b) A low boat without any deck. "
        "-- To keel over, to turn wrong side up."
    )
    entry, *phrases = read(quay=[part(["A wharf."], cs=explained)])
    assert entry.headword == "quay"
    assert [(phrase.headword, phrase.parent) for phrase in phrases] == [
        ("bilge keel", "quay"),
        ("keel boat", "quay"),
        ("to keel over", "quay"),
    ]
    bilge, boat, over = phrases
    assert bilge.senses[0].text.labels == ("Naut.",)
    assert bilge.senses[0].text.text == "a keel peculiar to ironclads."
    assert [sense.text.text for sense in boat.senses] == [
        "A covered freight boat.",
        "A low boat without any deck.",
    ]
    assert over.senses[0].part_of_speech == "verb"


def test_articles_that_were_taken_for_headwords_are_none(read):
    assert read(**{"q\nq* (, n. the state of being a [r.]\n[1913 webster]": [part(["A state."])]}) == []


def test_forms_stand_for_their_words_and_all_of_a_word_is_held_out_together(read):
    words = {f"q{number}": [part([f"Thing number {number}."])] for number in range(40)}
    entries = read(
        **words,
        qat=[part(["A plant that is chewed."])],
        qats=[part(["More than one of that plant."])],
        khat=[part(["A plant that is chewed."])],
        quat=[part(["See Qat."])],
        lost=[part(["See Nowhere."])],
    )
    for seed in range(8):
        lexicon = read_lexicon(entries, 0.3, seed)
        assert len({word in lexicon.test for word in ("qat", "qats", "khat")}) == 1
        assert lexicon.known["quat"] == "qat"
        assert lexicon.variants == {"qat": ("quat",)}
        assert "lost" not in lexicon.known
        assert 0 < len(lexicon.test) <= 0.3 * 43
