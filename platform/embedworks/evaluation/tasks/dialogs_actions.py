"""Tell the action of an utterance in domains that training never saw, by one labelled utterance of each."""

from __future__ import annotations

from collections.abc import Mapping

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.few_shot import FewShot
from embedworks.flow.texts import normalise_utterance

NAME = "dialogs-actions"
corpora = ("dialogs",)


def build(corpora: Mapping[str, Corpus]) -> FewShot:
    """The task from the test split of ``dialogs``; a wording that is repeated for an action counts once."""
    domains: dict[str, dict[tuple[str, str], None]] = {}
    for row in corpora["dialogs"].iter_rows("test", columns=["turns", "domain"]):
        own = domains.setdefault(row["domain"], {})
        own |= {(normalise_utterance(turn["text"]), turn["action"]): None for turn in row["turns"]}
    return FewShot(NAME, {name: list(pairs) for name, pairs in sorted(domains.items())})
