from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from embedworks.cli import search_answers
from embedworks.cli.main import exit_code
from embedworks.cli.search import lines_of
from embedworks.cli.search_conditions import parse_where
from embedworks.errors import InputError
from embedworks.inference.backends import opening
from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.searching.deployment import LocalIndex
from helpers.indexes import SmallIndex, small_index, texts
from helpers.searching import index_room
from helpers.snippets import listening


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return small_index(tmp_path_factory.mktemp("search"))


def run(monkeypatch, capsys, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["embedworks", "search", *map(str, arguments)])
    code = exit_code()
    out = capsys.readouterr()
    return code, out.out, out.err


def test_a_folder_is_searched_with_its_own_model(index, monkeypatch, capsys):
    row = texts()[8]
    where = ["--where", f"topic={row['topic']}", "--where", "year>=2000", "-k", 2]
    code, out, _ = run(monkeypatch, capsys, index.path, row["text"], "the moon", *where, "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["model"] == str(index.models[0])
    assert (answer["index"], answer["layers"], answer["dimensions"]) == ("docs", 4, 32)
    first, second = answer["data"]
    assert first["hits"][0]["id"] == 8
    assert first["hits"][0]["score"] == pytest.approx(1, abs=1e-3)
    assert first["hits"][0]["row"] == row
    assert {hit["row"]["topic"] for hit in second["hits"]} == {row["topic"]}
    assert len(second["hits"]) == 2


def test_a_person_sees_the_text_and_what_stands_beside_it(index, monkeypatch, capsys):
    row = texts()[3]
    options = ("--layers", 2, "--dimensions", 16, "--columns", "title, text", "-k", 1)
    code, out, err = run(monkeypatch, capsys, index.path, row["text"], *options)
    assert code == 0
    assert out.splitlines() == [row["text"], f"  1  1.000  #3  {row['title']}", f"     {row['text']}"]
    assert "2 layers x 16 dimensions, exact" in err
    assert run(monkeypatch, capsys, index.path, "x", "--where", "topic=none")[1].endswith("nothing found\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "x"], "nowhere is no folder"),
        (["INDEX", "x", "--where", "topc=sky"], "no column 'topc' to filter by"),
        (["INDEX", "x", "--where", "topic"], "--where 'topic' is no condition"),
        (["INDEX", "x", "--columns", "titl"], "did you mean 'title'?"),
        (["INDEX", "x", "--layers", "3"], "layers=3 is no size of this index"),
        (["http://127.0.0.1:1/v1#docs", "x"], "does not answer"),
    ],
)
def test_what_is_wrong_is_one_line_and_code_two(index, monkeypatch, capsys, arguments, message):
    given = [str(index.path) if one == "INDEX" else one for one in arguments]
    code, out, err = run(monkeypatch, capsys, *given)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_model_that_moved_is_found_by_its_source_and_another_one_is_refused(
    tmp_path, monkeypatch, capsys
):
    index = small_index(tmp_path)
    moved = tmp_path / "moved"
    index.models[0].rename(moved)
    index.folder.write(index.record.model_copy(update={"model": str(moved)}))
    assert run(monkeypatch, capsys, index.path, "the moon")[0] == 0
    index.add_version(switch=False)
    shutil.rmtree(moved)
    index.models[1].rename(moved)
    code, _, err = run(monkeypatch, capsys, index.path, "the moon")
    assert code == 2
    assert "is not the model that made the vectors" in err


def test_a_query_gets_the_models_prompt_for_queries(tmp_path, monkeypatch, capsys):
    index = small_index(tmp_path, prompts={"query": "tell me about ", "document": "x "})
    plain, asked = texts()[4]["text"], "red bird"
    folder = search_answers.search_folder
    seen = []

    def spy(self, queries, **options):
        seen.append(options["prompt"])
        return encode(self, queries, **options)

    from embedworks.inference.engine import Engine

    encode = Engine.encode
    monkeypatch.setattr(Engine, "encode", spy)
    folder(str(index.path), search_answers.Asked([plain, asked], 1, {}, None, None, False, None), None)
    assert seen == ["tell me about "]


