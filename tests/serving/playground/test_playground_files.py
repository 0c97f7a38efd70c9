"""The playground's files as such: small, whole in themselves, nothing inline."""

from __future__ import annotations

import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.main import get_command

from embedworks.cli.main import app
from embedworks.serving.pages import FOLDER, TYPES, load_pages
from helpers.asgi import tiny_api
from helpers.browser import chromium
from helpers.snippets import Page
from helpers.tiny import tiny_model

FILES = sorted(FOLDER.iterdir())
SCRIPTS = [file for file in FILES if file.suffix == ".js"]
ALL_BYTES, FILE_BYTES = 120_000, 12_000
DOCS = Page("playground.md")
NAMESPACE = "http://www.w3.org/2000/svg"


class Seen(HTMLParser):
    """What the page's markup has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def page() -> Seen:
    seen = Seen()
    seen.feed((FOLDER / "index.html").read_text())
    return seen


def test_files_are_few_and_small():
    sizes = {file.name: file.stat().st_size for file in FILES}
    assert all(file.suffix in TYPES for file in FILES), sizes
    assert sum(sizes.values()) <= ALL_BYTES, sizes
    assert max(sizes.values()) <= FILE_BYTES, sizes


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_asked_of_another_server(file: Path):
    text = file.read_text().replace(NAMESPACE, "")
    assert re.findall(r"\w+://(?!127\.0\.0\.1)[^\s\"'`]+|[\"'(]//\w+|@import|data:\w+/", text) == []


def test_the_page_has_nothing_inline(page: Seen):
    assert page.inline == []
    assert [tag for tag, _ in page.tags if tag == "style"] == []
    names = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in names if name == "style" or name.startswith("on")}


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_scripts_make_no_markup_and_run_no_text(file: Path):
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|[\"']style[\"']"
    )
    assert re.findall(forbidden, file.read_text()) == []


def test_every_file_is_used_and_every_use_is_there(page: Seen):
    asked = {attributes.get("src") or attributes.get("href") for _, attributes in page.tags} - {None}
    used = {"index.html", *(name.removeprefix("playground/") for name in asked)}
    for script in SCRIPTS:
        used |= set(re.findall(r'from "\./([\w-]+\.js)"', script.read_text()))
    assert used == {file.name for file in FILES}


def test_every_part_that_a_script_asks_for_is_in_the_page(page: Seen):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for script in SCRIPTS:
        assert set(re.findall(r'byId\("([\w-]+)"\)', script.read_text())) <= set(ids), script.name


def test_they_are_served_under_a_policy_that_runs_nothing_else():
    pages = load_pages()
    assert {path.removeprefix("/playground/") or "index.html" for path in pages} == {f.name for f in FILES}
    policy = pages[""].headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    api, room = tiny_api(tiny_model())
    assert {"", "/playground/main.js"} <= set(api._pages)
    room.close()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_without_a_browser_tests_are_skipped_but_in_ci_they_fail(ci, outcome, monkeypatch):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(outcome, match="chromium"), chromium():
        pass


def commands() -> list[str]:
    """Those of the page without an index, and of docs/playground.md."""
    told = re.findall(r"<pre><code>(.*?)</code>", (FOLDER / "index.html").read_text(), re.DOTALL)
    joined = "\n".join([*told, *DOCS.of("bash")]).replace("\\\n", " ")
    return re.findall(r"^embedworks .*", joined, re.MULTILINE)


@pytest.mark.parametrize("line", commands())
def test_commands_that_are_told_have_these_options(line: str):
    name, *rest = shlex.split(line)[1:]
    command = get_command(app).commands[name]
    if name == "serve":  # `serve SOURCE` is `serve deploy SOURCE`
        command = command.commands["deploy"]
    known = {option for each in command.params for option in each.opts}
    assert {word for word in rest if word.startswith("--")} <= known
