"""What suites stand for, and whether the data of the offline suite is what its digests say."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.errors import InputError
from embedworks.evaluation.find import find_task, task_names
from embedworks.evaluation.suites import (
    FURTHER,
    IMAGE_FAMILIES,
    TEXT_FAMILIES,
    describe,
    expand,
    family_means,
)

DIGESTS = json.loads((Path(__file__).parents[2] / "docs/suite.json").read_text())
QUICK = ("cldr-names", "emoji-names", "python-docs")  # built in a second or two


def test_the_offline_suite_is_all_of_our_tasks_but_the_further_ones() -> None:
    suite = expand(["offline"], pictures=True)
    assert sorted(suite) == sorted(DIGESTS)
    assert sorted([*suite, *FURTHER]) == task_names()
    texts = expand(["offline", "python-docs-topics"], pictures=False)
    assert texts == [task for tasks in TEXT_FAMILIES.values() for task in tasks]
    assert not {task for tasks in IMAGE_FAMILIES.values() for task in tasks} & set(texts)


def test_benchmarks_of_mteb_are_suites_by_their_names() -> None:
    tasks = expand(["nanobeir", "STS12"], pictures=False)
    assert len(tasks) == 14
    assert tasks[0] == "NanoBEIR/NanoArguAnaRetrieval"
    assert find_task(tasks[0]).build({}).metadata.name == "NanoArguAnaRetrieval"
    languages = "MTEB(eng, v2)/STS22.v2"
    assert find_task(languages).build({}).hf_subsets == ["en"]  # of many, as the benchmark says
    with pytest.raises(InputError, match="did you mean 'NanoBEIR/NanoSCIDOCSRetrieval'"):
        find_task("NanoBEIR/NanoSCIDOCS")
    with pytest.raises(InputError, match=r"unknown benchmark 'NanoBIER'.*did you mean 'NanoBEIR'"):
        find_task("NanoBIER/NanoArguAnaRetrieval")


def test_means_are_over_whole_families_without_what_varies() -> None:
    values = dict.fromkeys(TEXT_FAMILIES["similarity"], 0.5) | {"dictionary-subjects": 0.4}
    values |= {"python-docs-retrieval": 1.0, "package-topics": 0.9}
    assert family_means(values) == {"similarity": 0.5, "classification": 0.4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora")
    return cache(lambda name: open_corpus(ensure_corpus(name, root)))


@pytest.mark.parametrize("task", [name for name in DIGESTS if set(find_task(name).corpora) <= set(QUICK)])
def test_the_data_is_what_the_digests_say(task, corpus) -> None:
    source = find_task(task)
    opened = {name: corpus(name) for name in source.corpora}
    found = describe(source.build(opened), opened)
    if found["made_from"] != DIGESTS[task]["made_from"]:
        pytest.skip(f"made from {found['made_from']}, the digests from {DIGESTS[task]['made_from']}")
    assert found == DIGESTS[task]
