from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.corpora.builtin import docstring_questions
from embedworks.corpora.builtin._python_source import prose
from embedworks.corpora.builtin.docstring_questions import Options, rows
from embedworks.errors import InputError

FUNCTION = '''
def fold{n}(self, width, *, deep=None):
    """Fold{n} a sheet of number {n} along its width, with fold{n}.

    {long} {n}

    Parameters
    ----------
    width : int
        Of the sheet, see :func:`~toy.fold`.

    >>> fold{n}(1, 2)
    3
    """
    return 1

def short{n}(x):
    """Too short."""
'''
LONG = "The sheet is laid on a table and folded once from the left to the right, which takes a while"


@pytest.fixture
def library(tmp_path, monkeypatch) -> Path:
    """A package of 100 functions in modules of ten, with tests that are no part of it."""
    folder = tmp_path / "toylib"
    (folder / "tests").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    for module in range(10):
        code = "\n".join(FUNCTION.format(n=10 * module + n, long=LONG) for n in range(10))
        (folder / f"m{module}.py").write_text(code)
    (folder / "tests" / "test_m.py").write_text(FUNCTION.format(n=777, long=LONG))
    (folder / "broken.py").write_text("def (")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(docstring_questions, "LIBRARIES", {"toylib": "toylib"})
    return folder


def read(labelled: float) -> dict[str, list[dict]]:
    return {split: list(own) for split, own in rows(Options(labelled=labelled)).items()}


def test_a_docstring_becomes_a_question_and_its_answer(library):
    found = {row["id"]: row for own in read(0.8).values() for row in own}
    row = next(row for name, row in found.items() if name.startswith("toylib.m0:fold1:"))
    assert row["query"] == "Fold1 a sheet of number 1 along its width, with ~."
    assert row["title"] == "fold1(width, deep)"
    assert row["passage"] == f"{LONG} 1 Parameters width : int Of the sheet, see toy.fold."
    assert row["positive"] == f"{row['title']} [SEP] {row['passage']}"
    assert row["module"] == "toylib.m0"
    assert len(found) == 100
    assert not any("short" in name or "777" in row["query"] for name, row in found.items())


def test_splits_have_their_shares_and_no_module_on_both_sides(library):
    found = read(0.8)
    assert {split: len(own) for split, own in found.items()} == {"train": 72, "validation": 8, "test": 20}
    labelled = {row["module"] for split in ("train", "validation") for row in found[split]}
    assert not labelled & {row["module"] for row in found["test"]}


def test_a_smaller_share_is_part_of_a_larger_one_and_of_one_percent_a_tenth_is_validation(library):
    few, many = read(0.15), read(0.8)
    assert {split: len(own) for split, own in few.items()} == {
        "train": 13,
        "validation": 2,
        "test": 80,
        "unused": 5,
    }
    ids = [
        {row["id"] for split in ("train", "validation") for row in found[split]} for found in (few, many)
    ]
    assert ids[0] < ids[1]
    tests = [{row["id"] for row in found["test"]} for found in (few, many)]
    assert tests[0] > tests[1]
    everything = {row["id"] for own in few.values() for row in own}
    assert everything == {row["id"] for own in many.values() for row in own}


def test_a_question_that_stands_for_two_functions_is_left_out(library):
    code = FUNCTION.format(n=5, long=LONG + " longer").replace("with fold5", "with fold7")
    twice = code + code.replace("fold5(", "fold6(").replace(LONG, "Another text " + LONG)
    (library / "m0.py").write_text(twice)
    found = [row for own in read(0.5).values() for row in own]
    assert len(found) == 90


def test_prose_has_no_examples_and_no_markup():
    text = "Sum ``a`` and :obj:`b`.\n\n:param a: first\n=====\n>>> sum(1)\n2\n\nDone."
    assert prose(text) == "Sum a and b. a first Done."


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(docstring_questions, "LIBRARIES", {"nolib": "nolib_at_all"})
    with pytest.raises(InputError, match="nolib_at_all is not installed"):
        rows(Options())
