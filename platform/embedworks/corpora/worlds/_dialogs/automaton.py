"""The flow automaton of a domain, read from a script, and what is said on the way through it.

A script lists nodes. A node is a speaker with an action; the lines below say where it leads (with weights,
1 if not given) and how it may be worded:

    user inform people date
    > system request time 2, system offer name
        A table for {people} on {date}, please.

The first word of an action is its act (several are joined by ``+``), the others are its slots.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

START, END = "[start]", "[end]"
PLACEHOLDER = re.compile(r"(\b[Aa] )?\{(\w+)\}")
SENTENCE = re.compile(r"(?:^|(?<=[.?!] ))[a-z]")
VOWEL = re.compile(r"(?!uni|one\b|eu|uk)[aeiou]", re.IGNORECASE)
RENEWING = frozenset(
    {"offer", "change", "notify"}
)  # acts that put new values in place of what was said before


@dataclass(frozen=True)
class Node:
    """A speaker's action, and where it leads.

    Attributes:
        speaker: user or system; empty for the start.
        acts: What is done: request, inform, ...
        slots: What it is about, in the order of the label.
        texts: Its wordings.
        targets: Keys of the nodes behind it.
        shares: The probability of each.
    """

    speaker: str
    acts: tuple[str, ...]
    slots: tuple[str, ...]
    texts: tuple[str, ...]
    targets: tuple[str, ...]
    shares: tuple[float, ...]

    @property
    def action(self) -> str:
        """The label: acts, then slots."""
        return " ".join([", ".join(self.acts), *self.slots])

    @property
    def key(self) -> str:
        """Its name in the automaton."""
        return f"{self.speaker}: {self.action}" if self.speaker else START

    @property
    def valued(self) -> tuple[str, ...]:
        """The slots for which the wordings name a value."""
        return tuple(slot for slot in self.slots if f"{{{slot}}}" in self.texts[0])

    def follow(self, rng: np.random.Generator) -> str:
        """The key of a node behind it, drawn."""
        place = bisect_right(list(accumulate(self.shares)), rng.random())
        return self.targets[min(place, len(self.targets) - 1)]


def read_script(script: str) -> dict[str, Node]:
    """key -> node, in the order of the script."""
    nodes = (_read_node(block.strip().splitlines()) for block in script.strip().split("\n\n"))
    return {node.key: node for node in nodes}


def _read_node(lines: list[str]) -> Node:
    speaker, acts, slots = _read_action(lines[0])
    steps = [_read_step(step) for step in lines[1].removeprefix("> ").split(", ")]
    total = sum(weight for _, weight in steps)
    return Node(
        speaker=speaker,
        acts=acts,
        slots=slots,
        texts=tuple(line.strip() for line in lines[2:]),
        targets=tuple(target for target, _ in steps),
        shares=tuple(weight / total for _, weight in steps),
    )


def _read_action(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Speaker, acts, slots."""
    speaker, *rest = text.split()
    if not rest:
        return "", (), ()
    return speaker, tuple(rest[0].split("+")), tuple(rest[1:])


def _read_step(text: str) -> tuple[str, int]:
    """The key of the node that a step leads to, and the step's weight."""
    *words, last = text.split()
    weight = int(last) if last.isdigit() else 1
    action = " ".join(words) if last.isdigit() else text
    if action == "end":
        return END, weight
    speaker, acts, slots = _read_action(action)
    return Node(speaker, acts, slots, (), (), ()).key, weight


def walk(nodes: Mapping[str, Node], rng: np.random.Generator, longest: int) -> list[Node]:
    """A path from start to end; one that is longer than ``longest`` is drawn again."""
    while True:
        path: list[Node] = []
        key = nodes[START].follow(rng)
        while key != END and len(path) < longest:
            path.append(nodes[key])
            key = nodes[key].follow(rng)
        if key == END:
            return path


class State:
    """What has been said in a dialog.

    Args:
        values: slot -> what it may be filled with.
    """

    def __init__(self, values: Mapping[str, tuple[str, ...]]) -> None:
        self.values = values
        self.known: dict[str, str] = {}
        self.answers: set[str] = set()  # slots that describe what the system offered last

    def fill(self, node: Node, rng: np.random.Generator) -> None:
        """Draw the values that a node names where they are not known yet, none of them twice."""
        if "offer" in node.acts:
            for slot in sorted(self.answers):
                del self.known[slot]
            self.answers.clear()
        for slot in node.valued:
            if slot not in self.known or RENEWING & set(node.acts):
                free = [value for value in self.values[slot] if value not in self.known.values()]
                self.known[slot] = free[rng.integers(len(free))]
                if node.speaker == "system" and "inform" in node.acts:
                    self.answers.add(slot)


def speak(text: str, state: Mapping[str, str]) -> str:
    """A wording with its values, articles and capitals put right."""

    def value(match: re.Match[str]) -> str:
        article, found = match[1] or "", state[match[2]]
        return f"{article[:1]}n {found}" if article and VOWEL.match(found) else article + found

    filled = PLACEHOLDER.sub(value, text)
    return SENTENCE.sub(lambda match: match[0].upper(), filled)
