from __future__ import annotations

import subprocess
import sys

import pytest

from embedworks.errors import InputError
from embedworks.evaluation.find import find_task, task_names

TASKS = [
    "cldr-names-crosslingual",
    "dialogs-actions",
    "dialogs-flow",
    "dictionary-parts-of-speech",
    "dictionary-similarity",
    "dictionary-subject-clusters",
    "dictionary-subjects",
    "docstring-questions-retrieval",
    "emoji-concepts",
    "emoji-group-similarity",
    "emoji-groups",
    "emoji-name-similarity",
    "emoji-names-crosslingual",
    "noisy-scenes-neighbours",
    "noisy-scenes-retrieval",
    "openmoji-categories",
    "openmoji-neighbours",
    "openmoji-retrieval",
    "package-topics",
    "python-docs-retrieval",
    "python-docs-similarity",
    "python-docs-topics",
    "reverse-dictionary",
    "stdlib-code-search",
    "stdlib-docstring-search",
    "stdlib-modules",
    "stdlib-package-search",
]


def test_every_task_module_answers_to_its_name() -> None:
    assert task_names() == TASKS
    for name in task_names():
        source = find_task(name)
        assert source.name == name
        assert source.corpora


def test_mtebs_text_tasks_are_known_and_need_no_corpus() -> None:
    source = find_task("NFCorpus")
    assert source.corpora == ()
    assert source.build({}).metadata.name == "NFCorpus"


def test_an_unknown_task_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'NFCorpus'"):
        find_task("NFCorpuss")
    with pytest.raises(InputError, match="did you mean 'stdlib-code-search'"):
        find_task("stdlib_code_search")


def test_finding_an_own_task_does_not_import_mteb() -> None:
    code = (
        "import sys; from embedworks.evaluation.find import find_task;"
        "find_task('python-docs-similarity'); sys.exit('mteb' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
