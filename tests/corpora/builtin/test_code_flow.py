from __future__ import annotations

import ast
from collections import Counter
from textwrap import dedent

import pytest

from embedworks.corpora.builtin._stdlib_code.flow import data_flow
from embedworks.corpora.builtin._stdlib_code.places import Places, comments


def analyse(code, shown=None):
    lines = dedent(code).strip("\n").splitlines()
    function = ast.parse("\n".join(lines)).body[0]
    places = Places(lines, range(1, (shown or len(lines)) + 1), 0)
    return data_flow(function, places), places


def flow(code, shown=None):
    """Each occurrence as its text and its number among equal ones (``x2``), with those it comes from."""
    variables, places = analyse(code, shown)
    names, count = [], Counter()
    for variable in variables:
        text = places.text[slice(*variable.span)]
        count[text] += 1
        names.append(f"{text}{count[text]}" if text.isidentifier() else text)
    return {
        name: [names[source] for source in variable.sources]
        for name, variable in zip(names, variables, strict=True)
    }


def test_figure_of_the_paper_has_eleven_occurrences_with_its_literal():
    found = flow(
        """
        def max(a, b):
            x = 0
            if b > a:
                x = b
            else:
                x = a
            return x
        """
    )
    assert list(found) == ["a1", "b1", "x1", "0", "b2", "a2", "x2", "b3", "x3", "a3", "x4"]
    assert found["x4"] == ["x2", "x3"]  # of the branches, not the first one
    assert found["x1"] == ["0"]
    assert found["b2"] == ["b1"]
    assert found["x2"] == ["b3"]
    assert found["a1"] == []


def test_without_else_what_was_before_reaches_the_end_too():
    found = flow("def f(c):\n    x = 1\n    if c:\n        x = 2\n    return x")
    assert found["x3"] == ["x1", "x2"]


def test_loop_carries_values_into_its_next_round():
    found = flow("def f(c):\n    x = 1\n    while c:\n        y = x\n        x = y\n    return x")
    assert found["x2"] == ["x1", "x3"]
    assert found["x3"] == ["y2"]
    assert found["x4"] == ["x1", "x3"]


def test_loop_variable_comes_from_what_is_iterated():
    found = flow("def f(rows):\n    for row in rows:\n        print(row)\n    return row")
    assert found["row1"] == ["rows2"]
    assert found["row2"] == ["row1"]
    assert found["row3"] == ["row1"]


def test_augmented_assignment_comes_from_both():
    found = flow("def f(a):\n    n = 1\n    n += a\n    return n")
    assert found["n2"] == ["n1", "a2"]
    assert found["n3"] == ["n2"]


def test_call_gives_its_function_and_arguments():
    found = flow("def f(x, y):\n    z = join(x, sep=y)\n    return z")
    assert found["z1"] == ["join1", "x2", "y2"]


def test_tuples_of_one_length_are_assigned_part_by_part_from_the_old_values():
    found = flow("def f(a, b):\n    a, b = b, a\n    return a")
    assert found["a2"] == ["b3"]
    assert found["b2"] == ["a3"]
    assert found["b3"] == ["b1"]
    assert found["a4"] == ["a2"]


def test_unpacking_gives_every_part_the_whole():
    found = flow("def f(pair):\n    a, *b = pair\n    return b")
    assert found["a1"] == ["pair2"]
    assert found["b1"] == ["pair2"]


def test_attribute_comes_from_its_assignment_or_else_from_its_object():
    found = flow("def f(self, x):\n    self.n = x\n    y = self.n\n    return self.other.part")
    assert found["n1"] == ["x2"]
    assert found["n2"] == ["n1"]
    assert found["y1"] == ["self3", "n2"]
    assert found["other1"] == ["self4"]
    assert found["part1"] == ["other1"]


def test_an_object_assigned_anew_forgets_its_attributes():
    found = flow("def f(a, b):\n    a.n = 1\n    a = b\n    return a.n")
    assert found["n2"] == ["a4"]


def test_setting_an_element_makes_the_whole_come_from_it():
    found = flow("def f(d, k, v):\n    d[k] = v\n    return d")
    assert found["d2"] == ["d1", "v2"]
    assert found["d3"] == ["d2"]


def test_comprehension_binds_before_its_element_and_keeps_its_names_to_itself():
    found = flow("def f(x, rows):\n    y = [x + 1 for x in rows if x]\n    return x, y")
    assert found["x2"] == ["x3"]
    assert found["x3"] == ["rows2"]
    assert found["x4"] == ["x3"]
    assert found["x5"] == ["x1"]


def test_nested_function_sees_what_is_around_it_and_shadows_nothing():
    found = flow(
        """
        def f(x):
            def inner(x, y=x):
                return x + y
            return inner(x)
        """
    )
    assert found["y1"] == ["x3"]
    assert found["x3"] == ["x1"]
    assert found["x4"] == ["x2"]
    assert found["x5"] == ["x1"]
    assert found["inner2"] == ["inner1"]


def test_try_with_match_and_import_define_names():
    found = flow(
        """
        def f(path, kind):
            import os.path as where
            try:
                with open(path) as file:
                    text = file.read()
            except OSError as error:
                text = error
            match kind:
                case [first, *rest]:
                    text = where
            return text, first, rest
        """
    )
    assert found["file1"] == ["open1", "path2"]  # a part of a module's name is none
    assert found["error2"] == ["error1"]
    assert found["text4"] == ["text1", "text2", "text3"]
    assert found["first2"] == ["first1"]
    assert found["rest1"] == ["kind2"]
    assert found["where2"] == ["where1"]


def test_positions_are_characters_after_letters_of_several_bytes():
    found = flow("def f(ä):\n    s = 'é', ä\n    return s")
    assert found["s1"] == ["'é'", "ä2"]


def test_what_is_cut_off_is_neither_an_occurrence_nor_a_source():
    code = "def f(a):\n    b = a\n    c = b\n    return c"
    assert flow(code, shown=2) == {"a1": [], "b1": ["a2"], "a2": ["a1"]}


def test_what_has_no_source_and_is_none_is_left_out():
    assert flow("def f(a):\n    print('hello')\n    return 1") == {}


def test_local_are_names_that_the_function_defines_wherever_they_occur():
    variables, places = analyse("def f(self, x=None):\n    y = open(x)\n    self.y = y\n    return self.y")
    found = [places.text[slice(*variable.span)] for variable in variables if variable.local]
    assert found == ["self", "x", "y", "x", "self", "y", "self"]


def test_what_an_attribute_was_comes_from_its_object():
    found = flow("def f(self, n):\n    self.total += n\n    return self.total")
    assert found["total1"] == ["self2", "n2"]
    assert flow("def f(self, n):\n    k = n\n    self.total += k", shown=2) == {
        "n1": [],
        "k1": ["n2"],
        "n2": ["n1"],
    }


def test_nothing_comes_from_itself():
    found = flow("def f(n):\n    for _ in n:\n        n += 1\n    return n")
    assert found["n3"] == ["n1", "1"]


def test_comments_are_found_in_code_that_is_cut_but_not_within_strings():
    code = 'def f(a):  # why\n    b = "# no"\n    c = (a,  # open'
    assert [code[start:end] for start, end in comments(code)] == ["# why", "# open"]


@pytest.mark.parametrize("code", ["def f():\n    pass", "def f(a, *, b=1, **rest):\n    lambda q=a: q"])
def test_parameters_of_any_kind(code):
    found = flow(code)
    assert all(source in found for sources in found.values() for source in sources)
