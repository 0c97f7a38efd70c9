"""Endpoints over real HTTP."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.evaluation.endpoint import BATCH, Endpoint
from helpers.embeddings_server import Served, serving

WIDTH = 4


def lengths(texts, body):
    return np.array([[len(text), body.get("layers", 0), 0, 1] for text in texts], np.float32)


def served(**options) -> Served:
    return Served(lengths, [{"id": "small", "created": 7}], **options)


def test_vectors_come_in_the_order_of_the_texts_in_several_batches() -> None:
    texts = ["x" * number for number in range(1, 2 * BATCH + 6)]
    with serving(server := served()) as url:
        endpoint = Endpoint.open(f"{url}#small")
        found = endpoint.encode(texts, prompt="ab", layers=2, dimensions=2)
    assert found.tolist() == [[len(text) + 2, 2] for text in texts]
    assert sorted(len(body["input"]) for body in server.bodies) == [5, BATCH, BATCH]
    assert {body["model"] for body in server.bodies} == {"small"}


def test_a_prompt_that_the_server_has_goes_by_its_name() -> None:
    server = served()
    server.cards[0]["embedworks"] = {"prompts": ["query"], "layers": 4}
    with serving(server) as url:
        endpoint = Endpoint.open(url)  # its only model
        assert endpoint.encode(["abc"], prompt="query")[0, 0] == 3
    assert server.bodies[0]["prompt_name"] == "query"
    assert "layers" not in server.bodies[0]


def test_long_texts_are_cut_until_they_are_taken(caplog) -> None:
    with serving(served(longest=100)) as url:
        found = Endpoint.open(url).encode(["x" * 120, "short", "y" * 99])
    assert found[:, 0].tolist() == [90, 5, 99]
    assert "cut a text to 90 characters" in caplog.text


def test_a_busy_server_is_asked_again() -> None:
    with serving(served(busy=2)) as url:
        assert Endpoint.open(url).encode(["abc"])[0, 0] == 3


def test_a_server_that_refuses_everything_is_an_input_error() -> None:
    with (
        serving(served(longest=2)) as url,
        pytest.raises(InputError, match="refuses a text of 16 characters: an input"),
    ):
        Endpoint.open(url).encode(["x" * 40])


def test_layers_that_were_not_trained_end_at_once() -> None:
    with serving(server := served(depths=(2, 4))) as url:
        assert Endpoint.open(url).encode(["x" * 40], layers=2)[0, 0] == 40
        with pytest.raises(InputError, match=r"expected one of \(2, 4\).*`sizes: any`"):
            Endpoint.open(url).encode(["x" * 40], layers=3)
    assert len(server.bodies) == 2


def test_one_of_several_models_has_to_be_named() -> None:
    server = served()
    server.cards.append({"id": "large"})
    with serving(server) as url, pytest.raises(InputError, match=r"several models.*one of small, large"):
        Endpoint.open(url)


def test_keys_names_and_addresses_are_checked() -> None:
    with serving(served(api_key="secret")) as url:
        with pytest.raises(InputError, match=r"401: wrong key; expected a key, by --api-key"):
            Endpoint.open(f"{url}#small")
        with pytest.raises(InputError, match=r"no model 'smalls'.*did you mean 'small'"):
            Endpoint.open(f"{url}#smalls", "secret")
        assert Endpoint.open(f"{url}#small", "secret").encode(["a"]).shape == (1, WIDTH)
    with pytest.raises(InputError, match="does not answer"):
        Endpoint.open(url)
