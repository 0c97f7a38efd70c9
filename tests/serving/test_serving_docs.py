"""The snippets of docs/serving.md: requests over a real socket, with a key; configurations; commands."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.reading import load_config, parse_config
from helpers.asgi import tiny_api
from helpers.commands import unknown_options
from helpers.snippets import ADDRESS, Page, curl, listening
from helpers.tiny import tiny_model

PAGE = Page("serving.md")


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint that asks for the key that the snippets find in their environment."""
    token, key = make_key("alice")
    monkeypatch.setenv("KEY", token)
    api = tiny_api(tiny_model(), Gate([key]), name="docs")[0]
    api._rooms = {"docs": api._rooms["tiny"]}
    with listening(api) as address:
        yield address


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl(address: str) -> None:
    (text,) = PAGE.of("bash", "curl")
    assert len(curl(text.strip(), address)["data"]) == 2  # type: ignore[index]


def test_python(address: str) -> None:
    names: dict[str, Any] = {}
    for text in PAGE.of("python"):
        exec(text.replace(ADDRESS, address), names)
    model = tiny_model()
    expected = model.encode(["What does yield do?"]).numpy()[0]
    np.testing.assert_allclose(names["vector"], expected, atol=1e-5)
    np.testing.assert_allclose(names["query"], expected, atol=1e-5)
    documents = model.encode(["How to sort a list", "How to open a file"]).numpy()
    np.testing.assert_allclose(names["documents"], documents, atol=1e-5)


@pytest.mark.parametrize("text", PAGE.of("yaml"))
def test_configurations(text: str) -> None:
    config = parse_config(yaml.safe_load(text), "serving.md")
    assert config.models or config.indexes


def test_the_shipped_one_for_production() -> None:
    config = load_config(Path(__file__).parents[2] / "serve" / "production.yaml")
    assert [model.pool for model in config.models] == [None, "small", "small"]


@pytest.mark.parametrize("line", re.findall(r"^embedworks .*", "\n".join(PAGE.of("bash")), re.MULTILINE))
def test_commands_have_these_names_and_options(line: str) -> None:
    assert not unknown_options(line)
