"""What is read of a dictionary: definitions without their headword, an entry for each headword."""

from __future__ import annotations

from embedworks.transforms.definitions import entries_of, hide


def test_the_headword_is_hidden_whole_and_in_any_case():
    assert hide("Birds: a bird, birdlike. BIRDES", "bird", "[MASK]") == "[MASK]: a [MASK], birdlike. [MASK]"
    assert hide("cream of ice; ice creams", "ice cream", "~") == "cream of ice; ~"
    assert hide("a suffix, -able", "-able", "~") == "a suffix, ~"
    assert hide("nothing here", "bird", "~") == "nothing here"


def test_definitions_are_masked_dropped_or_kept_and_never_the_headword_alone():
    rows = [
        {"headword": "bird", "definitions": ["a bird sings", "it sings", "bird.", "Birds"]},
        {"headword": "sun", "definitions": ["the sun"]},
    ]
    found = {how: entries_of(rows, "[MASK]", how) for how in ("mask", "drop", "keep")}
    assert found["mask"] == {"bird": ["a [MASK] sings", "it sings"], "sun": ["the [MASK]"]}
    assert found["drop"] == {"bird": ["it sings"]}
    assert found["keep"] == {"bird": ["a bird sings", "it sings"], "sun": ["the sun"]}


def test_rows_of_one_headword_are_one_entry_and_repeated_definitions_count_once():
    rows = [{"headword": "bird", "definitions": [text]} for text in ("it sings", "it flies", "it sings")]
    assert entries_of(rows, "~") == {"bird": ["it sings", "it flies"]}
    assert entries_of(rows, "~", most=1) == {"bird": ["it sings"]}