@contextmanager
def endpoint(*names: str, gate: Gate | None = None, index: SmallIndex) -> Iterator[str]:
    """The API of an endpoint that has the index under these names, on a real socket."""
    rooms = {name: index_room(index, name) for name in names}
    with listening(Api({}, gate, indexes={name: LocalIndex(room) for name, room in rooms.items()})) as url:
        yield f"{url}/v1"
    for room in rooms.values():
        room.close()


def test_an_endpoint_answers_as_the_folder_does(index, monkeypatch, capsys):
    # The folder's model is read as fits the machine, and the endpoint's in float32.
    monkeypatch.setattr(opening, "has_fast_bf16", lambda device: False)
    options = [
        "the moon",
        texts()[5]["text"],
        "-k",
        3,
        "--where",
        "year>=2000",
        "--columns",
        "title",
        "--json",
    ]
    options += ["--layers", 2, "--dimensions", 16, "--exact"]
    expected = json.loads(run(monkeypatch, capsys, index.path, *options)[1])
    with endpoint("docs", "wiki", index=index) as url:
        code, out, _ = run(monkeypatch, capsys, f"{url}/#wiki", *options)
        assert code == 0
        found = json.loads(out)
        code, _, err = run(monkeypatch, capsys, url, "a")
        assert (code, "one of docs, wiki" in err) == (2, True)
        code, _, err = run(monkeypatch, capsys, f"{url}#docs", "a", "--where", "topc=1")
        assert (code, "refuses: " in err and "no column 'topc'" in err) == (2, True)
    assert found["index"] == "wiki"
    same = ("object", "model", "version", "layers", "dimensions", "exact")
    assert {key: found[key] for key in same} == {key: expected[key] for key in same}
    for ours, theirs in zip(expected["data"], found["data"], strict=True):
        assert [(hit["id"], hit["row"]) for hit in ours["hits"]] == [
            (hit["id"], hit["row"]) for hit in theirs["hits"]
        ]
        scores = [[hit["score"] for hit in each["hits"]] for each in (ours, theirs)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_the_only_index_of_an_endpoint_needs_no_name_and_its_key_is_asked_for(index, monkeypatch, capsys):
    monkeypatch.delenv("EMBEDWORKS_API_KEY", raising=False)
    token, key = make_key("alice")
    with endpoint("docs", gate=Gate([key]), index=index) as url:
        code, _, err = run(monkeypatch, capsys, url, "a")
        assert (code, "--api-key" in err) == (2, True)
        code, out, _ = run(monkeypatch, capsys, url, "the moon", "--api-key", token)
    assert code == 0
    assert out.splitlines()[0] == "the moon"


def test_conditions_are_read_as_people_write_them():
    where = parse_where(["topic=lists", "topic = files", "year>=2020", "year<2025", "a=b=c", "name=x y"])
    ranges = {"gte": 2020, "lt": 2025}
    assert where == {"topic": ["lists", "files"], "year": ranges, "a": "b=c", "name": "x y"}
    values = parse_where(["a=true", "b=2.5", 'c="3.12"', "d=null", "e=[1]", "f!=-1", "g="])
    assert values == {
        "a": True, "b": 2.5, "c": "3.12", "d": "null", "e": "[1]", "f": {"ne": -1}, "g": ""
    }  # fmt: skip
    for wrong in (["topic"], ["=3"], ["a=1", "a>2"], ["a>1", "a>2"]):
        with pytest.raises(InputError, match="--where"):
            parse_where(wrong)


def test_the_longest_value_gets_a_line_of_its_own():
    long = "word " * 30
    assert lines_of({"title": "T", "text": long, "year": 3, "none": None}) == ("T | 3", long.strip())
    assert lines_of({"title": "T", "year": 3}) == ("T | 3", "")
    assert lines_of({"text": "alone"}) == ("", "alone")
    assert lines_of({}) == ("", "")
