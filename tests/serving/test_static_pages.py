"""The playground's static files: what is there, how it is sent, and what cannot be reached."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from embedworks.errors import InputError
from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.pages import FOLDER, load_pages, read_report
from embedworks.serving.tasks import builtin_tasks


def get(
    api: Api, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[int, bytes, dict[str, str]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    raw = [(key.encode(), value.encode()) for key, value in (headers or {}).items()]
    asyncio.run(api({"type": "http", "method": method, "path": path, "headers": raw}, receive, send))
    told = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], sent[1]["body"], told


def test_the_page_is_at_the_root_for_everybody() -> None:
    api = Api({}, Gate([make_key("alice")[1]]))
    status, body, headers = get(api, "/")
    assert (status, body) == (200, (FOLDER / "index.html").read_bytes())
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert get(api, "/v1/models")[0] == 401, "the page is open, what it asks is not"


def test_its_policy_lets_nothing_in_from_elsewhere() -> None:
    policy = get(Api({}), "/")[2]["content-security-policy"]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules.values()) == {"'none'", "'self'"}
    assert {name for name, value in rules.items() if value == "'self'"} == {
        f"{kind}-src" for kind in ("script", "style", "img", "font", "connect")
    }


def test_every_file_is_sent_with_its_type_and_not_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("index.html", "app.js", "app.css", "logo.svg", "notes.txt", ".hidden.js"):
        (tmp_path / name).write_text(name)
    api = Api({})
    monkeypatch.setattr(api, "_pages", load_pages(tmp_path))
    types = {"app.js": "text/javascript", "app.css": "text/css", "logo.svg": "image/svg+xml"}
    for name, kind in types.items():
        status, body, headers = get(api, f"/playground/{name}")
        assert (status, body) == (200, name.encode())
        assert headers["content-type"].startswith(kind)
        assert headers["cache-control"] == "no-cache"
        for given in (headers["etag"], f'"other", W/{headers["etag"]}', f'"a",{headers["etag"]}'):
            status, body, again = get(api, f"/playground/{name}", {"if-none-match": given})
            assert (status, body, again["etag"]) == (304, b"", headers["etag"])
        assert get(api, f"/playground/{name}", {"if-none-match": '"other"'})[0] == 200
        assert get(api, f"/playground/{name}", method="POST")[0] == 405
    assert get(api, "/playground/notes.txt")[0] == 404
    assert len({page.headers["etag"] for page in api._pages.values()}) == len(api._pages)


@pytest.mark.parametrize(
    "path",
    [
        "/playground",
        "/playground/",
        "/playground/../config.py",
        "/playground/..",
        "/playground/%2e%2e/config.py",
        "/playground//etc/passwd",
        "/playground/./index.html",
        "/playground/x\0",
        "/playground/index.html/x",
        "/index.html",
        "/config.py",
    ],
)
def test_nothing_else_can_be_reached(path: str) -> None:
    status, body, headers = get(Api({}), path)
    assert (status, headers["content-type"]) == (404, "application/json")
    assert b"unknown path" in body


PAGE = "<!DOCTYPE html><title>All against all</title>"


def test_a_report_is_served_to_those_who_may_ask() -> None:
    key, entry = make_key("alice")
    api = Api({})
    assert get(api, "/report")[0] == 404
    api.configure(Gate([entry]), builtin_tasks(), report=PAGE)
    assert get(api, "/report")[0] == 401
    bearer = {"authorization": f"Bearer {key}"}
    status, body, headers = get(api, "/report", bearer)
    assert (status, body, headers["content-type"]) == (200, PAGE.encode(), "text/html; charset=utf-8")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert get(api, "/report", {**bearer, "if-none-match": headers["etag"]})[0] == 304
    assert get(api, "/report", bearer, method="POST")[0] == 405
    assert b'"/report"' in get(api, "/openapi.json")[1]
    assert b'"/report"' not in get(Api({}), "/openapi.json")[1]


def test_a_report_is_read_from_its_folder_or_file(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(PAGE)
    assert read_report(tmp_path) == read_report(tmp_path / "report.html") == PAGE
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(InputError, match="no HTML page"):
        read_report(tmp_path / "notes.txt")
    with pytest.raises(InputError, match=r"no report at .*/none'"):
        read_report(tmp_path / "none")


def test_it_can_be_turned_off() -> None:
    api = Api({})
    api.configure(Gate(), builtin_tasks(), playground=False)
    assert get(api, "/")[0] == 404
    assert b'"/playground/{file}"' not in get(api, "/openapi.json")[1]
    assert b'"/playground/{file}"' in get(Api({}), "/openapi.json")[1]
    assert load_pages(Path("/nowhere")) == {}
