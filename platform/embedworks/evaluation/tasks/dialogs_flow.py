"""Draw the flow graphs of domains that training never saw, and compare them with the true automata."""

from __future__ import annotations

from collections.abc import Mapping

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.dialog_flow import DialogFlow
from embedworks.flow.texts import normalise_utterance

NAME = "dialogs-flow"
corpora = ("dialogs",)


def build(corpora: Mapping[str, Corpus]) -> DialogFlow:
    """The task from the test split of ``dialogs``."""
    domains: dict[str, list[list[tuple[str, str, str]]]] = {}
    automata = {}
    for row in corpora["dialogs"].iter_rows("test", columns=["turns", "domain", "automaton"]):
        turns = [(t["speaker"], normalise_utterance(t["text"]), t["action"]) for t in row["turns"]]
        domains.setdefault(row["domain"], []).append(turns)
        automata[row["domain"]] = [(e["source"], e["target"], e["probability"]) for e in row["automaton"]]
    return DialogFlow(NAME, dict(sorted(domains.items())), automata)
