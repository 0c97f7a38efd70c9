"""``dialogs``: task-oriented dialogs whose every turn is a known action in a known automaton.

Eleven domains have a hand-made automaton each, with six wordings or more for every action. Acts and slots
are shared by the domains; wordings are not. Three domains are held out as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from types import ModuleType

import pyarrow as pa
from pydantic import Field

from embedworks.corpora.recipe import Row, WorldOptions, row_rng
from embedworks.corpora.worlds._dialogs import (
    courier,
    flights,
    florist,
    helpdesk,
    hosting,
    hotel,
    orders,
    restaurant,
    shelter,
    sports,
    vehicles,
)
from embedworks.corpora.worlds._dialogs.automaton import Node, State, read_script, speak, walk
from embedworks.corpora.worlds._dialogs.values import Pools

NAME = "dialogs"
DESCRIPTION = (
    "Task-oriented dialogs with the action, the slots and the state of every turn, and each domain's flow "
    "automaton."
)
LICENCE = "BSD-3-Clause (names from emoji and babel)"
SPLIT_RULE = (
    "by domain: test holds courier, florist and hosting, whose wordings, territories, packages and goods "
    "are nowhere in train; validation holds other dialogs of the domains in train"
)
PAIR = pa.struct([("name", pa.string()), ("value", pa.string())])
TURN = pa.struct(
    [
        ("speaker", pa.string()),
        ("text", pa.string()),
        ("action", pa.string()),
        ("acts", pa.list_(pa.string())),
        ("slots", pa.list_(PAIR)),
        ("state", pa.list_(PAIR)),
    ]
)
EDGE = pa.struct([("source", pa.string()), ("target", pa.string()), ("probability", pa.float64())])
SCHEMA = pa.schema(
    [("turns", pa.list_(TURN)), ("domain", pa.string()), ("automaton", pa.list_(EDGE)), ("id", pa.string())]
)
COLUMNS = {
    "turns": "speaker (user or system); text; action: acts and slots as one label; acts; slots, with the "
    "value that the text names or null; state: all values named so far, the newest of each slot",
    "domain": "what it is about",
    "automaton": "all edges of the domain's automaton: nodes are 'speaker: action', [start] and [end]; "
    "every dialog is a random walk with these probabilities, drawn again if it is longer than 40 turns",
    "id": "split and number",
}
SERVES = ("dialog2flow",)

LONGEST = 40  # turns
SEEN = (
    flights,
    helpdesk,
    hotel,
    orders,
    restaurant,
    shelter,
    sports,
    vehicles,
)
UNSEEN = (courier, florist, hosting)
SPLITS = {"train": SEEN, "validation": SEEN, "test": UNSEEN}


class Options(WorldOptions):
    """How many dialogs; a dialog has about a dozen turns."""

    train: int = Field(default=2400, ge=1, description="dialogs of the 8 domains to learn from, in turn")
    validation: int = Field(default=240, ge=0, description="other dialogs of the same domains")
    test: int = Field(default=600, ge=0, description="dialogs of the 3 domains held out, in turn")

    @property
    def rows(self) -> dict[str, int]:
        """Split -> dialogs, validation among them."""
        return {split: getattr(self, split) for split in SPLITS if getattr(self, split)}


def source(options: Options) -> str:  # noqa: ARG001
    """Whose names fill the slots."""
    return f"generated; names of emoji {version('emoji')} and babel {version('babel')}"


@dataclass(frozen=True)
class Domain:
    """A domain, read once."""

    name: str
    nodes: dict[str, Node]
    values: dict[str, tuple[str, ...]]

    @cached_property
    def edges(self) -> list[Row]:
        """The automaton."""
        return [
            {"source": node.key, "target": target, "probability": share}
            for node in self.nodes.values()
            for target, share in zip(node.targets, node.shares, strict=True)
        ]


def read_domain(module: ModuleType) -> Domain:
    """The domain that a module describes."""
    values = module.values(Pools(held_out=module in UNSEEN))
    return Domain(module.NAME, read_script(module.SCRIPT), values)


class World:
    """Draws dialogs."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.domains = {split: [read_domain(one) for one in modules] for split, modules in SPLITS.items()}

    def row(self, split: str, index: int) -> Row:
        """One dialog."""
        rng = row_rng(self.options.seed, NAME, split, index)
        domain = self.domains[split][index % len(self.domains[split])]
        state = State(domain.values)
        turns = []
        for node in walk(domain.nodes, rng, LONGEST):
            state.fill(node, rng)
            text = speak(node.texts[rng.integers(len(node.texts))], state.known)
            turns.append(_turn(node, text, state.known))
        return {
            "turns": turns,
            "domain": domain.name,
            "automaton": domain.edges,
            "id": f"{split}-{index:06d}",
        }


def _turn(node: Node, text: str, known: dict[str, str]) -> Row:
    named = {slot: known[slot] if slot in node.valued else None for slot in node.slots}
    return {
        "speaker": node.speaker,
        "text": text,
        "action": node.action,
        "acts": list(node.acts),
        "slots": [{"name": name, "value": value} for name, value in named.items()],
        "state": [{"name": name, "value": value} for name, value in known.items()],
    }
