from __future__ import annotations

from importlib.metadata import version

import importlib_metadata as backport  # comes with MLflow, and changes what the standard library gives
import pyarrow as pa
import pytest

from embedworks.corpora.builtin import packages
from embedworks.errors import InputError


def install(folder, name, meta, readme=""):
    """A distribution as an installer leaves it."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + "".join(
        f"{key}: {value}\n" for key, value in meta
    )
    (info / "METADATA").write_text(f"{head}\n{readme}", encoding="utf-8")


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    return tmp_path


def read():
    splits = {split: list(rows) for split, rows in packages.rows(packages.Options()).items()}
    return {row["name"]: row for rows in splits.values() for row in rows}, splits


def test_a_distribution_becomes_a_node_with_its_edges(environment):
    install(
        environment,
        "Web.Thing",
        [
            ("Summary", "Serves things"),
            ("Author-email", '"Ada L." <ada@example.org>'),
            ("License", "MIT License"),
            ("Classifier", "Topic :: Software Development :: Libraries"),
            ("Classifier", "Topic :: Internet :: WWW/HTTP"),
            ("Classifier", "Framework :: AsyncIO"),
            ("Keywords", "web, things"),
            ("Requires-Dist", "Other_Thing>=2"),
            ("Requires-Dist", "elsewhere; sys_platform == 'win32'"),
            ("Requires-Dist", "testing; extra == 'dev'"),
        ],
        "Things are served over the web as fast as they come.\n\n`other-thing` or `nothing` are of use.",
    )
    install(environment, "other-thing", [])
    row = read()[0]["web-thing"]
    assert row["text"] == "Serves things. Things are served over the web as fast as they come."
    assert (row["query"], row["positive"]) == ("Serves things", row["paragraphs"][0])
    assert row["label"] == "Internet"
    assert row["topics"] == ["Internet :: WWW/HTTP", "Software Development :: Libraries"]
    assert row["classifiers"] == ["Framework :: AsyncIO"]
    assert (row["author"], row["licence"], row["keywords"]) == ("Ada L.", "MIT", ["web", "things"])
    assert (row["requires"], row["optional"]) == (["elsewhere", "other-thing"], ["testing"])
    assert row["mentions"] == ["other-thing"]


def test_the_backport_of_importlib_changes_nothing(environment):
    install(environment, "bare", [])
    (item,) = backport.distributions(path=[str(environment)])
    with pytest.raises(KeyError):
        item.metadata["Summary"]
    assert packages._field(item.metadata, "Summary") == ""
    assert packages._field(item.metadata, "Name") == "bare"


def test_a_distribution_that_says_nothing_is_a_node_too(environment):
    install(environment, "bare", [])
    row = read()[0]["bare"]
    assert not any(value for name, value in row.items() if name not in ("name", "id", "version"))
    assert pa.Table.from_pylist([row], schema=packages.SCHEMA).num_rows == 1


def test_families_and_shared_texts_stay_on_one_side(environment):
    paragraph = "This distribution is one of many that all share this very long first paragraph."
    for number in range(12):
        install(environment, f"one{number}", [])
        install(environment, f"big-{number}", [])
    install(environment, "twin", [], paragraph)
    install(environment, "another", [], paragraph)
    found, splits = read()
    side = {row["name"]: split for split, rows in splits.items() for row in rows}
    assert len({side[f"big-{number}"] for number in range(12)}) == 1
    assert side["twin"] == side["another"]
    assert set(side.values()) == {"train", "test"}
    assert len(found) == 26


def test_source_changes_with_a_version(environment):
    install(environment, "one", [])
    before = packages.source(packages.Options())
    install(environment, "two", [])
    assert packages.source(packages.Options()) != before
    assert before.startswith("1 distributions")


def test_an_empty_environment_is_refused(environment):
    with pytest.raises(InputError, match="no distribution is installed"):
        packages.rows(packages.Options())


def test_this_environment_is_read_without_its_own_distribution():
    found, splits = read()
    assert found["numpy"]["version"] == version("numpy")
    assert "numpy" in found["pandas"]["requires"]
    assert "embedworks" not in found
    assert {len(row["id"]) > 0 for row in found.values()} == {True}
    assert not {row["text"] for row in splits["train"]} & {row["text"] for row in splits["test"]} - {""}
    assert not [row["name"] for row in found.values() if " :: " in row["text"]]
