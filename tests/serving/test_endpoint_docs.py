"""The snippets of docs/endpoints.md, run against an endpoint over a real socket."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from embedworks.cli import serve
from embedworks.serving.asgi import Api
from embedworks.serving.config import ServeConfig, Served
from embedworks.serving.deployments import LocalRoom
from embedworks.serving.searching.deployment import LocalIndex
from embedworks.serving.tasks import find_tasks
from helpers.asgi import post, tiny_api
from helpers.indexes import small_index
from helpers.pictures import picture, tiny_dual
from helpers.searching import index_room
from helpers.snippets import ADDRESS, Page, curl, listening
from helpers.tiny import tiny_model

PAGE = Page("endpoints.md")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dual")
    tiny_dual(folder)
    about: dict[str, Any] = {"source": "x", "created": 5, "precision": "fp32"}
    pictures = LocalRoom(Served(name="pictures", folder=folder, **about))
    texts = LocalRoom.__new__(LocalRoom)
    model = tiny_model(pairs=((2, 16), (4, 32)))
    texts.room = tiny_api(model, name="docs")[1]
    index = index_room(small_index(tmp_path_factory.mktemp("indexes")))
    named = LocalRoom.__new__(LocalRoom)
    names = tuple(f"concept {number}" for number in range(32))
    model = tiny_model(normalize=False, dimension_names=names, calibration=(5.0, -2.0))
    named.room = tiny_api(model, name="concepts")[1]
    rooms = {"docs": texts, "pictures": pictures, "concepts": named}
    api = Api(rooms, tasks=find_tasks(["dialog2flow", "sesa"]), indexes={"docs": LocalIndex(index)})
    with listening(api) as address:
        yield address


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("text", PAGE.of("bash", "curl"))
def test_curl(text: str, address: str) -> None:
    for command in re.split(r"\n(?=curl)", text.strip()):
        assert "error" not in curl(command, address)  # type: ignore[operator]


def test_python(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cat.png").write_bytes(picture(0))
    names: dict[str, Any] = {}
    snippets = [text for text in PAGE.of("python") if "TASKS" not in text]
    for text in snippets:
        exec(text.replace(ADDRESS, address), names)
    assert len(snippets) == 6
    assert len(names["vector"]) == 16
    assert len(names["answer"].data) == 2
    assert names["names"] == ["docs", "pictures", "concepts"]
    assert names["about"]["pairs"] == [[2, 16], [4, 32]]
    assert names["best"] in ("sorted(x)", "open(x)")


def test_a_task_of_your_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = PAGE.of("python", "TASKS")
    (tmp_path / "odd_one_out.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    shutil.move(tmp_path / "odd_one_out.py", tmp_path / "package" / "module.py")
    api, _ = tiny_api(tiny_model(), tasks=find_tasks(["package.module"]))
    texts = ["the cat", "red stone river", "the cat"]
    assert post(api, "tasks/odd-one-out", texts=texts)[1] == {"index": 1}


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (text,) = PAGE.of("bash", "serve keys add")
    for line in text.strip().splitlines():
        result = CliRunner().invoke(serve.group, line.removeprefix("embedworks serve ").split())
        assert result.exit_code == 0, result.output


def test_limits_are_the_defaults() -> None:
    (text,) = PAGE.of("yaml", "limits:")
    values = yaml.safe_load(text)
    config = ServeConfig.model_validate(values)
    plain = ServeConfig.model_validate(
        {"models": [{key: values["models"][0][key] for key in ("name", "source")}]}
    )
    assert config == plain
