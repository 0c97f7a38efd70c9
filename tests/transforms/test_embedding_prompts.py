"""The published prompts have the forms that make them what they are."""

from __future__ import annotations

import pytest

from embedworks.transforms.embedding_prompts import (
    METAEOL,
    PROMPTEOL,
    PROMPTS,
    with_example,
    with_placeholder,
)
from embedworks.transforms.templates import Template, templates_of

ONE_WORD = ("prompteol", "pret-cot", "ke", "promptreps")


def test_prompteol_is_the_official_one():
    assert PROMPTEOL == 'This sentence : "{sentence}" means in one word:"'
    assert with_placeholder("<PST>") == 'This sentence : <PST> "{sentence}" means in one word:"'


@pytest.mark.parametrize("name", ONE_WORD)
def test_an_open_quotation_mark_asks_for_a_word(name):
    template = Template.of(PROMPTS[name])
    assert len(template.pieces) == 2
    assert template.pieces[1].endswith(':"') or template.pieces[1].endswith(': "')
    assert template.is_sentence


def test_metaeol_has_eight_tasks():
    assert templates_of(PROMPTS["metaeol"]) == list(METAEOL)
    assert len(set(METAEOL)) == 8
    for prompt in METAEOL:
        assert prompt.count('For this task , this sentence : "{sentence}"') == 1
        assert prompt.endswith(' in one word:"')


def test_echo_says_the_text_twice_and_ends_with_it():
    assert Template.of(PROMPTS["echo"]).pieces == ("Query: ", " Query again: ", "")


def test_a_demonstration_is_prepared_and_closed():
    shown = with_example('who says "yap"?', "puppy")
    assert shown == f"""This sentence : "who says 'yap'." means in one word:"puppy". {PROMPTEOL}"""
