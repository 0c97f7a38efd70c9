from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET

import pytest

from embedworks.errors import InputError
from embedworks.jobs.claims.load import load_claim
from embedworks.jobs.claims.page import page_text, rewrite_pages, write_pages
from embedworks.jobs.claims.plot import plot_record
from embedworks.jobs.claims.record import record
from embedworks.jobs.claims.records import load_record
from embedworks.jobs.claims.runner import Outcome
from embedworks.jobs.claims.verdict import decide
from helpers.toy_claim import write_claim

VALUES = {
    "half": {"near": {1: 0.41, 2: 0.42, 3: 0.43}, "far": {1: 0.1, 2: 0.2, 3: 0.3}},
    "whole": {"near": {1: 0.61, 2: 0.62, 3: 0.63}, "loss": {1: 1.0, 2: 2.0, 3: 3.0}},
}
SECONDS = {"half": {1: 10.0, 2: 20.0, 3: 30.0}, "whole": {1: 1.0, 2: 1.0, 3: 1.0}}


@pytest.fixture
def loaded(tmp_path):
    return load_claim(str(write_claim(tmp_path)))


@pytest.fixture
def found(loaded):
    return record(loaded, Outcome(VALUES, SECONDS, (1, 2, 3), decide(loaded.claim, VALUES)))


def test_a_record_keeps_what_a_page_and_a_catalogue_need(found, tmp_path):
    assert (found.verdict, found.seeds) == ("reproduced", [1, 2, 3])
    assert found.arms["half"]["near"].mean == pytest.approx(0.42)
    assert found.samples == {"half": 64, "whole": 64}
    assert found.seconds["half"] == 20
    assert found.reproduced[0].mean == pytest.approx(0.2)
    assert found.command == "embedworks claim toy"
    assert "torch" in found.versions
    found.write(tmp_path)
    assert load_record(tmp_path, "toy") == found
    assert load_record(tmp_path, "other") is None


def test_a_page_says_what_was_asked_found_and_decided(loaded, found):
    page = page_text(loaded, found)
    assert "Verdict: **reproduced**. more is better" in page
    assert "| `half` | 0.4200 [0.3952, 0.4448]<br>0.4100, 0.4200, 0.4300 | 0.2000" in page
    assert "| near(whole) - near(half) > 0 at interval | yes | 0.2000 |" in page
    assert "| near(whole) - near(half) <= 0 in the mean | no | 0.2000 |" in page
    assert "Training sees 64 samples in every arm." in page
    assert "without" not in page.partition("## Arms")[0]


def test_a_part_of_an_experiment_says_so(loaded):
    part = record(loaded, Outcome(VALUES, SECONDS, (1, 2), None))
    page = page_text(loaded, part)
    assert "Verdict: none" in page
    assert "## Decision" not in page


def test_what_was_looked_into_stands_behind_the_decision(loaded, found):
    claim = loaded.claim.model_copy(update={"afterwards": "One batch can be learned by heart."})
    explained = dataclasses.replace(loaded, claim=claim)
    before, title, after = page_text(explained, found).partition("## Looked into afterwards\n\n")
    assert title
    assert "## Decision" in before
    assert after.startswith("One batch can be learned by heart.")
    part = record(explained, Outcome(VALUES, SECONDS, (1, 2), None))
    assert "learned by heart" not in page_text(explained, part)


def test_a_page_is_written_anew_from_its_record(loaded, found, tmp_path):
    with pytest.raises(InputError, match="no result of claim 'toy' is recorded"):
        rewrite_pages(loaded, tmp_path)
    written = write_pages(loaded, found, tmp_path)
    texts = [file.read_bytes() for file in written]
    for file in written[1:]:
        file.unlink()
    assert rewrite_pages(loaded, tmp_path) == written[1:]
    assert [file.read_bytes() for file in written] == texts


def test_a_record_of_other_arms_is_no_page_of_this_claim(loaded, found, tmp_path):
    found.model_copy(update={"arms": {"haalf": found.arms["half"]}}).write(tmp_path)
    with pytest.raises(InputError, match="did you mean 'half'"):
        rewrite_pages(loaded, tmp_path)


def test_the_plot_has_every_arm_and_is_always_the_same(loaded, found, tmp_path):
    data, plot, page = write_pages(loaded, found, tmp_path / "claims")
    assert json.loads(data.read_text())["verdict"] == "reproduced"
    assert f"({plot.name})" in page.read_text()
    drawn = plot.read_bytes()
    ET.fromstring(drawn)
    plot_record(loaded.claim, found, plot)
    assert plot.read_bytes() == drawn
    # Two panels: `near` has values of both arms, `loss` of one; three seeds each.
    assert drawn.count(b"<use ") >= 9


def test_a_measure_of_few_arms_is_a_line_and_no_column(loaded, found):
    row = found.arms["half"]["far"]
    arms = {f"arm-{n}": {"near": row} for n in range(4)} | {"half": {"near": row, "far": row}}
    few = found.model_copy(update={"arms": arms, "samples": dict.fromkeys(arms, 64)})
    assert few.measures() == (["near"], ["far"])
    named = loaded.claim.arms["half"]
    claim = loaded.claim.model_copy(update={"arms": dict.fromkeys(arms, named)})
    page = page_text(dataclasses.replace(loaded, claim=claim), few)
    assert "| arm | near |\n" in page
    assert "| far | `half` | 0.2000 [" in page
