"""An engine reads templates as the embedder itself does, whatever else is in the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.folder.json_files import read_json
from embedworks.inference.engine import Engine
from embedworks.nn.instructions import Instructions
from embedworks.nn.pooling import pool, within_spans
from embedworks.transforms.templates import AND
from helpers.tiny import UNEVEN_TEXTS, tiny_decoder, tiny_model

PROMPTS = {
    "plain": "read ",
    "word": 'the {sentence} is in "',
    "echo": "read {text} read the {text}",
    "both": f'the {{sentence}} is in "{AND}a {{sentence}} is "',
}


@pytest.fixture(scope="module", params=["mean", "last", "weighted-mean", "latent"])
def embedder(request, tmp_path_factory) -> Embedder:
    pooling = {"pooler": {}} if request.param == "latent" else {"pooling": request.param}
    made = tiny_decoder(prompts=PROMPTS, normalize=False, **pooling)
    return Embedder.load(made.save(tmp_path_factory.mktemp("prompted") / "m"))


@pytest.mark.parametrize("name", PROMPTS)
def test_engine_embedder_and_one_text_alone_agree(embedder, name):
    prompt = PROMPTS[name]
    expected = embedder.encode(UNEVEN_TEXTS, prompt=prompt)
    engine = Engine(embedder, "fp32")
    assert expected.shape == (len(UNEVEN_TEXTS), 32)
    np.testing.assert_allclose(engine.encode(UNEVEN_TEXTS, prompt=prompt), expected, atol=1e-5)
    alone = torch.cat([embedder.encode([text], prompt=prompt) for text in UNEVEN_TEXTS])
    torch.testing.assert_close(alone, expected, atol=1e-5, rtol=0)
    at = engine.encode_at(UNEVEN_TEXTS, (1, 3), prompt=prompt)
    np.testing.assert_allclose(at[3], expected, atol=1e-5)
    shallow = embedder.encode(UNEVEN_TEXTS, prompt=prompt, layers=1)
    np.testing.assert_allclose(at[1], shallow, atol=1e-5)


def test_the_last_token_is_read_by_hand():
    embedder = tiny_decoder(prompts=PROMPTS, normalize=False, pooling="mean")
    ids, mask = embedder.tokenize(["red bird", "a stone sings"], PROMPTS["word"]).values()
    states = embedder.layer_states(ids, mask)[-1]
    found = embedder.encode(["red bird", "a stone sings"], prompt=PROMPTS["word"])
    torch.testing.assert_close(found, pool(states, mask, "last"))
    assert (ids == embedder.tokenizer.sep_token_id).sum() == 0, "no EOS behind an open quotation mark"


def test_echo_pools_the_second_occurrence_which_has_seen_the_whole_text():
    embedder = tiny_decoder(prompts=PROMPTS, normalize=False, pooling="mean")
    states, spans = [], []
    for text in ("red bird sing", "red bird fall"):
        ids, mask = embedder.tokenize([text], PROMPTS["echo"]).values()
        states.append(embedder.layer_states(ids, mask)[-1][0])
        spans.append(embedder.reader.spans(ids.tolist())[0])
    (begin, end), first = spans[0], 2  # [CLS] read | red bird sing
    assert (begin, end) == (7, 10)
    differs = (states[0] - states[1]).abs().amax(-1) > 1e-5
    assert not differs[first], "the first word of the first occurrence has not seen the last word"
    assert differs[begin], "that of the second has"
    found = embedder.encode(["red bird sing"], prompt=PROMPTS["echo"])[0]
    torch.testing.assert_close(found, states[0][begin:end].mean(0), atol=1e-5, rtol=0)


def test_the_mean_over_templates_is_taken_before_normalising():
    embedder = tiny_decoder(prompts=PROMPTS, normalize=True, pooling="mean")
    raw = embedder.settings.model_copy(update={"normalize": False})
    both, text = PROMPTS["both"], ["red bird"]
    found = embedder.encode(text, prompt=both)
    embedder.settings = raw
    parts = torch.stack([embedder.encode(text, prompt=one) for one in both.split(AND)])
    expected = torch.nn.functional.normalize(parts.mean(0), dim=-1)
    torch.testing.assert_close(found, expected)
    assert (torch.nn.functional.normalize(parts, dim=-1).mean(0) - found).abs().max() > 1e-3


def test_a_template_that_the_model_does_not_have_is_read_by_its_form_too():
    embedder, other = (tiny_decoder(prompts=p, normalize=False) for p in ({}, PROMPTS))
    expected = other.encode(["red bird"], prompt=PROMPTS["word"])
    torch.testing.assert_close(embedder.encode(["red bird"], prompt=PROMPTS["word"]), expected)
    np.testing.assert_allclose(
        Engine(embedder, "fp32").encode(["red bird"], prompt=PROMPTS["word"]), expected, atol=1e-6
    )


def test_encoders_have_templates_as_well():
    embedder = tiny_model(prompts=PROMPTS, pooling="mean")
    for prompt in PROMPTS.values():
        expected = embedder.encode(UNEVEN_TEXTS, prompt=prompt)
        found = Engine(embedder, "fp32").encode(UNEVEN_TEXTS, prompt=prompt)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_instructions_and_templates_stand_side_by_side():
    template = Instructions()
    prompts = {**PROMPTS, "query": template.prompt("find the stone")}
    embedder = tiny_decoder(prompts=prompts, instructions=template, pooling="mean")
    engine = Engine(embedder, "fp32")
    bare = tiny_decoder(prompts={}, instructions=template, pooling="mean")
    np.testing.assert_allclose(
        engine.encode(["red bird"], prompt=prompts["query"]),
        bare.encode(["red bird"], prompt=prompts["query"]),
        atol=1e-6,
    )
    np.testing.assert_allclose(
        engine.encode(["red bird"], prompt=prompts["word"]),
        tiny_decoder(prompts=PROMPTS, pooling="mean").encode(["red bird"], prompt=prompts["word"]),
        atol=1e-6,
    )


def test_tokens_of_a_text_are_those_of_all_its_templates():
    engine = Engine(tiny_decoder(prompts=PROMPTS), "fp32")
    rows = engine.tokens.cut(["red", "red bird"], PROMPTS["both"])
    counts = engine.token_counts(["red", "red bird"], PROMPTS["both"])
    assert counts == [len(rows[0]) + len(rows[1]), len(rows[2]) + len(rows[3])]


def test_other_libraries_are_not_told_of_templates(tmp_path: Path):
    folder = tiny_decoder(prompts=PROMPTS).save(tmp_path / "m")
    told = read_json(folder / "config_sentence_transformers.json")["prompts"]
    assert told == {"plain": "read "}
    assert Embedder.load(folder).settings.prompts == PROMPTS


def test_a_mask_within_spans():
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])
    assert within_spans(mask, torch.tensor([[1, 9], [0, 2]])).tolist() == [[0, 1, 1, 0], [1, 1, 0, 0]]
